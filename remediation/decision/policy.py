"""Which cause may meet which action, where, how far by itself, and within which limits."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

from remediation.actions.table import REMEDIES
from remediation.vocabulary import Cause, Mode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from slo.cells import Placement

#: Where in a document: keys and positions from the top.
Path = tuple[str | int, ...]


class OnTimeout(StrEnum):
    """What becomes of a question that nobody answers in time."""

    CANCEL = "cancel"
    ESCALATE = "escalate"
    RUN = "run"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What may be done against a cause.  Without one, everything is only observed.

    `cooldown` parts two actions on a placement, `daily_max` counts actions on a service in 24 hours, and
    `services_max_percent` bounds the placements that are being changed at once; one may always be.
    """

    name: str
    cause: Cause
    services: tuple[str, ...] = ("*",)
    regions: tuple[str, ...] = ("*",)
    mode: Mode = Mode.OBSERVE
    cooldown: timedelta = timedelta(minutes=30)
    daily_max: int = 3
    services_max_percent: int = 10
    approvers: tuple[str, ...] = ()
    deadline: timedelta = timedelta(minutes=15)
    on_timeout: OnTimeout = OnTimeout.ESCALATE
    keep_for: timedelta | None = None

    def covers(self, cause: Cause, placement: Placement) -> bool:
        """Whether the policy speaks of this cause at this placement."""
        return (
            self.cause is cause
            and any(fnmatchcase(placement.service, glob) for glob in self.services)
            and any(fnmatchcase(placement.region, glob) for glob in self.regions)
        )


def may_answer(approvers: tuple[str, ...], actor: str) -> bool:
    """Whether a person may approve; an empty list means nobody, `*` anybody who reached us."""
    return "*" in approvers or actor in approvers


@dataclass(frozen=True, slots=True)
class Freeze:
    """A time in which nothing is changed, where it applies."""

    start: datetime
    end: datetime
    reason: str
    services: tuple[str, ...] = ("*",)

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
class Problem:
    """One thing that is wrong with a document, and what was expected there."""

    path: Path
    message: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What a document says, or every problem that it has."""

    policies: Policies = field(default_factory=Policies)
    problems: tuple[Problem, ...] = ()


_DURATION = re.compile(r"(\d{1,6})\s*([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def _duration(value: object) -> object:
    found = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise PydanticCustomError("duration", "expected a duration such as 90s, 30m, 2h or 1d")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


Duration = Annotated[timedelta, BeforeValidator(_duration)]
Globs = Annotated[tuple[str, ...], Field(min_length=1)]


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PolicyForm(_Form):
    """A policy as it is written down."""

    name: Annotated[str, Field(min_length=1)]
    cause: Cause
    services: Globs = ("*",)
    regions: Globs = ("*",)
    mode: Mode = Mode.OBSERVE
    cooldown: Duration = timedelta(minutes=30)
    daily_max: Annotated[int, Field(ge=1, le=100)] = 3
    services_max_percent: Annotated[int, Field(ge=1, le=100)] = 10
    approvers: tuple[str, ...] = ()
    deadline: Duration = timedelta(minutes=15)
    on_timeout: OnTimeout = OnTimeout.ESCALATE
    keep_for: Duration | None = None


class FreezeForm(_Form):
    """A freeze as it is written down."""

    start: AwareDatetime
    end: AwareDatetime
    reason: Annotated[str, Field(min_length=1)]
    services: Globs = ("*",)


class PoliciesForm(_Form):
    """A document of policies as it is written down."""

    policies: tuple[PolicyForm, ...] = ()
    freezes: tuple[FreezeForm, ...] = ()


def read(document: object) -> Reading:
    """Read a document of plain values into policies, or find every problem in it."""
    try:
        form = PoliciesForm.model_validate(document)
    except ValidationError as error:
        return Reading(problems=tuple(Problem(each["loc"], _said(each)) for each in error.errors()))
    if problems := (*_doubtful(form), *_repeated(form)):
        return Reading(problems=problems)
    return Reading(
        Policies(
            tuple(Policy(**dict(policy)) for policy in form.policies),
            tuple(
                Freeze(f.start.astimezone(UTC), f.end.astimezone(UTC), f.reason, f.services)
                for f in form.freezes
            ),
        )
    )


def _said(error: Mapping[str, Any]) -> str:
    """Return what is wrong and, where it is known, what stands there."""
    message: str = error["msg"]
    given = error.get("input")
    return f"{message}, got {given!r}" if isinstance(given, str | int | float) else message


def _doubtful(form: PoliciesForm) -> tuple[Problem, ...]:
    """Find what is well-formed and cannot be meant."""
    problems: list[Problem] = []
    for position, policy in enumerate(form.policies):
        where = ("policies", position)
        if policy.mode is not Mode.OBSERVE and policy.cause not in REMEDIES:
            known = ", ".join(REMEDIES)
            told = f"nothing of ours undoes {policy.cause}: only observe it (actions exist for {known})"
            problems.append(Problem((*where, "mode"), told))
        if policy.mode is Mode.PROPOSE and not policy.approvers:
            told = 'nobody could ever approve: name people, or "*" for anybody in the channel'
            problems.append(Problem((*where, "approvers"), told))
    for position, freeze in enumerate(form.freezes):
        if freeze.end <= freeze.start:
            problems.append(Problem(("freezes", position, "end"), "a freeze ends after it starts"))
    return tuple(problems)


def _repeated(form: PoliciesForm) -> tuple[Problem, ...]:
    seen: dict[str, int] = {}
    problems = []
    for position, policy in enumerate(form.policies):
        first = seen.setdefault(policy.name, position)
        if first != position:
            told = (
                f"{policy.name!r} names policy {first} already: a name is told in decisions and must be one"
            )
            problems.append(Problem(("policies", position, "name"), told))
    return tuple(problems)
