"""Error budget policies: from which share of a budget on deployments are frozen or warned of, as data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from fnmatch import fnmatchcase
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from slo import durations, figures
from slo.ledger import WINDOWS
from slo.problem import Problem, Section, documents

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from slo.cells import Placement

#: Of the minutes of a period so far, how many must be known before its budget may say yes.
COVERAGE_MIN = Decimal("0.9")
#: How old the newest known minute may be: quiet services are read every five minutes, or every ten.
AGE_MAX = timedelta(minutes=30)


class Answer(StrEnum):
    """Whether something may be deployed, from a yes to a no.  What is not known is neither."""

    ALLOW = "allow"
    WARN = "warn"
    UNKNOWN = "unknown"
    FREEZE = "freeze"

    @property
    def severity(self) -> int:
        """How much it keeps from deploying: of several answers the most severe counts."""
        return list(Answer).index(self)

    @property
    def yes(self) -> bool:
        """Whether it lets a deployment pass."""
        return self in (Answer.ALLOW, Answer.WARN)


#: What a threshold may say: only what is known well enough reaches one.
SAYS = (Answer.FREEZE, Answer.WARN, Answer.ALLOW)


class BudgetScope(StrEnum):
    """Whose budget counts for a service."""

    POOLED = "pooled"
    WORST = "worst"


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """From this share of the budget spent on, and where `burn` is named from this pace in `window` on."""

    answer: Answer
    spent: Decimal
    message: str
    burn: Decimal | None = None
    window: str | None = None

    def __post_init__(self) -> None:
        if self.answer not in SAYS:
            raise ValueError(f"a threshold says {', '.join(SAYS)}, got {self.answer}")
        if self.spent < 0 or (self.burn is not None and self.burn <= 0):
            raise ValueError(f"shares start at 0 and paces above it, got {self.spent} and {self.burn}")
        if (self.burn is None) != (self.window is None) or self.window not in {None, *WINDOWS}:
            raise ValueError(f"a pace has a window of {', '.join(WINDOWS)}, got {self.window}")

    def holds(self, spent: Fraction, burn: Fraction | None) -> bool:
        """Whether it is reached; a pace that is not known reaches none."""
        fast = self.burn is None or (burn is not None and burn >= Fraction(self.burn))
        return spent >= Fraction(self.spent) and fast

    def hides(self, below: Threshold) -> bool:
        """Whether it holds wherever the one below it does, which is then never reached."""
        slower = self.burn is None or (
            self.window == below.window and below.burn is not None and self.burn <= below.burn
        )
        return self.spent <= below.spent and slower

    @property
    def said(self) -> str:
        """The threshold in words."""
        pace = f" while {self.window} burn {self.burn} times too fast" if self.burn is not None else ""
        return f"from {figures.target(Fraction(self.spent))} spent{pace}"


def misplaced(thresholds: Sequence[Threshold]) -> dict[int, str]:
    """Return what is wrong with the order, by the position of the threshold that is misplaced."""
    wrong: dict[int, str] = {}
    for position, below in enumerate(thresholds):
        above = thresholds[:position]
        hiding = next((one for one in above if one.hides(below)), None)
        if any(one.answer.severity < below.answer.severity for one in above):
            wrong[position] = f"{below.answer} stands below a milder answer; expected the strictest first"
        elif hiding is not None:
            wrong[position] = f"is never reached: {hiding.answer} {hiding.said} holds wherever it would"
    return wrong


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetPolicy:
    """What the budgets of these objectives say about deploying; names may hold `*`.

    Thresholds go from the strictest answer to the mildest, and the first that holds counts: so no failure
    more can ever make an answer milder.  Where none holds, the answer is yes.
    """

    name: str
    thresholds: tuple[Threshold, ...]
    services: tuple[str, ...] = ("*",)
    regions: tuple[str, ...] = ("*",)
    objectives: tuple[str, ...] = ("*",)
    scope: BudgetScope = BudgetScope.WORST
    coverage_min: Decimal = COVERAGE_MIN
    age_max: timedelta = AGE_MAX

    def __post_init__(self) -> None:
        if not self.thresholds or not self.services or not self.regions or not self.objectives:
            raise ValueError("a policy has a threshold, and names services, regions and objectives or '*'")
        if not 0 <= self.coverage_min <= 1 or self.age_max <= timedelta(0):
            raise ValueError(
                f"coverage is a ratio, an age is above 0, got {self.coverage_min}, {self.age_max}"
            )
        if wrong := misplaced(self.thresholds):
            raise ValueError("; ".join(wrong.values()))

    def covers(self, objective: str, placement: Placement) -> bool:
        """Whether the policy speaks of this objective at this placement."""
        named = (
            (placement.service, self.services),
            (placement.region, self.regions),
            (objective, self.objectives),
        )
        return all(any(fnmatchcase(name, glob) for glob in globs) for name, globs in named)

    def reached(self, spent: Fraction, burns: Mapping[str, Fraction | None]) -> Threshold | None:
        """Return the threshold that counts, or None."""
        return next((one for one in self.thresholds if one.holds(spent, burns.get(one.window or ""))), None)


#: What holds where no policy of your own covers an objective.
DEFAULT = BudgetPolicy(
    name="default",
    thresholds=(
        Threshold(
            answer=Answer.FREEZE,
            spent=Decimal(1),
            message="The budget is spent: deploy nothing but what mends it.",
        ),
        Threshold(
            answer=Answer.WARN,
            spent=Decimal("0.75"),
            message="No more than a quarter of the budget is left: deploy with care.",
        ),
    ),
)


def policy_for(policies: Sequence[BudgetPolicy], objective: str, placement: Placement) -> BudgetPolicy:
    """Return the first policy that covers an objective at a placement, or ours."""
    return next((policy for policy in policies if policy.covers(objective, placement)), DEFAULT)


@dataclass(frozen=True, slots=True)
class Reading:
    """What documents came to: sound policies, and every problem."""

    policies: tuple[BudgetPolicy, ...]
    problems: tuple[Problem, ...]


def read(written: Sequence[object]) -> Reading:
    """Return the policies of all documents; paths of problems begin with the document's position."""
    problems: list[Problem] = []
    policies: list[BudgetPolicy] = []
    names: set[str] = set()
    for section in documents(written, problems):
        for one in section.sections("budget_policies", "a list of policies"):
            policies += _policy(one, names)
        section.refuse_unread()
    return Reading(tuple(policies), tuple(problems))


def _policy(section: Section, names: set[str]) -> list[BudgetPolicy]:
    """Return the policy, or none when anything in it is wrong."""
    before = len(section.problems)
    coverage = section.number("coverage_min", "a ratio from 0 to 1 such as 0.9", needed=False)
    if coverage is not None and not 0 <= coverage <= 1:
        section.refuse("coverage_min", f"expected a ratio from 0 to 1 such as 0.9, got {coverage}")
    fields: dict[str, Any] = {
        "name": _name(section, names),
        "thresholds": _thresholds(section),
        "services": _globs(section, "services"),
        "regions": _globs(section, "regions"),
        "objectives": _globs(section, "objectives"),
        "scope": section.word("scope", BudgetScope, needed=False) or BudgetScope.WORST,
        "coverage_min": COVERAGE_MIN if coverage is None else coverage,
        "age_max": _age(section),
    }
    section.refuse_unread()
    return [] if len(section.problems) > before else [BudgetPolicy(**fields)]


def _name(section: Section, names: set[str]) -> str | None:
    name = section.text("name", "a short name")
    if name in {*names, DEFAULT.name}:
        section.refuse("name", f"{name!r} names a budget policy already: a name is told in answers")
    names |= {name} if name else set()
    return name


def _globs(section: Section, key: str) -> tuple[str, ...]:
    found = section.texts(key, "a list of names, which may hold *", needed=False)
    if section.data.get(key) == []:
        section.refuse(key, "is empty; expected names, or nothing at all for every one")
    return found or ("*",)


def _age(section: Section) -> timedelta:
    expected = "a duration such as 30m"
    age = durations.parse(section.value("age_max", expected, needed=False))
    if section.has("age_max") and not age:
        section.refuse("age_max", f"expected {expected}, got {section.data['age_max']!r}")
    return age or AGE_MAX


def _thresholds(section: Section) -> tuple[Threshold, ...]:
    written = [
        (part, _threshold(part))
        for part in section.sections("thresholds", "a list of {answer, spent, message}")
    ]
    if section.data.get("thresholds") == []:
        section.refuse("thresholds", "is empty; expected at least one {answer, spent, message}")
    sound = tuple(threshold for _, threshold in written if threshold is not None)
    if len(sound) == len(written):
        for position, problem in misplaced(sound).items():
            written[position][0].refuse(None, problem)
    return sound


def _threshold(section: Section) -> Threshold | None:
    before = len(section.problems)
    answer = section.word("answer", Answer, " or ".join(SAYS))
    if answer is Answer.UNKNOWN:
        section.refuse(
            "answer", f"expected {' or '.join(SAYS)}, got 'unknown': that follows from coverage_min"
        )
    spent = section.number("spent", "the share of the budget that is spent, such as 0.75")
    if spent is not None and spent < 0:
        section.refuse("spent", f"expected a share of 0 or more, such as 0.75, got {spent}")
    message = section.text("message", "what people are told")
    burn, window = _pace(section)
    section.refuse_unread()
    if len(section.problems) > before or answer is None or spent is None or message is None:
        return None
    return Threshold(answer=answer, spent=spent, message=message, burn=burn, window=window)


def _pace(section: Section) -> tuple[Decimal | None, str | None]:
    """Read a burn rate and its window: neither, or both."""
    burn = section.number("burn", "a burn rate such as 14.4", needed=section.has("window"))
    window = section.text("window", f"one of {', '.join(WINDOWS)}", needed=section.has("burn"))
    if burn is not None and burn <= 0:
        section.refuse("burn", f"expected a burn rate above 0, such as 14.4, got {burn}")
    if window is not None and window not in WINDOWS:
        section.refuse("window", f"expected one of {', '.join(WINDOWS)}, got {window!r}")
    return burn, window
