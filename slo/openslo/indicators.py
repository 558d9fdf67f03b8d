"""What an SLI counts: a ratio or a threshold metric, whose sources name one of our indicators.

A metricSource of type fournines has a spec of service, indicator, regions and, for latency, threshold_s.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from slo.cells import Indicator

if TYPE_CHECKING:
    from slo.openslo.register import Register
    from slo.problem import Section

SOURCE = "fournines"
_RAW_TYPES = ("success", "failure")


@dataclass(frozen=True, slots=True)
class Counted:
    """What an indicator counts; `by_threshold` takes its limit from the objective."""

    service: str
    indicator: Indicator
    threshold_s: Decimal | None
    regions: tuple[str, ...]
    by_threshold: bool = False


def indicator(register: Register, spec: Section, service: str) -> Counted | None:
    """Return what an SLO or one of its objectives counts: inline, or by the name of an SLI."""
    inline = spec.section("indicator", "an SLI: metadata and spec", needed=False)
    if (inline is None) == (spec.data.get("indicatorRef") is None):
        spec.read.add("indicatorRef")
        spec.refuse(None, "expected either indicator or indicatorRef")
        return None
    if inline is None:
        found = register.find(spec, "indicatorRef", "SLI")
        return None if found is None else sli(register, found, service)
    register.name(inline, needed=False)
    return sli(register, inline, service)


def sli(register: Register, document: Section, service: str) -> Counted | None:
    """Read an SLI: a ratio or threshold metric; all its sources must name the same thing to count."""
    spec = document.section("spec")
    if spec is None:
        return None
    register.described(spec)
    ratio = spec.section("ratioMetric", needed=False)
    threshold = spec.section("thresholdMetric", needed=False)
    register.leave(spec)
    if (ratio is None) == (threshold is None):
        spec.refuse(None, "expected either ratioMetric or thresholdMetric")
        return None
    if ratio is not None:
        return _ratio(register, ratio, service)
    assert threshold is not None, "it is one of both"
    return _source(register, threshold, service, by_threshold=True)


def _ratio(register: Register, ratio: Section, service: str) -> Counted | None:
    """Read a ratio of counts; one that was made elsewhere cannot be added up."""
    if ratio.has("raw"):
        _raw(ratio)
        return None
    if ratio.has("rawType"):
        ratio.refuse("rawType", "belongs to raw; expected none")
    if not isinstance(ratio.value("counter", "true or false", needed=False), bool | None):
        ratio.refuse("counter", f"expected true or false, got {ratio.data['counter']!r}")
    if ratio.has("good") == ratio.has("bad"):
        ratio.refuse(None, "expected either good or bad beside total")
    parts = [ratio.section(key) for key in ("good", "bad", "total") if ratio.has(key) or key == "total"]
    counted = [_source(register, part, service) for part in parts if part]
    register.leave(ratio, keep=("rawType",))
    if len(set(counted)) > 1 and None not in counted:
        ratio.refuse(None, "good, bad and total come from one source; expected the same spec in each")
    return counted[0] if counted and len(set(counted)) == 1 else None


def _raw(ratio: Section) -> None:
    ratio.refuse("raw", "a ratio made elsewhere cannot be added up; expected total with good or bad")
    if ratio.data.get("rawType") not in _RAW_TYPES:
        ratio.refuse("rawType", f"expected success or failure, got {ratio.data.get('rawType')!r}")


def _source(
    register: Register, metric: Section, service: str, *, by_threshold: bool = False
) -> Counted | None:
    """Read a metric source of ours."""
    source = metric.section("metricSource")
    register.leave(metric)
    if source is None or not _is_ours(register, source):
        return None
    spec = source.section("spec", "service, indicator and, for latency, threshold_s")
    register.leave(source)
    if spec is None:
        return None
    counts = spec.word("indicator", Indicator)
    service = spec.text("service", "a service or '*'", needed=False) or service
    regions = spec.texts("regions", "a list of regions", needed=False)
    limit = _limit(register, spec, counts, by_threshold=by_threshold)
    register.leave(spec)
    if counts is None or (limit is None and counts is Indicator.LATENCY and not by_threshold):
        return None
    if by_threshold and counts is not Indicator.LATENCY:
        spec.refuse("indicator", "expected latency: only that has a threshold; the others are a ratioMetric")
        return None
    return Counted(service, counts, limit, regions, by_threshold)


def _limit(
    register: Register, spec: Section, counts: Indicator | None, *, by_threshold: bool
) -> Decimal | None:
    """Read from how many seconds a response is slow; of a threshold metric the objective says it."""
    needed = counts is Indicator.LATENCY and not by_threshold
    limit = spec.number("threshold_s", "seconds, for example 0.5", needed=needed)
    forgiven = by_threshold and register.lenient
    if limit is not None and (
        counts is not Indicator.LATENCY or (by_threshold and not forgiven) or limit <= 0
    ):
        spec.refuse("threshold_s", f"expected seconds above 0, and only for a ratio of latency, got {limit}")
        return None
    return limit


def _is_ours(register: Register, source: Section) -> bool:
    """Whether a source, or the DataSource that it names, is of our type."""
    named = register.find(source, "metricSourceRef", "DataSource") if source.has("metricSourceRef") else None
    if source.has("metricSourceRef") and named is None:
        source.read.add("type")
        return False
    kind = source.text("type", SOURCE, needed=named is None)
    if named is not None and kind is None:
        spec = named.section("spec")
        kind = None if spec is None else spec.text("type", SOURCE)
    if kind is not None and kind != SOURCE:
        source.refuse("type", f"expected {SOURCE}, the only source that is read, got {kind!r}")
    return kind == SOURCE
