"""The same metrics over OTLP (http/protobuf): one look at the state an export, whatever is asked of it."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricExportResult,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from fournines.clock import real_now
from fournines.telemetry import Distribution
from slo.metrics import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk.metrics.export import MetricExporter

    from fournines.telemetry import Sample, Samples
    from slo.metrics import Family

_log = logging.getLogger(__name__)

PERIOD_S = 30.0
TIMEOUT_S = 5
_CUMULATIVE = AggregationTemporality.CUMULATIVE


class Export:
    """Sends all families every `period_s` of real time, from `start` until `shutdown`, and once more then.

    A collector that is away costs a line in the log, and nothing else.
    """

    def __init__(
        self, source: Samples, exporter: MetricExporter, version: str, period_s: float = PERIOD_S
    ) -> None:
        self._source, self._exporter, self._period_s = source, exporter, period_s
        self._resource = Resource({"service.name": "fournines", "service.version": version})
        self._scope = InstrumentationScope("fournines", version)
        self._began_ns = _now_ns()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="otlp", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def shutdown(self) -> None:
        """Send a last time and stop."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(TIMEOUT_S)
        self.push()
        self._exporter.shutdown()

    def push(self) -> None:
        """Look once, and send what is seen."""
        try:
            sent = self._exporter.export(self._seen()) is MetricExportResult.SUCCESS
        except Exception:  # noqa: BLE001 - a look that fails must not end the thread
            _log.exception("metrics could not be read for OTLP")
            return
        if not sent:
            _log.warning("the OTLP endpoint does not take metrics; tried again in %.0f s", self._period_s)

    def _run(self) -> None:
        while not self._stop.wait(self._period_s):
            self.push()

    def _seen(self) -> MetricsData:
        now = _now_ns()
        families = [
            Metric(family.name, family.help, _unit(family), _data(family, samples, self._began_ns, now))
            for family, samples in self._source.samples().items()
        ]
        return MetricsData([ResourceMetrics(self._resource, [ScopeMetrics(self._scope, families, "")], "")])


def export(source: Samples, endpoint: str, version: str) -> Export:
    """Begin to send metrics to an OTLP endpoint, such as http://collector:4318."""
    logging.getLogger("opentelemetry.exporter").setLevel(logging.CRITICAL)  # we say it in one line
    sending = Export(
        source, OTLPMetricExporter(f"{endpoint.rstrip('/')}/v1/metrics", timeout=TIMEOUT_S), version
    )
    sending.start()
    return sending


def _data(family: Family, samples: Sequence[Sample], began: int, now: int) -> Sum | Gauge | Histogram:
    if family.kind is Kind.HISTOGRAM:
        return Histogram([_histogram(family, sample, began, now) for sample in samples], _CUMULATIVE)
    points = [
        NumberDataPoint(_named(family, labels), began, now, value)
        for labels, value in samples
        if not isinstance(value, Distribution)
    ]
    return Sum(points, _CUMULATIVE, is_monotonic=True) if family.kind is Kind.COUNTER else Gauge(points)


def _histogram(family: Family, sample: Sample, began: int, now: int) -> HistogramDataPoint:
    labels, value = sample
    assert isinstance(value, Distribution), f"{family.name} is a histogram"
    return HistogramDataPoint(
        attributes=_named(family, labels),
        start_time_unix_nano=began,
        time_unix_nano=now,
        count=sum(value.counts),
        sum=value.total,
        bucket_counts=value.counts,
        explicit_bounds=value.bounds,
        min=float("nan"),
        max=float("nan"),
    )


def _named(family: Family, labels: tuple[str, ...]) -> dict[str, str]:
    return dict(zip(family.labels, labels, strict=True))


def _unit(family: Family) -> str:
    """Return the unit that the name bears; receivers append any other, which would rename the metric."""
    return family.unit if family.unit in family.name.split("_") else ""


def _now_ns() -> int:
    return int(real_now().timestamp() * 1e9)
