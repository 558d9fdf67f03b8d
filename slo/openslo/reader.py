"""OpenSLO v1 documents to objectives and composites, or every problem at once; what is not used is told.

Documents come parsed; paths of problems and remarks begin with the position of the document.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from slo.composites import Composite, Member
from slo.ledger import RING_MINUTES
from slo.objectives import Budgeting, Objective
from slo.openslo import alerts, indicators
from slo.openslo.goals import Goal, goal
from slo.openslo.register import Register
from slo.openslo.windows import window
from slo.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from slo.conditions import Condition
    from slo.objectives import Window
    from slo.problem import Section


@dataclass(frozen=True, slots=True)
class Reading:
    """What documents came to: objectives, composites of some of them, remarks, and every problem.

    Remarks tell what is accepted and not used, or used otherwise than one might think.
    """

    objectives: tuple[Objective, ...]
    composites: tuple[Composite, ...]
    remarks: tuple[Problem, ...]
    problems: tuple[Problem, ...]


def read(documents: Sequence[object], *, lenient: bool = False) -> Reading:
    """Return every objective in the documents; references are resolved among them, in any order."""
    register = Register(documents, lenient=lenient)
    slos = [_Slo(register, name, section) for name, section in register.of("SLO")]
    objectives = [objective for slo in slos for objective in slo.objectives]
    _others(register)
    return Reading(
        tuple(objectives),
        tuple(composite for slo in slos for composite in slo.composites()),
        _sorted(register.remarks),
        _sorted(register.problems),
    )


def _others(register: Register) -> None:
    """Check the documents that nothing may refer to."""
    for _, document in register.of("SLI"):
        indicators.sli(register, document, "")
    for _, document in register.of("AlertPolicy"):
        alerts.policy(register, document)
    for _, document in register.of("AlertCondition"):
        alerts.condition(register, document)
    for _, document in register.of("AlertNotificationTarget"):
        alerts.target(register, document)
    for _, document in register.of("DataSource"):
        _data_source(register, document)
    for _, document in register.of("Service"):
        if spec := document.section("spec", needed=False):
            register.described(spec)
            register.leave(spec)


def _data_source(register: Register, document: Section) -> None:
    """Check a source; how it is reached may be secret, and is neither read nor told."""
    spec = document.section("spec")
    if spec is None:
        return
    register.described(spec)
    spec.text("type", "such as fournines")
    spec.section("connectionDetails", needed=False)
    if spec.has("connectionDetails"):
        register.remark(spec, "connectionDetails", "not used: AWS is reached as the configuration says")
    register.leave(spec)


def _sorted(found: Sequence[Problem]) -> tuple[Problem, ...]:
    """Return each once, in the order of the documents."""
    return tuple(sorted(dict.fromkeys(found), key=lambda one: one.path[0]))


class _Slo:
    """One SLO: what all of its objectives share, and then each of them."""

    def __init__(self, register: Register, name: str | None, document: Section) -> None:
        self._register, self._name, self._document = register, name, document
        self._weights: list[Decimal | None] = []
        self.objectives: tuple[Objective, ...] = ()
        spec = document.section("spec")
        if spec is not None:
            self._read(spec)

    def composites(self) -> Iterator[Composite]:
        """Yield the composite that the objectives are members of, where they are."""
        weights = [weight for weight in self._weights if weight is not None]
        if self._name is not None and weights and len(weights) == len(self.objectives):
            members = tuple(map(Member, self.objectives, weights))
            yield Composite(name=self._name, display_name=self._display_name, members=members)

    @property
    def _display_name(self) -> str:
        return str(self._document.data["metadata"].get("displayName") or self._name)

    def _read(self, spec: Section) -> None:
        register = self._register
        register.described(spec)
        service = spec.text("service", "the name of a service") or ""
        parts = list(spec.sections("objectives", "a list"))
        if spec.data.get("objectives") == []:
            spec.refuse("objectives", "is empty; expected at least one objective")
        composite = _is_composite(spec, parts)
        shared = None if composite else indicators.indicator(register, spec, service)
        over, budgeting = window(register, spec), spec.word("budgetingMethod", Budgeting)
        asked = alerts.conditions(register, spec)
        goals = [self._goal(part, service, budgeting, shared=shared, composite=composite) for part in parts]
        register.leave(spec)
        self._refuse_second_threshold(spec, goals)
        sound = [one for one in goals if one is not None]
        if composite and budgeting is Budgeting.TIMESLICES and over is not None:
            _refuse_long(spec, over)
        if self._name is None or over is None or budgeting is None or len(sound) < len(parts):
            return
        if _whole_slices(spec, sound, asked) and not (composite and _several_slices(spec, sound)):
            self.objectives = tuple(self._objectives(sound, over, budgeting, asked))

    def _goal(
        self,
        part: Section,
        service: str,
        budgeting: Budgeting | None,
        *,
        shared: indicators.Counted | None,
        composite: bool,
    ) -> Goal | None:
        """Read one of the objectives, and of a member of a composite what it counts and weighs."""
        counted = shared
        if composite:
            counted = indicators.indicator(self._register, part, service)
            self._weights.append(_weight(part))
        else:
            _refuse_member(part)
        return goal(self._register, part, counted, budgeting)

    def _refuse_second_threshold(self, spec: Section, goals: Sequence[Goal | None]) -> None:
        """Refuse several limits for one service: a placement's answers are counted by one."""
        if len([one for one in goals if one is not None and one.counted.by_threshold]) > 1:
            spec.refuse("objectives", "a thresholdMetric has one objective; expected an SLO for each")

    def _objectives(
        self, goals: Sequence[Goal], over: Window, budgeting: Budgeting, asked: tuple[Condition, ...]
    ) -> Iterator[Objective]:
        for position, one in enumerate(goals, 1):
            yield Objective(
                name=str(self._name) if len(goals) == 1 else f"{self._name}-{position}",
                display_name=one.display_name or self._display_name,
                service=one.counted.service,
                indicator=one.counted.indicator,
                target=one.target,
                window=over,
                budgeting=budgeting,
                time_slice_target=one.time_slice_target,
                slice_minutes=one.slice_minutes,
                threshold_s=one.threshold_s,
                regions=one.counted.regions,
                conditions=asked,
            )


def _is_composite(spec: Section, parts: Sequence[Section]) -> bool:
    """Whether each objective brings an indicator of its own, and the SLO none."""
    own = spec.data.get("indicator") is None and spec.data.get("indicatorRef") is None
    return own and any(part.has("indicator") or part.has("indicatorRef") for part in parts)


def _weight(part: Section) -> Decimal | None:
    weight = part.number("compositeWeight", "a number above 0", needed=False)
    if weight is not None and weight <= 0:
        part.refuse("compositeWeight", f"expected a number above 0, got {weight}")
        return None
    return Decimal(1) if weight is None else weight


def _refuse_member(part: Section) -> None:
    """Refuse what only a member of a composite has."""
    for key in ("indicator", "indicatorRef", "compositeWeight"):
        if part.value(key, "nothing", needed=False) is not None:
            part.refuse(key, "belongs to a composite, whose SLO has no indicator; expected none")


def _refuse_long(spec: Section, over: Window) -> None:
    """Refuse what the ring cannot hold: a composite of slices looks at all of its members at once."""
    if over.longest > RING_MINUTES:
        spec.refuse("timeWindow", "a composite of Timeslices is judged slice by slice; expected at most 31 d")


def _several_slices(spec: Section, goals: Sequence[Goal]) -> bool:
    """Refuse members whose slices begin at different minutes."""
    several = len({goal.slice_minutes for goal in goals}) > 1
    if several:
        told = "the members of a composite have one slice; expected the same timeSliceWindow in each"
        spec.refuse("objectives", told)
    return several


def _whole_slices(spec: Section, goals: Sequence[Goal], asked: Sequence[Condition]) -> bool:
    """Refuse a condition that looks at parts of slices."""
    cut = [one for one in asked if any(one.lookback % goal.slice_minutes for goal in goals)]
    for one in cut:
        told = f"{one} looks back {one.lookback} minutes; expected whole slices of the objectives"
        spec.refuse("alertPolicies", told)
    return not cut
