"""What is known, as metrics: read when somebody asks, so that they are as true as the state."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Protocol, Self

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from collector import catalog
from remediation import metrics as remedies
from slo import metrics
from slo.metrics import Family, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    #: The values of a family's labels, in the family's order, and the number.
    Sample = tuple[tuple[str, ...], "float | Distribution"]

FAMILIES = (
    UP := Family("fournines_up", Kind.GAUGE, "", (), "1 while every job has lately succeeded."),
    JOB_RUNS := Family("fournines_job_runs_total", Kind.COUNTER, "", ("job",), "How often a job ran."),
    JOB_FAILURES := Family(
        "fournines_job_failures_total", Kind.COUNTER, "", ("job",), "How often a job failed."
    ),
    JOB_SKIPPED := Family(
        "fournines_job_skipped_total",
        Kind.COUNTER,
        "",
        ("job",),
        "Turns that were missed because a run took too long.",
    ),
    JOB_LAST_SUCCESS := Family(
        "fournines_job_last_success_timestamp_seconds",
        Kind.GAUGE,
        "seconds",
        ("job",),
        "When a job last succeeded, as Unix time.",
    ),
    LEADS := Family(
        "fournines_leads",
        Kind.GAUGE,
        "",
        ("role",),
        "1 while this replica leads the role, 0 while it stands by.",
    ),
    OUTBOX_PENDING := Family(
        "fournines_outbox_pending", Kind.GAUGE, "", (), "Messages that people have not been sent yet."
    ),
    OUTBOX_STUCK := Family(
        "fournines_outbox_stuck",
        Kind.GAUGE,
        "",
        (),
        "Messages that Slack refused or did not take in several attempts, and is given again until it does.",
    ),
    STATEMENTS_WAITING := Family(
        "fournines_statements_waiting",
        Kind.GAUGE,
        "",
        ("place",),
        "Issued statements that could not be laid up yet: in the folder, or in S3.",
    ),
    HEARTBEATS := Family(
        "fournines_heartbeats_total",
        Kind.COUNTER,
        "",
        ("region",),
        "Heartbeats that were written to CloudWatch.",
    ),
    HEARTBEAT_FAILURES := Family(
        "fournines_heartbeat_failures_total",
        Kind.COUNTER,
        "",
        ("region",),
        "Heartbeats that could not be written.",
    ),
    HEARTBEAT_SILENT := Family(
        "fournines_heartbeat_silent",
        Kind.GAUGE,
        "",
        ("reason",),
        "1 for each reason why no heartbeat is written.",
    ),
    EVENTS_WAITING := Family(
        "fournines_events_waiting", Kind.GAUGE, "", ("region",), "Messages that wait in the queue of events."
    ),
    DEAD_LETTERS := Family(
        "fournines_dead_letters",
        Kind.GAUGE,
        "",
        ("region",),
        "Events that could not be delivered or kept, and lie among the dead letters.",
    ),
    EVENTS := Family(
        "fournines_events_total", Kind.COUNTER, "", ("kind",), "Events that were kept, by kind."
    ),
)


PrometheusFamily = CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily

#: Everything that is exported.
EXPORTED = (*metrics.FAMILIES, *catalog.FAMILIES, *remedies.FAMILIES, *FAMILIES)


@dataclass(frozen=True, slots=True)
class Distribution:
    """The value of a histogram: `counts[i]` lie above `bounds[i - 1]` and up to `bounds[i]`, the last beyond.

    `total` is their sum.
    """

    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    total: float

    def __post_init__(self) -> None:
        if len(self.counts) != len(self.bounds) + 1:
            raise ValueError(f"{len(self.bounds)} bounds part {len(self.bounds) + 1} counts")

    @classmethod
    def of(cls, values: Sequence[float], bounds: tuple[float, ...]) -> Self:
        """Count the values."""
        counts = [0] * (len(bounds) + 1)
        for value in values:
            counts[bisect_left(bounds, value)] += 1
        return cls(bounds, tuple(counts), float(sum(values)))

    def cumulative(self) -> list[tuple[str, float]]:
        """Return each upper bound with what lies up to it, as Prometheus wants it."""
        names = [*(f"{bound:g}" for bound in self.bounds), "+Inf"]
        return list(zip(names, map(float, accumulate(self.counts)), strict=True))


class Samples(Protocol):
    """Who knows the numbers."""

    def samples(self) -> Mapping[Family, Sequence[Sample]]:
        """Return every family that has numbers now."""
        ...


class _Scrape(Collector):
    """Answers each scrape from the state as it is then."""

    def __init__(self, source: Samples) -> None:
        self._source = source

    def describe(self) -> Iterable[PrometheusFamily]:
        """Name nothing ahead: what exists is told when it is asked for."""
        return ()

    def collect(self) -> Iterator[PrometheusFamily]:
        """Yield every family with its samples."""
        for family, samples in self._source.samples().items():
            yield _prometheus(family, samples)


def _prometheus(family: Family, samples: Sequence[Sample]) -> PrometheusFamily:
    if family.kind is Kind.HISTOGRAM:
        histogram = HistogramMetricFamily(family.name, family.help, labels=family.labels)
        for labels, value in samples:
            assert isinstance(value, Distribution), f"{family.name} is a histogram"
            histogram.add_metric(labels, value.cumulative(), value.total)
        return histogram
    make = CounterMetricFamily if family.kind is Kind.COUNTER else GaugeMetricFamily
    metric = make(family.name, family.help, labels=family.labels)
    for labels, value in samples:
        assert not isinstance(value, Distribution), f"{family.name} is a {family.kind}"
        metric.add_metric(labels, value)
    return metric


def registry(source: Samples) -> CollectorRegistry:
    """Return a registry that knows just this source."""
    made = CollectorRegistry()
    made.register(_Scrape(source))
    return made
