"""What a statement says in sentences: its verdict, whose it is, and how it was counted."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from slo import figures
from slo.cells import Indicator
from slo.contracts import Contract, Scope, Unknown
from slo.statement import Verdict

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from slo.judging import Judging

#: More services than this are counted instead of named.
_NAMED_MAX = 8


def sentence(judging: Judging, verdict: Verdict, coverage: figures.Figure) -> str:
    """Say the verdict with its figures."""
    name, part = judging.lowest
    measure = judging.contract.measure
    where = f"in {name}" if judging.contract.scope is Scope.PER_REGION and part.elapsed else f"over {name}"
    value, promised = judging.value(part), figures.target(judging.target)
    counted = "nothing was counted" if value is None else f"{figures.attained(value)} of {measure} were good"
    said = f"{counted} {where}; {promised} is promised"
    match verdict:
        case Verdict.MET:
            return f"Met: {said}."
        case Verdict.BREACHED:
            return f"Breached: {said}. Coverage is {coverage}."
        case Verdict.NOT_FINAL:
            return f"Not final, the month has not ended: so far {said}. Coverage is {coverage}."
        case Verdict.INCOMPLETE:
            return f"Incomplete: {coverage} of the minutes are known, too few to say met; of them, {said}."


def whose(contract: Contract, services: Collection[str], shared: Collection[str]) -> str:
    """Say whether what is measured is the tenant's alone; what several use is measured as a whole."""
    if contract.own:
        return f"Measured for {contract.display_name} alone: {contract.own}."
    own = [service for service in services if service not in shared]
    if not own:
        return "Measured as all who use the services see them: nothing says that they are one tenant's alone."
    if not shared:
        return f"Measured for {contract.display_name} alone: what is counted is tagged as theirs."
    return (
        f"Measured for {contract.display_name} alone: {_named(own)}. Measured as all who use them see them: "
        f"{_named(sorted(shared))}."
    )


def _named(services: Collection[str]) -> str:
    if len(services) > _NAMED_MAX:
        return f"{len(services):,} services"
    return ", ".join(services)


#: What is said of an indicator whose counts are no plain requests.
_COUNTED: Mapping[Indicator, tuple[str, ...]] = {
    Indicator.LATENCY: ("Latency counts are estimates of CloudWatch up to the first byte of the answer.",),
    Indicator.TARGET_AVAILABILITY: (
        "What the load balancer failed without a target is not counted: it is told by availability.",
    ),
    Indicator.FRESHNESS: (
        "What is counted as requests are minutes: bad where a message of the queue waited too long.",
    ),
    Indicator.SCHEDULE: ("What is counted as requests are the runs of scheduled tasks.",),
    Indicator.PROBE: (
        "What is counted as requests are our own checks from outside, a sample of each minute.",
    ),
}

_UNKNOWN: Mapping[Unknown, str] = {
    Unknown.NEITHER: "Unknown minutes are neither good nor bad; with any of them the verdict is never met.",
    Unknown.BAD: "Unknown minutes count as down: the contract says so.",
    Unknown.GOOD: "Unknown minutes count as up: the contract says so.",
}

_SCOPE: Mapping[Scope, str] = {
    Scope.POOLED: "What is compared with the promise are all placements together.",
    Scope.WORST: "What is compared with the promise is the placement that attained least.",
    Scope.PER_REGION: "Each region is compared with the promise by itself; one that falls short is a breach.",
}


def method(contract: Contract, coarse: int, late: int) -> Iterator[str]:
    """Say how it was counted, so that anybody can count again."""
    ratio = figures.target(Fraction(contract.bad_minute_ratio))
    events, together = contract.bad_minute_events, contract.bad_minutes_in_a_row
    yield f"The month is that of {contract.zone}; minutes are counted in UTC from its first to its last."
    yield "Requests are added up over all placements; ratios are made of sums, never averaged."
    yield (
        f"A minute is down where more than {ratio} of at least {events:,} requests were bad"
        + (f", and {together} such minutes of the month came together." if together > 1 else ".")
    )
    yield "A pool is down in a minute in which any of its placements was."
    yield _SCOPE[contract.scope]
    yield _UNKNOWN[contract.unknown]
    if late and contract.unknown is not Unknown.NEITHER:
        yield f"{figures.several(late, 'minute')} may still become known, and until then count as neither."
    yield from _left_out(contract)
    yield "Comparisons are exact; what is attained is cut off, what is lost is rounded up."
    if contract.charges is not None:
        yield "Amounts are exact until they are shown; then half of the smallest unit is rounded up."
    yield from _COUNTED.get(contract.indicator, ())
    if contract.latency is not None and contract.indicator is not Indicator.LATENCY:
        yield from _COUNTED[Indicator.LATENCY]
    if coarse:
        yield f"{coarse:,} minutes are shares of CloudWatch's sums over five minutes."


def _left_out(contract: Contract) -> Iterator[str]:
    if not contract.exclusions.clauses:
        yield "The contract allows no exclusions."
        return
    clauses, most = ", ".join(contract.exclusions.clauses), contract.exclusions.minutes_max
    yield f"Excluded minutes count on neither side; exclusions may rest on {clauses}."
    if most is not None:
        yield (
            f"Of each placement at most {most:,} minutes a month are excluded, the earliest first; what is "
            "beyond counts as it was."
        )


def claim(contract: Contract, last_day: str, *, due: bool) -> str:
    """Say until when, and against what, a credit may be claimed."""
    if not due:
        return "No credit is due."
    against = f" It is set off against {contract.credit.against}." if contract.credit.against else ""
    if not last_day:
        return f"The contract names no day by which a credit must be claimed.{against}"
    return f"A credit must be claimed by the end of {last_day} ({contract.zone}).{against}"
