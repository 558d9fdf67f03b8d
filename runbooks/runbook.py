"""One runbook: what a person should do, in Markdown, with steps that a machine can read."""

from __future__ import annotations

import re
from datetime import date, timedelta
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from runbooks.front import Front, Problem, RunbookError, split

#: The headings, in the order in which they are needed at night.
SECTIONS = ("Meaning", "Impact", "Diagnosis", "Mitigation", "Verification", "Escalation")

#: A check may only look; these are the commands that only look.
READING = re.compile(
    r"aws [a-z0-9-]+ (describe|list|get|filter|tail|wait)(-[a-z-]+)?\b"
    r"|fournines (budget|doctor --no-slack|explain|incidents|runbook|validate|--version)\b"
    r"|curl -[fsS]+ http"
)

_SECONDS = {"s": 1, "m": 60, "h": 3600}
_HEADING = re.compile(r"^(#{1,2}) (.+)$", re.MULTILINE)


def _span(value: object) -> timedelta:
    """Read `90s`, `10m` or `2h`."""
    text = str(value)
    if not re.fullmatch(r"[1-9]\d{0,4}[smh]", text):
        raise ValueError(f"expected a duration such as 90s, 10m or 2h, got {text!r}")
    return timedelta(seconds=int(text[:-1]) * _SECONDS[text[-1]])


Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]
Span = Annotated[timedelta, BeforeValidator(_span)]


class StepKind(StrEnum):
    """What a step is."""

    CHECK = "check"
    ACTION = "action"
    APPROVE = "approve"
    VERIFY = "verify"


class Step(BaseModel):
    """One step.

    `run` of a check or a verification is a command that only looks; of an action it is the name of one that
    fournines knows, and `by_hand` says the same for a shell.  What changes something says how it is undone.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Name
    kind: StepKind
    title: str = Field(min_length=1)
    run: str = ""
    by_hand: str = ""
    timeout: Span = timedelta(minutes=5)
    on_fail: Literal["escalate", "continue", "stop"] = "escalate"
    undo: str = ""
    irreversible: bool = False

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.kind is not StepKind.APPROVE and not self.run:
            raise ValueError(f"a step of kind {self.kind} needs `run`")
        if self.kind is StepKind.ACTION and bool(self.undo) is self.irreversible:
            raise ValueError("an action says either how to `undo` it or `irreversible: true`")
        if self.kind in (StepKind.CHECK, StepKind.VERIFY) and not READING.match(self.run):
            raise ValueError("a check only looks: `aws ... describe-|list-|get-`, `fournines explain` ...")
        return self


class Runbook(BaseModel):
    """What to do about causes, actions and alerts; `markdown` is all below the front matter."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Name
    causes: tuple[Name, ...] = ()
    actions: tuple[Name, ...] = ()
    alerts: tuple[Name, ...] = ()
    owner: Name
    severity: Literal["page", "ticket"]
    last_reviewed: date
    review_days: int = Field(gt=0, le=366)
    steps: tuple[Step, ...]
    title: str
    markdown: str
    file: str

    @model_validator(mode="after")
    def _has_steps(self) -> Self:
        if not self.steps:
            raise ValueError("`steps` needs at least one step")
        return self

    @property
    def review_due(self) -> date:
        """The day by which somebody should have read it again."""
        return self.last_reviewed + timedelta(days=self.review_days)

    def stale(self, today: date) -> bool:
        """Whether its review is overdue: what it says may no longer be true."""
        return today > self.review_due

    def section(self, heading: str) -> str:
        """Return the Markdown under one of SECTIONS."""
        return _sections(self.markdown)[heading]


def parse(text: str, file: str) -> Runbook:
    """Read a runbook.  Raises RunbookError with every problem and its line."""
    front = split(text, file)
    problems = _body_problems(front, file)
    headings = [match[2] for match in _HEADING.finditer(front.body) if match[1] == "#"]
    known = {
        "title": headings[0] if headings else "",
        "markdown": front.body,
        "file": file,
    }
    try:
        runbook = Runbook.model_validate({**front.values, **known})
    except ValidationError as error:
        raise RunbookError((*_field_problems(error, front, file), *problems)) from error
    if problems:
        raise RunbookError(problems)
    return runbook


def _field_problems(error: ValidationError, front: Front, file: str) -> tuple[Problem, ...]:
    """Say each of pydantic's findings with the line of the value and the way to it."""
    return tuple(
        Problem(
            file,
            front.line(found["loc"]),
            f"{'.'.join(str(part) for part in found['loc'])}: {found['msg'].removeprefix('Value error, ')}",
        )
        for found in error.errors(include_url=False)
    )


def _body_problems(front: Front, file: str) -> tuple[Problem, ...]:
    """Name what the Markdown lacks: one title, then every section once, in order, none empty."""
    found = _sections(front.body)
    if not front.body.startswith("# "):
        return (
            Problem(file, front.body_line, "after the front matter comes the title: `# What it is about`"),
        )
    if tuple(found) != SECTIONS:
        expected = ", ".join(f"## {name}" for name in SECTIONS)
        return (Problem(file, front.body_line, f"the sections are, in this order: {expected}"),)
    return tuple(
        Problem(file, front.body_line, f"the section {name} is empty") for name in SECTIONS if not found[name]
    )


def _sections(body: str) -> dict[str, str]:
    """Return the text under each second-level heading outside of code blocks."""
    sections: dict[str, list[str]] = {}
    current: list[str] = []
    fenced = False
    for line in body.splitlines():
        fenced ^= line.startswith("```")
        if line.startswith("## ") and not fenced:
            current = sections.setdefault(line[3:].strip(), [])
        else:
            current.append(line)
    return {name: "\n".join(lines).strip() for name, lines in sections.items()}
