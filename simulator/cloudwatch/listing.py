"""ListMetrics: which series exist.  A sparse one exists from its first event on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from simulator.cloudwatch.catalogue import ALB, OF_SCOPE, Dimensions, Metric, in_zone
from simulator.cloudwatch.store import MINUTE_S
from simulator.cloudwatch.values import listed, position, token
from simulator.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from simulator.cloudwatch.custom import Custom
    from simulator.cloudwatch.reading import Reader

PAGE = 500
#: A metric silent for two weeks is not listed; nor, on request, one silent for 3 h (AWS: up to 50 min more).
LISTED_S, RECENT_S = 14 * 86_400, 3 * 3_600 + 50 * 60


@dataclass(frozen=True, slots=True)
class Found:
    """A metric, the first and last minute that it told of, and when it could first be read."""

    namespace: str
    name: str
    dimensions: Dimensions
    last: int
    told: float

    def matches(self, params: Mapping[str, Any]) -> bool:
        """Return whether it has the namespace, the name and every dimension that a filter names."""
        if params.get("Namespace", self.namespace) != self.namespace:
            return False
        if params.get("MetricName", self.name) != self.name:
            return False
        values = dict(self.dimensions)
        return all(
            one["Name"] in values and one.get("Value", values[one["Name"]]) == values[one["Name"]]
            for one in params.get("Dimensions") or ()
        )


def list_metrics(
    params: Mapping[str, Any], account: str, region: str, reader: Reader, now: float
) -> dict[str, Any]:
    """Answer a page of at most 500 metrics."""
    recent = params.get("RecentlyActive")
    if recent not in (None, "PT3H"):
        raise Refusal("ValidationError", f"The value {recent} for parameter RecentlyActive is not PT3H.")
    since = int((now - (RECENT_S if recent else LISTED_S)) // MINUTE_S)
    everything = (*_estate(reader, account, region), *_customs(reader.custom, account, region))
    chosen = [one for one in everything if one.told <= now and one.last >= since and one.matches(params)]
    subject = repr([params.get(name) for name in ("Namespace", "MetricName", "Dimensions", "RecentlyActive")])
    first = position(params.get("NextToken"), subject)
    page = [
        {"Namespace": one.namespace, "MetricName": one.name, "Dimensions": listed(one.dimensions)}
        for one in chosen[first : first + PAGE]
    ]
    more = {"NextToken": token(first + PAGE, subject)} if first + PAGE < len(chosen) else {}
    return {"Metrics": page} | more


def _estate(reader: Reader, account: str, region: str) -> Iterator[Found]:
    """Yield the series that have told something, by any placement that they are about."""
    store = reader.store
    for (owner, where, scope, dims), columns in reader.subjects.items():
        if (owner, where) != (account, region):
            continue
        zones = reader.places[columns[0]].zones
        for metric in OF_SCOPE[scope]:
            seen = [store.seen(metric.shown_by, column) for column in columns]
            spoken = [(first, last) for first, last in seen if first >= 0]
            if spoken:
                first, last = min(first for first, _ in spoken), max(last for _, last in spoken)
                told = (first + 1) * MINUTE_S + store.telling.lag_s(metric.namespace)
                for each in _dimensions(metric, dims, zones):
                    yield Found(metric.namespace, metric.name, each, last, told)


def _dimensions(metric: Metric, whole: Dimensions, zones: Iterable[str]) -> Iterator[Dimensions]:
    """Yield the dimensions of a metric's series; those of its zones are listed as soon as the whole."""
    yield whole
    if metric.namespace == ALB:
        yield from (in_zone(whole, zone) for zone in zones)


def _customs(custom: Custom, account: str, region: str) -> Iterator[Found]:
    for (owner, where, namespace, name, dims), minutes in custom.series.items():
        if (owner, where) == (account, region):
            yield Found(namespace, name, dims, max(minutes), min(s.told for s in minutes.values()))
