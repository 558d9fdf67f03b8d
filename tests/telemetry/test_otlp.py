"""What is sent over OTLP, read back at a receiver on loopback: the same as /metrics."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from prometheus_client import generate_latest

from fournines import otlp, telemetry
from fournines.store.books import Books
from tests.telemetry.state import known_state
from tests.telemetry.test_metrics import told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from fournines.telemetry import Sample
    from slo.metrics import Family


class Receiver:
    """An OTLP collector that keeps what it is sent; it answers `status`."""

    def __init__(self, status: str = "200 OK") -> None:
        self.status = status
        self.received: list[ExportMetricsServiceRequest] = []
        self.paths: list[str] = []

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        self.paths.append(environ["PATH_INFO"])
        self.received.append(ExportMetricsServiceRequest.FromString(body))
        start_response(self.status, [("Content-Type", "application/x-protobuf")])
        return [b""]


class Counting:
    """Samples that count how often they are asked."""

    def __init__(self, samples: telemetry.Samples) -> None:
        self.asked, self._samples = 0, samples

    def samples(self) -> Mapping[Family, list[Sample]]:
        self.asked += 1
        return self._samples.samples()  # type: ignore[return-value]  # handed on as it is


@pytest.fixture
def books() -> Iterator[Books]:
    with Books.open("sqlite://") as opened:
        yield opened


def points(request: ExportMetricsServiceRequest) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every number by name and labels, a histogram as Prometheus spells it."""
    found: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}
    for metric in request.resource_metrics[0].scope_metrics[0].metrics:
        kind = metric.WhichOneof("data")
        for point in getattr(metric, kind).data_points:
            labels = tuple(sorted((each.key, each.value.string_value) for each in point.attributes))
            if kind != "histogram":
                found[metric.name, labels] = point.as_double
                continue
            below = 0
            bounds = [*(f"{bound:g}" for bound in point.explicit_bounds), "+Inf"]
            for bound, count in zip(bounds, point.bucket_counts, strict=True):
                below += count
                where = tuple(sorted((*labels, ("le", bound))))
                found[f"{metric.name}_bucket", where] = float(below)
            found[f"{metric.name}_count", labels] = float(point.count)
            found[f"{metric.name}_sum", labels] = point.sum
    return found


def normal(series: Mapping[tuple[str, tuple[tuple[str, str], ...]], float]) -> dict[object, float]:
    """Bounds as numbers: 60 and 60.0 are one."""
    return {
        (name, tuple((k, str(float(v)) if k == "le" else v) for k, v in labels)): value
        for (name, labels), value in series.items()
    }


def test_what_is_sent_is_what_can_be_scraped(serve: Callable[[WSGIApplication], str], books: Books) -> None:
    receiver, state = Receiver(), known_state(books)
    sending = otlp.export(state, serve(receiver), "1.2.3")
    sending.shutdown()
    (request,) = receiver.received
    scraped = told(generate_latest(telemetry.registry(state)).decode())
    assert normal(points(request)) == normal(scraped)
    assert receiver.paths == ["/v1/metrics"]


def test_who_sends_is_named_and_counters_are_cumulative(
    serve: Callable[[WSGIApplication], str], books: Books
) -> None:
    receiver = Receiver()
    otlp.export(known_state(books), serve(receiver), "1.2.3").shutdown()
    (resource,) = receiver.received[0].resource_metrics
    attributes = {each.key: each.value.string_value for each in resource.resource.attributes}
    assert attributes == {"service.name": "fournines", "service.version": "1.2.3"}
    by_name = {metric.name: metric for metric in resource.scope_metrics[0].metrics}
    assert by_name["sli_all_total"].sum.is_monotonic
    assert by_name["sli_all_total"].sum.aggregation_temporality == 2
    assert (by_name["sli_all_total"].unit, by_name["slo_sli_ratio"].unit) == ("", "ratio")


def test_one_export_takes_one_look(serve: Callable[[WSGIApplication], str], books: Books) -> None:
    counting = Counting(known_state(books))
    sending = otlp.Export(counting, OTLPMetricExporter(f"{serve(Receiver())}/v1/metrics"), "1")
    sending.push()
    assert counting.asked == 1


def test_a_collector_that_is_away_costs_a_line_in_the_log(
    serve: Callable[[WSGIApplication], str], books: Books, caplog: pytest.LogCaptureFixture
) -> None:
    receiver = Receiver("400 Bad Request")
    with caplog.at_level(logging.WARNING):
        otlp.export(known_state(books), serve(receiver), "1").shutdown()
    assert [record.getMessage() for record in caplog.records if record.name == "fournines.otlp"] == [
        "the OTLP endpoint does not take metrics; tried again in 30 s"
    ]
