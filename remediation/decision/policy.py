"""Which cause may meet which action, where, how far by itself, and within which limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError

from remediation.actions.table import REMEDIES
from remediation.floor import MARK, Floor
from remediation.vocabulary import Cause, Mode
from slo import durations
from slo.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from slo.cells import Placement


def _duration(value: object) -> timedelta:
    found = value if isinstance(value, timedelta) else durations.parse(value)
    if found is None:
        raise PydanticCustomError("duration", "expected a duration such as 90s, 30m, 2h or 1d")
    return found


Duration = Annotated[timedelta, BeforeValidator(_duration)]
Globs = Annotated[tuple[str, ...], Field(min_length=1)]
Text = Annotated[str, Field(min_length=1)]
Moment = Annotated[AwareDatetime, AfterValidator(lambda moment: moment.astimezone(UTC))]


class _Written(BaseModel):
    """A value that is written down in a document: what it does not know is a problem."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class OnTimeout(StrEnum):
    """What becomes of a question that nobody answers in time."""

    CANCEL = "cancel"
    ESCALATE = "escalate"
    RUN = "run"


class Policy(_Written):
    """What may be done against a cause.  Without one, everything is only observed.

    `cooldown` parts two actions on a placement, `daily_max` counts actions on a service in 24 hours, and
    `services_max_percent` bounds the placements that are being changed at once; one may always be.
    """

    name: Text
    cause: Cause
    services: Globs = ("*",)
    regions: Globs = ("*",)
    accounts: Globs = ("*",)
    clusters: Globs = ("*",)
    mode: Mode = Mode.OBSERVE
    cooldown: Duration = timedelta(minutes=30)
    daily_max: Annotated[int, Field(ge=1, le=100)] = 3
    services_max_percent: Annotated[int, Field(ge=1, le=100)] = 10
    approvers: Annotated[tuple[str, ...], Field(validate_default=True)] = ()
    deadline: Duration = timedelta(minutes=15)
    on_timeout: OnTimeout = OnTimeout.ESCALATE
    keep_for: Duration | None = None

    @field_validator("mode")
    @classmethod
    def _has_a_remedy(cls, mode: Mode, others: ValidationInfo) -> Mode:
        cause = others.data.get("cause")
        if mode is not Mode.OBSERVE and cause is not None and cause not in REMEDIES:
            known = ", ".join(REMEDIES)
            told = f"nothing of ours undoes {cause}: only observe it (actions exist for {known})"
            raise PydanticCustomError("remedy", "{told}", {"told": told})
        return mode

    @field_validator("approvers")
    @classmethod
    def _may_be_answered(cls, approvers: tuple[str, ...], others: ValidationInfo) -> tuple[str, ...]:
        if others.data.get("mode") is Mode.PROPOSE and not approvers:
            told = 'nobody could ever approve: name people, or "*" for anybody in the channel'
            raise PydanticCustomError("approvers", "{told}", {"told": told})
        return approvers

    def covers(self, cause: Cause, placement: Placement) -> bool:
        """Whether the policy speaks of this cause at this placement."""
        named = (
            (placement.service, self.services),
            (placement.region, self.regions),
            (placement.account, self.accounts),
            (placement.cluster, self.clusters),
        )
        return self.cause is cause and all(any(fnmatchcase(name, g) for g in globs) for name, globs in named)


def may_answer(approvers: tuple[str, ...], actor: str) -> bool:
    """Whether a person may approve; an empty list means nobody, `*` anybody who reached us."""
    return "*" in approvers or actor in approvers


class Freeze(_Written):
    """A time in which nothing is changed, where it applies."""

    start: Moment
    end: Moment
    reason: Text
    services: Globs = ("*",)

    @field_validator("end")
    @classmethod
    def _comes_after_the_start(cls, end: datetime, others: ValidationInfo) -> datetime:
        if (start := others.data.get("start")) is not None and end <= start:
            raise PydanticCustomError("order", "a freeze ends after it starts")
        return end

    def forbids(self, placement: Placement, now: datetime) -> bool:
        """Whether nothing may be changed there now."""
        named = any(fnmatchcase(placement.service, glob) for glob in self.services)
        return named and self.start <= now < self.end


class FloorRule(_Written):
    """A task definition below which services are not rolled back, since something was migrated there."""

    below: Text
    reason: Text
    services: Globs
    regions: Globs = ("*",)
    accounts: Globs = ("*",)

    @field_validator("below")
    @classmethod
    def _names_a_revision(cls, below: str) -> str:
        if MARK.fullmatch(below) is None:
            raise PydanticCustomError(
                "floor", "expected a task definition: its ARN, family:revision, or the revision alone"
            )
        return below

    def floor(self, placement: Placement) -> Floor | None:
        """Return the floor that it sets for a placement, if it does."""
        named = (
            (placement.service, self.services),
            (placement.region, self.regions),
            (placement.account, self.accounts),
        )
        if all(any(fnmatchcase(name, glob) for glob in globs) for name, globs in named):
            return Floor(self.below, "floors of the policies", self.reason)
        return None


@dataclass(frozen=True, slots=True)
class Policies:
    """All policies in their order (the first that covers a case counts), the freeze calendar, and floors."""

    policies: tuple[Policy, ...] = ()
    freezes: tuple[Freeze, ...] = ()
    floors: tuple[FloorRule, ...] = ()

    def floors_of(self, placement: Placement) -> tuple[Floor, ...]:
        """Return the floors that are declared for a placement."""
        return tuple(floor for rule in self.floors if (floor := rule.floor(placement)))

    def find(self, cause: Cause, placement: Placement) -> Policy | None:
        """Return the policy for the case, or None."""
        return next((policy for policy in self.policies if policy.covers(cause, placement)), None)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a document says, or every problem that it has."""

    policies: Policies = field(default_factory=Policies)
    problems: tuple[Problem, ...] = ()


class _Document(_Written):
    """A document of policies as it is written down."""

    policies: tuple[Policy, ...] = ()
    freezes: tuple[Freeze, ...] = ()
    floors: tuple[FloorRule, ...] = ()


def read(document: object) -> Reading:
    """Read a document of plain values into policies, or find every problem in it."""
    problems = tuple(_repeated(document))
    try:
        written = _Document.model_validate(document)
    except ValidationError as error:
        wrong = (Problem(each["loc"], _said(each)) for each in error.errors())
        return Reading(problems=(*problems, *wrong))
    if problems:
        return Reading(problems=problems)
    return Reading(Policies(written.policies, written.freezes, written.floors))


def _said(error: Mapping[str, Any]) -> str:
    """Return what is wrong, what was expected and, where it is known, what stands there."""
    given = error.get("input")
    got = f", got {given!r}" if isinstance(given, str | int | float) else ""
    match error["type"]:
        case "extra_forbidden":
            return f"is not known here; expected one of {', '.join(sorted(_form(error['loc']).model_fields))}"
        case "missing":
            return "is missing"
        case "tuple_type":
            return f"expected a list{got}"
        case "enum":
            return f"expected {error['ctx']['expected']}{got}"
        case _:
            message: str = error["msg"]
            return message[:1].lower() + message[1:] + got


_FORMS: Mapping[str, type[BaseModel]] = {"policies": Policy, "freezes": Freeze, "floors": FloorRule}


def _form(where: Sequence[str | int]) -> type[BaseModel]:
    """Return the form of what stands at a place of the document."""
    match where:
        case ["policies" | "freezes" | "floors" as key, int(), *_]:
            return _FORMS[key]
        case _:
            return _Document


def _repeated(document: object) -> Iterator[Problem]:
    """Find names that were given twice, whatever else is wrong with what bears them."""
    listed = document.get("policies") if isinstance(document, Mapping) else None
    seen: dict[str, int] = {}
    for position, policy in enumerate(listed if isinstance(listed, list) else ()):
        name = policy.get("name") if isinstance(policy, Mapping) else None
        if isinstance(name, str) and seen.setdefault(name, position) != position:
            told = f"{name!r} names policy {seen[name]} already: a name is told in decisions and must be one"
            yield Problem(("policies", position, "name"), told)
