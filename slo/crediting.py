"""What is given back for a month, step by step, each with its formula."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from slo import figures
from slo.charges import Base, Per
from slo.contracts import CreditTier, Measure, Scope
from slo.figures import NOTHING, Figure
from slo.judging import NO_SERVICE, NOWHERE
from slo.money import money
from slo.statement import CreditLine, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from slo.charges import Charges
    from slo.judging import Judging
    from slo.tally import Tally

_UNDECIDED = (Verdict.NOT_FINAL, Verdict.INCOMPLETE)
#: A sum of more than so many charges is said by their number.
_NAMED_MAX = 6
_NOTHING = Figure(None, NOTHING)


@dataclass(frozen=True, slots=True)
class Credit:
    """What is due: a part of the charges, an amount where charges are known, and how both follow."""

    share: Figure
    amount: Figure
    lines: tuple[CreditLine, ...]


@dataclass(frozen=True, slots=True)
class _Due:
    """A tier that was fallen into: by whom, and of which charges it is a part."""

    name: str
    value: Fraction
    tier: CreditTier
    charged: tuple[str, ...]


def credit(judging: Judging, verdict: Verdict) -> Credit:
    """Return what is due; undecided until the month is final, and nothing without a breach."""
    attained = (
        *_attained(judging),
        CreditLine(label="promised", formula="", value=figures.target(judging.target)),
    )
    if verdict in _UNDECIDED:
        return Credit(_NOTHING, _NOTHING, attained)
    dues = tuple(_dues(judging)) if verdict is Verdict.BREACHED else ()
    share = figures.target(max((Fraction(due.tier.credit) for due in dues), default=Fraction(0)))
    lines = (*attained, *map(_tier, dues))
    if judging.contract.charges is None:
        said = CreditLine(label="credit, as part of the month's fee", formula="", value=share)
        return Credit(share, _NOTHING, (*lines, said))
    paid = tuple(_paid(judging, judging.contract.charges, dues))
    return Credit(share, paid[-1].value, (*lines, *paid))


def _attained(judging: Judging) -> Iterator[CreditLine]:
    """Yield how each figure that is compared follows from what was counted."""
    several = judging.contract.scope is Scope.PER_REGION
    for name, part in judging.compared.items():
        yield CreditLine(
            label=f"attained, in {judging.contract.measure}{f', {name}' if several else ''}",
            formula=_ratio(judging, part),
            value=figures.attained(judging.value(part)),
        )


def _ratio(judging: Judging, part: Tally) -> str:
    """Say what is divided by what; without anything to divide by, nothing."""
    if judging.value(part) is None:
        return ""
    if judging.contract.measure is Measure.REQUESTS:
        bad, total = figures.count(part.bad, worse_when_more=True), figures.count(part.total)
        return f"1 - {bad} / {total}"
    down, known = judging.minutes(part)
    return f"1 - {down:,} / {known:,}"


def _dues(judging: Judging) -> Iterator[_Due]:
    """Yield which tiers were fallen into."""
    for name, part in judging.short.items():
        value = judging.value(part) or Fraction(0)
        tier = judging.contract.tier(value)
        if tier is not None:
            yield _Due(name, value, tier, tuple(_charged(judging, name)))


def _charged(judging: Judging, name: str) -> Iterable[str]:
    """Return for which regions or services a credit is reckoned: those that fell short, or all."""
    charges, scope = judging.contract.charges, judging.contract.scope
    if charges is None or charges.per is Per.MONTH:
        return ()
    if scope is Scope.PER_REGION:
        return () if name == NOWHERE else (name,)
    every = _names(judging, charges)
    if judging.contract.credit.base is Base.ALL:
        return every
    place = 1 if charges.per is Per.REGION else 0
    parts = zip(judging.rows, judging.side.parts, strict=True)
    short = {str(row[place]) for row, part in parts if judging.falls_short(part)}
    return [one for one in every if one in short] or every


def _names(judging: Judging, charges: Charges) -> list[str]:
    """Return every region or service that is charged for; what was not found is not."""
    place = 1 if charges.per is Per.REGION else 0
    return sorted({str(row[place]) for row in judging.rows} - {NOWHERE, NO_SERVICE})


def _tier(due: _Due) -> CreditLine:
    below = figures.target(Fraction(due.tier.below))
    return CreditLine(
        label=f"lowest tier that it falls below, {due.name}",
        formula=f"{figures.attained(due.value)} < {below}",
        value=figures.target(Fraction(due.tier.credit)),
    )


def _paid(judging: Judging, charges: Charges, dues: tuple[_Due, ...]) -> Iterator[CreditLine]:
    """Yield from the charges to what is paid: the last is the credit."""
    terms, currency = judging.contract.credit, charges.currency
    whole = charges.whole(_names(judging, charges))
    sum_ = Fraction(0)
    for due in dues:
        base = charges.whole(due.charged)
        share = Fraction(due.tier.credit)
        sum_ += share * base
        yield CreditLine(label="charges", formula=_summed(charges, due.charged), value=money(base, currency))
        yield CreditLine(
            label=f"credit, {due.name}",
            formula=f"{figures.target(share)} of {money(base, currency)}",
            value=money(share * base, currency),
        )
    cap = terms.cap(whole)
    if cap is not None and dues:
        formula = f"the least of {money(sum_, currency)} and {_cap(judging, charges, whole)}"
        sum_ = min(sum_, cap)
        yield CreditLine(label="capped", formula=formula, value=money(sum_, currency))
    if terms.minimum is not None and dues:
        least = Fraction(terms.minimum)
        kept = sum_ if sum_ >= least else Fraction(0)
        word = "is not less than" if kept else "is less than the minimum,"
        formula = f"{money(sum_, currency)} {word} {money(least, currency)}"
        sum_ = kept
        yield CreditLine(label="minimum", formula=formula, value=money(sum_, currency))
    yield CreditLine(label="credit", formula="", value=money(sum_, currency))


def _summed(charges: Charges, names: tuple[str, ...]) -> str:
    """Say what a charge is the sum of."""
    if charges.per is Per.MONTH:
        return "for the month"
    if len(names) > _NAMED_MAX:
        return f"{len(names):,} {charges.per}s"
    return " + ".join(f"{name} {money(charges.of(name), charges.currency)}" for name in names)


def _cap(judging: Judging, charges: Charges, whole: Fraction) -> str:
    """Say what the cap is made of."""
    terms = judging.contract.credit
    parts = []
    if terms.cap_share is not None:
        parts.append(f"{figures.target(Fraction(terms.cap_share))} of {money(whole, charges.currency)}")
    if terms.cap_amount is not None:
        parts.append(str(money(Fraction(terms.cap_amount), charges.currency)))
    return " and ".join(parts)
