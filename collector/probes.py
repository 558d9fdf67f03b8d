"""Checks from outside: what is asked of whom, what may come of it, and whose doing a failure is.

A check that fails by the target's doing is a failed check.  One that we could not make, or that proves
nothing about the target, is no check at all: its minute stays unknown unless another check saw it.  Whose
doing it is says `OURS`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol
from urllib.parse import SplitResult, urlsplit

from slo.cells import Placement

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from collector.estate import ServiceView

#: A service that bears this tag names the address that is checked.  Tag values hold letters, digits, spaces
#: and `_ . : / = + - @` [Tagging your Amazon ECS resources], so no query.
TAG = "fournines:probe"

EVERY_MIN, EVERY_MAX = timedelta(seconds=5), timedelta(seconds=60)
URL_CHARACTERS_MAX = 2048
#: More targets than this are not checked.
TARGETS_MAX = 500

#: What counts as an answer unless the probe says otherwise; a redirect is one, and is not followed.
EXPECTED = frozenset(range(200, 400))
STATUSES = range(100, 600)


class Reason(StrEnum):
    """Why a check failed: the same word in metrics, sentences and logs."""

    TIMEOUT = "timeout"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    CUT_OFF = "cut_off"
    DNS = "dns"
    TLS = "tls"
    PROTOCOL = "protocol"
    STATUS = "status"
    BODY = "body"
    PRIVATE_ADDRESS = "private_address"
    RESOLVER = "resolver"
    LOCAL = "local"
    STARVED = "starved"


#: What proves nothing about the target: an address that we refuse, a name server that does not answer us, our
#: own network and limits, and a process that was held up for longer than the check's time.
OURS = frozenset({Reason.PRIVATE_ADDRESS, Reason.RESOLVER, Reason.LOCAL, Reason.STARVED})

#: A check ends by its own timeout; one that took so much longer was held up with the whole process.
HELD_UP = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A request that is made again and again, and what is expected of its answer."""

    url: str
    every: timedelta = timedelta(seconds=10)
    timeout: timedelta = timedelta(seconds=3)
    expect: frozenset[int] = EXPECTED
    contains: str = ""
    allow_private: bool = False

    def __post_init__(self) -> None:
        problem = url_problem(self.url)
        if problem:
            raise ValueError(problem)
        if not EVERY_MIN <= self.every <= EVERY_MAX:
            raise ValueError(f"a check is made every 5s to 60s, got {self.every}")
        if not timedelta(0) < self.timeout <= self.every:
            raise ValueError(f"a timeout is longer than nothing and at most {self.every}, got {self.timeout}")
        if not self.expect or not self.expect <= set(STATUSES):
            raise ValueError("what is expected are statuses from 100 to 599, at least one")

    @property
    def shown(self) -> str:
        """The address as people and metrics see it: a query may hold what is not theirs."""
        return self.parts._replace(query="").geturl()

    @property
    def parts(self) -> SplitResult:
        """The address taken apart."""
        return urlsplit(self.url)


def url_problem(url: str) -> str:
    """Return what is wrong with an address to check, or nothing."""
    if not re.fullmatch(r"https?://[!-~]+", url) or len(url) > URL_CHARACTERS_MAX:
        return "expected an address such as https://host/path, in ASCII"
    try:
        parts, port = urlsplit(url), urlsplit(url).port
    except ValueError:
        return "expected a host and, if any, a port from 1 to 65535"
    if not parts.hostname or port == 0:
        return "expected a host and, if any, a port from 1 to 65535"
    if parts.username is not None or parts.password is not None:
        return "expected no credentials in the address"
    return "expected no fragment: it is never sent" if parts.fragment else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A check of one service in one region; account and cluster tell several placements apart."""

    check: Check
    service: str
    region: str
    account: str | None = None
    cluster: str | None = None

    def covers(self, placement: Placement) -> bool:
        """Whether it may mean this placement."""
        return (
            (placement.service, placement.region) == (self.service, self.region)
            and self.account in (None, placement.account)
            and self.cluster in (None, placement.cluster)
        )

    def __str__(self) -> str:
        where = (self.account, self.region, self.cluster, self.service)
        return f"{self.check.shown} of {'/'.join(part for part in where if part)}"


@dataclass(frozen=True, slots=True)
class Probes:
    """What is checked: the probes of the document and, if wanted, those that tags name."""

    listed: tuple[Probe, ...] = ()
    tagged: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """A check and the one placement that it is about."""

    placement: Placement
    check: Check

    @property
    def name(self) -> str:
        """What it is called among those of its placement."""
        return self.check.shown

    def __hash__(self) -> int:
        return hash(self.placement)  # few checks have the same one, and each is asked for every second


@dataclass(frozen=True, slots=True)
class Aimed:
    """What is checked now, and why something that was asked for is not."""

    targets: tuple[Target, ...]
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a check, after so many real seconds; without a reason it is as expected."""

    seconds: float
    reason: Reason | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """An answer of a target; `at` is when the check began."""

    target: Target
    at: datetime
    answer: Answer

    @property
    def counts(self) -> bool:
        """Whether it says anything about the target."""
        return self.answer.reason not in OURS

    @property
    def failed(self) -> bool:
        """Whether the target failed it."""
        return self.counts and self.answer.reason is not None

    @property
    def sentence(self) -> str:
        """What an engineer reads of a failure; it stays the same while it does."""
        where, what = self.target.placement, "fails its checks" if self.failed else "cannot be checked"
        return (
            f"{where.service} in {where.region} {what} from outside: {self.target.name}: "
            f"{self.answer.detail} ({self.answer.reason})."
        )


class Prober(Protocol):
    """Who makes checks: over HTTP, or on the simulated world."""

    def check(self, target: Target) -> Answer:
        """Make the target's check and return what came of it.  Never raises for what is outside."""
        ...


def answered(check: Check, seconds: float, reason: Reason | None = None, detail: str = "") -> Answer:
    """Return the answer to a check, unless it took so long that we were held up ourselves."""
    if reason not in OURS and seconds > (check.timeout + HELD_UP).total_seconds():
        return Answer(seconds, Reason.STARVED, f"it took {seconds:.0f} s, so we were held up ourselves")
    return Answer(seconds, reason, detail)


def aim(probes: Probes, services: Mapping[Placement, ServiceView]) -> Aimed:
    """Return the target of each probe; of two that share name and placement, the one that is listed first."""
    found: dict[tuple[Placement, str], Target] = {}
    problems: list[str] = []
    for target in (*_listed(probes.listed, services), *(_tagged(services) if probes.tagged else ())):
        if isinstance(target, str):
            problems.append(target)
        else:
            found.setdefault((target.placement, target.name), target)
    if len(found) > TARGETS_MAX:
        problems.append(f"only {TARGETS_MAX} of {len(found)} targets are checked")
    return Aimed(tuple(found.values())[:TARGETS_MAX], tuple(problems))


def _listed(probes: Iterable[Probe], services: Collection[Placement]) -> Iterator[Target | str]:
    for probe in probes:
        meant = [placement for placement in services if probe.covers(placement)]
        if len(meant) == 1:
            yield Target(meant[0], probe.check)
        elif meant:
            yield f"probe {probe} is not made: name account or cluster, since there are {len(meant)} of them"
        elif any(placement.region == probe.region for placement in services):  # or yet to be discovered
            yield f"probe {probe} is not made: no such service is known"


def _tagged(services: Mapping[Placement, ServiceView]) -> Iterator[Target | str]:
    """Yield what tags name; whoever may tag may not open what is private."""
    for placement, view in services.items():
        url = view.tags.get(TAG)
        if url is None:
            continue
        problem = url_problem(url)
        yield (
            f"tag {TAG} of {placement} is not used: {problem}"
            if problem
            else Target(placement, Check(url=url))
        )
