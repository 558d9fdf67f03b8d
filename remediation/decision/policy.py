"""Which cause may meet which action, where, how far by itself, and within which limits."""

from __future__ import annotations

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
)
from pydantic_core import PydanticCustomError

from remediation.actions.table import REMEDIES
from remediation.vocabulary import Cause, Mode
from slo import durations
from slo.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
    approvers: tuple[str, ...] = ()
    deadline: Duration = timedelta(minutes=15)
    on_timeout: OnTimeout = OnTimeout.ESCALATE
    keep_for: Duration | None = None

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

    def forbids(self, placement: Placement, now: datetime) -> bool:
        """Whether nothing may be changed there now."""
        named = any(fnmatchcase(placement.service, glob) for glob in self.services)
        return named and self.start <= now < self.end


@dataclass(frozen=True, slots=True)
class Policies:
    """All policies in their order (the first that covers a case counts), and the freeze calendar."""

    policies: tuple[Policy, ...] = ()
    freezes: tuple[Freeze, ...] = ()

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


def read(document: object) -> Reading:
    """Read a document of plain values into policies, or find every problem in it."""
    try:
        written = _Document.model_validate(document)
    except ValidationError as error:
        return Reading(problems=tuple(Problem(each["loc"], _said(each)) for each in error.errors()))
    if problems := (*_doubtful(written), *_repeated(written)):
        return Reading(problems=problems)
    return Reading(Policies(written.policies, written.freezes))


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


def _form(where: Sequence[str | int]) -> type[BaseModel]:
    """Return the form of what stands at a place of the document."""
    match where:
        case ["policies" | "freezes" as key, int(), *_]:
            return Policy if key == "policies" else Freeze
        case _:
            return _Document


def _doubtful(written: _Document) -> tuple[Problem, ...]:
    """Find what is well-formed and cannot be meant."""
    problems: list[Problem] = []
    for position, policy in enumerate(written.policies):
        where = ("policies", position)
        if policy.mode is not Mode.OBSERVE and policy.cause not in REMEDIES:
            known = ", ".join(REMEDIES)
            told = f"nothing of ours undoes {policy.cause}: only observe it (actions exist for {known})"
            problems.append(Problem((*where, "mode"), told))
        if policy.mode is Mode.PROPOSE and not policy.approvers:
            told = 'nobody could ever approve: name people, or "*" for anybody in the channel'
            problems.append(Problem((*where, "approvers"), told))
    for position, freeze in enumerate(written.freezes):
        if freeze.end <= freeze.start:
            problems.append(Problem(("freezes", position, "end"), "a freeze ends after it starts"))
    return tuple(problems)


def _repeated(written: _Document) -> tuple[Problem, ...]:
    seen: dict[str, int] = {}
    problems = []
    for position, policy in enumerate(written.policies):
        first = seen.setdefault(policy.name, position)
        if first != position:
            told = (
                f"{policy.name!r} names policy {first} already: a name is told in decisions and must be one"
            )
            problems.append(Problem(("policies", position, "name"), told))
    return tuple(problems)
