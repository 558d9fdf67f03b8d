"""OpenSLO v1 documents to objectives, or every problem at once; what is accepted and not used is listed.

Objectives count what our own source names: a metricSource of type fournines, whose spec holds service,
indicator and, for latency, threshold_s.
Documents come parsed; paths of problems begin with the position of the document.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from slo import durations
from slo.cells import Indicator
from slo.objectives import Budgeting, CalendarMonth, Objective, Rolling
from slo.problem import Problem, Section

if TYPE_CHECKING:
    from collections.abc import Sequence

VERSION = "openslo/v1"
SOURCE = "fournines"

#: [OpenSLO README] and RFC 1123.
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_MONTH_STARTS = re.compile(r"\d{4}-\d\d-01([ T]00:00(:00)?(Z|[+-]\d\d:\d\d)?)?")

#: Kinds that may stand in a file; why those that make no objective of ours are not used.
_NOT_USED = {
    "AlertPolicy": "fournines alerts by its own tiers",
    "AlertCondition": "fournines alerts by its own tiers",
    "AlertNotificationTarget": "fournines tells whom the configuration names",
}
_KINDS = ("SLO", "SLI", "Service", "DataSource", *_NOT_USED)


@dataclass(frozen=True, slots=True)
class Reading:
    """What documents came to: sound objectives, what is accepted and not used, and every problem."""

    objectives: tuple[Objective, ...]
    unmapped: tuple[str, ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class _Counted:
    """What an indicator counts."""

    service: str
    indicator: Indicator
    threshold_s: Decimal | None
    regions: tuple[str, ...]
    by_threshold: bool = False


@dataclass(frozen=True, slots=True)
class _Goal:
    """What one of an SLO's objectives asks."""

    display_name: str | None
    target: Decimal
    time_slice_target: Decimal | None
    threshold_s: Decimal | None


def read(documents: Sequence[Mapping[str, Any]]) -> Reading:
    """Return every objective in the documents; references are resolved among them, in any order."""
    return _Reader(documents).reading()


class _Reader:
    """One pass over the documents: an index of names first, then every SLO."""

    def __init__(self, documents: Sequence[Mapping[str, Any]]) -> None:
        self.problems: list[Problem] = []
        self.unmapped: list[str] = []
        self.sections: list[tuple[str, str | None, Section]] = []
        self.named: dict[tuple[str, str], Section] = {}
        for position, document in enumerate(documents):
            self._index(position, document)

    def reading(self) -> Reading:
        objectives = [
            one for kind, name, section in self.sections if kind == "SLO" for one in self._slo(name, section)
        ]
        self.unmapped += [
            f"document {section.path[0]}: {kind} {name}: {_NOT_USED[kind]}"
            for kind, name, section in self.sections
            if kind in _NOT_USED
        ]
        return Reading(
            tuple(objectives),
            tuple(self.unmapped),
            tuple(sorted(self.problems, key=lambda problem: problem.path[0])),
        )

    def _index(self, position: int, document: object) -> None:
        if not isinstance(document, Mapping):
            self.problems.append(Problem((position,), f"expected a mapping, got {document!r}"))
            return
        section = Section(document, (position,), self.problems)
        if section.text("apiVersion", VERSION) not in (VERSION, None):
            section.refuse("apiVersion", f"expected {VERSION}, got {section.data['apiVersion']!r}")
        kind = section.text("kind", f"one of {', '.join(_KINDS)}")
        if kind is not None and kind not in _KINDS:
            section.refuse("kind", f"expected one of {', '.join(_KINDS)}, got {kind!r}")
        name = self._name(section)
        if kind not in _KINDS:
            return
        self.sections.append((kind, name, section))
        if name is None:
            return
        if (kind, name) in self.named:
            section.refuse(
                "metadata", f"{kind} {name!r} is already defined in document {self.named[kind, name].path[0]}"
            )
        self.named.setdefault((kind, name), section)

    def _name(self, section: Section) -> str | None:
        metadata = section.section("metadata")
        name = metadata.text("name", "a name as of RFC 1123") if metadata is not None else None
        if metadata is not None and name is not None and not _NAME.fullmatch(name):
            metadata.refuse("name", f"expected at most 63 of a-z, 0-9 and '-', as in RFC 1123, got {name!r}")
            return None
        return name

    def _leave(self, section: Section) -> None:
        """List what was accepted in a section and not used."""
        where = ".".join(map(str, section.path))
        self.unmapped += [f"{where}.{key}: not used" for key in section.unread()]

    def _slo(self, name: str | None, document: Section) -> list[Objective]:
        spec = document.section("spec")
        if spec is None:
            return []
        counted = self._indicator(spec, spec.text("service", "the name of a service") or "")
        window, budgeting = _window(spec), _budgeting(spec)
        goals = [self._goal(part, counted, budgeting) for part in spec.sections("objectives", "a list")]
        if spec.data.get("objectives") == []:
            spec.refuse("objectives", "is empty; expected at least one objective")
        self._references(spec, "alertPolicies", "alertPolicyRef", "AlertPolicy")
        spec.read.add("description")
        self._leave(spec)
        if name is None or counted is None or window is None or budgeting is None:
            return []
        display_name = document.data["metadata"].get("displayName") or name
        return [
            Objective(
                name=name if len(goals) == 1 else f"{name}-{position}",
                display_name=goal.display_name or display_name,
                service=counted.service,
                indicator=counted.indicator,
                target=goal.target,
                window=window,
                budgeting=budgeting,
                time_slice_target=goal.time_slice_target,
                threshold_s=goal.threshold_s,
                regions=counted.regions,
            )
            for position, goal in enumerate(goals, 1)
            if goal
        ]

    def _goal(self, part: Section, counted: _Counted | None, budgeting: Budgeting | None) -> _Goal | None:
        """Read one of an SLO's objectives."""
        for key in ("indicator", "indicatorRef", "compositeWeight"):
            if part.has(key):
                part.refuse(key, "composites are not computed; expected one SLO per indicator")
        part.read |= {"indicator", "indicatorRef", "compositeWeight"}
        target, time_slice_target = _target(part), _time_slice_target(part, budgeting)
        threshold_s = counted.threshold_s if counted is not None else None
        if counted is not None and counted.by_threshold:
            threshold_s = _threshold(part)
        display_name = part.text("displayName", needed=False)
        self._leave(part)
        if target is None or (budgeting is Budgeting.TIMESLICES and time_slice_target is None):
            return None
        if counted is None or (counted.indicator is Indicator.LATENCY and threshold_s is None):
            return None
        return _Goal(display_name, target, time_slice_target, threshold_s)

    def _indicator(self, spec: Section, service: str) -> _Counted | None:
        """Return what the SLO counts: inline, or by reference to an SLI among the documents."""
        reference = spec.text("indicatorRef", "the name of an SLI", needed=False)
        inline = spec.section("indicator", "an SLI: metadata and spec", needed=False)
        if (reference is None) == (inline is None):
            spec.refuse(None, "expected either indicator or indicatorRef")
            return None
        if reference is not None:
            inline = self.named.get(("SLI", reference))
            if inline is None:
                spec.refuse(
                    "indicatorRef",
                    f"no SLI {reference!r} is among the documents; expected {self._names('SLI')}",
                )
                return None
        assert inline is not None
        indicator = inline.section("spec")
        return None if indicator is None else self._metrics(indicator, service)

    def _metrics(self, indicator: Section, service: str) -> _Counted | None:
        """Read a ratio or threshold metric; all its sources must name the same thing to count."""
        ratio = indicator.section("ratioMetric", needed=False)
        threshold = indicator.section("thresholdMetric", needed=False)
        if (ratio is None) == (threshold is None):
            indicator.refuse(None, "expected either ratioMetric or thresholdMetric")
            return None
        if threshold:
            return self._source(threshold, service, by_threshold=True)
        assert ratio is not None
        if ratio.has("raw"):
            ratio.refuse("raw", "a ratio made elsewhere cannot be added up; expected total with good or bad")
            return None
        ratio.read |= {"counter", "rawType"}
        if ratio.has("good") == ratio.has("bad"):
            ratio.refuse(None, "expected either good or bad beside total")
        parts = [ratio.section(key) for key in ("good", "bad", "total") if ratio.has(key) or key == "total"]
        counted = [self._source(part, service) for part in parts if part]
        if len(set(counted)) > 1 and None not in counted:
            ratio.refuse(None, "good, bad and total come from one source; expected the same spec in each")
        self._leave(ratio)
        return counted[0] if counted and len(set(counted)) == 1 else None

    def _source(self, metric: Section, service: str, *, by_threshold: bool = False) -> _Counted | None:
        """Read a metric source of ours."""
        source = metric.section("metricSource")
        if source is None or not self._is_ours(source):
            return None
        spec = source.section("spec", "service, indicator and, for latency, threshold_s")
        if spec is None:
            return None
        indicator = spec.word("indicator", Indicator)
        needs_threshold = indicator is Indicator.LATENCY and not by_threshold
        threshold_s = spec.number("threshold_s", "seconds, for example 0.5", needed=needs_threshold)
        if threshold_s is not None and (
            indicator is not Indicator.LATENCY or by_threshold or threshold_s <= 0
        ):
            spec.refuse(
                "threshold_s", f"expected seconds above 0, and only for a ratio of latency, got {threshold_s}"
            )
            return None
        service = spec.text("service", "a service or '*'", needed=False) or service
        regions = spec.texts("regions", "a list of regions", needed=False)
        self._leave(spec)
        if indicator is None or (needs_threshold and threshold_s is None):
            return None
        if by_threshold and indicator is not Indicator.LATENCY:
            spec.refuse(
                "indicator", "expected latency: only that has a threshold; the others are a ratioMetric"
            )
            return None
        return _Counted(service, indicator, threshold_s, regions, by_threshold)

    def _is_ours(self, source: Section) -> bool:
        reference = source.text("metricSourceRef", "the name of a DataSource", needed=False)
        kind = source.text("type", SOURCE, needed=reference is None)
        if reference is not None and ("DataSource", reference) not in self.named:
            source.refuse(
                "metricSourceRef",
                f"no DataSource {reference!r} is among the documents; expected {self._names('DataSource')}",
            )
            return False
        if reference is not None and kind is None:
            data_source = self.named["DataSource", reference].section("spec")
            kind = None if data_source is None else data_source.text("type", SOURCE)
        if kind is not None and kind != SOURCE:
            source.refuse("type", f"expected {SOURCE}, the only source that is read, got {kind!r}")
        return kind == SOURCE

    def _references(self, section: Section, key: str, reference: str, kind: str) -> None:
        """Check that what a list refers to exists; inline definitions need no name here."""
        for item in section.sections(key, "a list", needed=False):
            name = item.text(reference, needed=False)
            if name is not None and (kind, name) not in self.named:
                item.refuse(
                    reference, f"no {kind} {name!r} is among the documents; expected {self._names(kind)}"
                )
        if section.has(key):
            self.unmapped.append(f"{'.'.join(map(str, (*section.path, key)))}: {_NOT_USED[kind]}")

    def _names(self, kind: str) -> str:
        names = [name for of, name in self.named if of == kind]
        return f"one of {', '.join(names)}" if names else f"a document of kind {kind}"


def _window(spec: Section) -> Rolling | CalendarMonth | None:
    windows = list(spec.sections("timeWindow", "a list of one window"))
    if len(windows) != 1:
        if spec.data.get("timeWindow") is not None:
            spec.refuse("timeWindow", f"expected exactly one window, got {len(windows)}")
        return None
    window = windows[0]
    calendar = window.section("calendar", "startTime and timeZone", needed=False)
    duration = window.text("duration", "for example 30d")
    is_rolling = window.value("isRolling", "true or false", needed=False)
    if duration is None:
        return None
    if calendar is not None:
        return _calendar(window, calendar, duration, is_rolling)
    if is_rolling is not True:
        window.refuse("isRolling", "expected true, or a calendar")
        return None
    return _rolling(window, duration)


def _rolling(window: Section, duration: str) -> Rolling | None:
    length = durations.parse(duration, units="mhdw")
    if length is None:
        window.refuse("duration", f"expected a number with m, h, d or w, for example 30d, got {duration!r}")
        return None
    try:
        return Rolling(length)
    except ValueError as error:
        window.refuse("duration", str(error))
        return None


def _calendar(window: Section, calendar: Section, duration: str, is_rolling: object) -> CalendarMonth | None:
    start = calendar.value("startTime", "the first of a month, for example 2026-01-01 00:00:00")
    zone = calendar.text("timeZone", "an IANA time zone such as Europe/Berlin")
    if duration != "1M" or is_rolling is True:
        window.refuse("duration", f"with a calendar expected 1M and isRolling false, got {duration!r}")
        return None
    if start is not None and not _MONTH_STARTS.fullmatch(str(start)):
        calendar.refuse("startTime", f"expected midnight on the first of a month, got {str(start)!r}")
        return None
    try:
        return CalendarMonth(zone) if zone and start is not None else None
    except ValueError as error:
        calendar.refuse("timeZone", str(error))
        return None


def _budgeting(spec: Section) -> Budgeting | None:
    expected = "Occurrences or Timeslices (RatioTimeslices averages ratios, which hides busy minutes)"
    return spec.word("budgetingMethod", Budgeting, expected)


def _target(part: Section) -> Decimal | None:
    target = part.number("target", "a ratio such as 0.9999", needed=False)
    percent = part.number("targetPercent", "a percentage such as 99.99", needed=False)
    if part.has("target") == part.has("targetPercent"):
        part.refuse("target", "expected either target or targetPercent")
        return None
    value = target if target is not None else percent and percent / 100
    if value is not None and not 0 < value < 1:
        key, limit = ("target", "1") if part.has("target") else ("targetPercent", "100")
        part.refuse(key, f"expected a number between 0 and {limit}, exclusive, got {part.data[key]}")
        return None
    return value


def _time_slice_target(part: Section, budgeting: Budgeting | None) -> Decimal | None:
    slices = budgeting is Budgeting.TIMESLICES
    window = part.value("timeSliceWindow", "1m", needed=False)
    target = part.number("timeSliceTarget", "a ratio above 0 and at most 1", needed=slices)
    if window not in (None, "1m", 1, "1"):
        part.refuse("timeSliceWindow", f"minutes are what is counted; expected 1m, got {window!r}")
    if target is not None and not slices and budgeting is not None:
        part.refuse("timeSliceTarget", "belongs to Timeslices only; expected none")
    if target is not None and not 0 < target <= 1:
        part.refuse("timeSliceTarget", f"expected a ratio above 0 and at most 1, got {target}")
        return None
    return target if slices else None


def _threshold(part: Section) -> Decimal | None:
    """Read the limit of a threshold metric: CloudWatch counts up to and including it."""
    operator = part.text("op", "lte")
    if operator not in ("lte", None):
        part.refuse("op", f"CloudWatch counts up to and including the limit; expected lte, got {operator!r}")
    value = part.number("value", "seconds, for example 0.5")
    if value is not None and value <= 0:
        part.refuse("value", f"expected seconds above 0, got {value}")
        return None
    return value if operator == "lte" else None
