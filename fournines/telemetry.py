"""What is known, as metrics: read when somebody asks, for Prometheus and over OTLP alike."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Protocol

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.metrics import Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from collector import catalog
from remediation import metrics as remedies
from slo import metrics
from slo.metrics import Family, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from opentelemetry.metrics import CallbackOptions

    #: The values of a family's labels, in the family's order, and the number.
    Sample = tuple[tuple[str, ...], float]

OTLP_PERIOD_S = 30
OTLP_TIMEOUT_S = 5

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
    EVENTS := Family(
        "fournines_events_total", Kind.COUNTER, "", ("kind",), "Events that were kept, by kind."
    ),
)


#: Everything that is exported.
EXPORTED = (*metrics.FAMILIES, *catalog.FAMILIES, *remedies.FAMILIES, *FAMILIES)


class Samples(Protocol):
    """Who knows the numbers."""

    def samples(self) -> Mapping[Family, Sequence[Sample]]:
        """Return every family that has numbers now."""
        ...


class _Scrape(Collector):
    """Answers each scrape from the state as it is then."""

    def __init__(self, source: Samples) -> None:
        self._source = source

    def describe(self) -> Iterable[CounterMetricFamily | GaugeMetricFamily]:
        """Name nothing ahead: what exists is told when it is asked for."""
        return ()

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        """Yield every family with its samples."""
        for family, samples in self._source.samples().items():
            make = CounterMetricFamily if family.kind is Kind.COUNTER else GaugeMetricFamily
            metric = make(family.name, family.help, labels=family.labels)
            for labels, value in samples:
                metric.add_metric(labels, value)
            yield metric


def registry(source: Samples) -> CollectorRegistry:
    """Return a registry that knows just this source."""
    made = CollectorRegistry()
    made.register(_Scrape(source))
    return made


def export(source: Samples, endpoint: str, version: str) -> MeterProvider:
    """Send the same families to an OTLP endpoint (http/protobuf) on real time, until `shutdown` is called.

    A collector that is away costs a line in the log, and nothing else.
    """
    logging.getLogger("opentelemetry.exporter").setLevel(logging.ERROR)
    exporter = OTLPMetricExporter(endpoint=f"{endpoint.rstrip('/')}/v1/metrics", timeout=OTLP_TIMEOUT_S)
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=OTLP_PERIOD_S * 1000)
    resource = Resource({"service.name": "fournines", "service.version": version})
    provider = MeterProvider([reader], resource=resource, shutdown_on_exit=False)
    meter = provider.get_meter("fournines", version)
    for family in EXPORTED:
        observe = partial(_observe, source, family)
        if family.kind is Kind.COUNTER:
            meter.create_observable_counter(family.name, [observe], family.unit, family.help)
        else:
            meter.create_observable_gauge(family.name, [observe], family.unit, family.help)
    return provider


def _observe(source: Samples, family: Family, options: CallbackOptions) -> Iterator[Observation]:
    del options
    for labels, value in source.samples().get(family, ()):
        yield Observation(value, dict(zip(family.labels, labels, strict=True)))
