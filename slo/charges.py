"""What a tenant pays for a month, and the terms on which part of it is given back."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import TYPE_CHECKING

from slo import durations
from slo.money import CURRENCIES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from slo.months import Month
    from slo.problem import Section


class Per(StrEnum):
    """What a charge is for: the whole month, or each region or service in it."""

    MONTH = "month"
    REGION = "region"
    SERVICE = "service"


class Base(StrEnum):
    """Of which charges a credit is a part: those for what fell below the promise, or all."""

    AFFECTED = "affected"
    ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Charges:
    """What a month costs.  `amounts` are of named regions or services, `amount` of each that is not named."""

    currency: str
    per: Per = Per.MONTH
    amount: Decimal | None = None
    amounts: tuple[tuple[str, Decimal], ...] = ()

    def __post_init__(self) -> None:
        if self.currency not in CURRENCIES:
            raise ValueError(f"a currency is an ISO 4217 code such as EUR, got {self.currency!r}")
        if min([self.amount or 0, *(amount for _, amount in self.amounts)]) < 0:
            raise ValueError("a charge is not negative")
        if (self.amount is None and not self.amounts) or (self.amounts and self.per is Per.MONTH):
            raise ValueError("charges have an amount for the month, or for each region or service")

    def of(self, name: str) -> Fraction:
        """Return what is charged for a region or service; what nobody named costs nothing."""
        named = dict(self.amounts).get(name, self.amount)
        return Fraction(0 if named is None else named)

    def whole(self, names: Iterable[str]) -> Fraction:
        """Return what the month costs with these regions or services in it."""
        if self.per is Per.MONTH:
            return Fraction(self.amount or 0)
        return sum((self.of(name) for name in names), Fraction(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Until when a credit must be asked for: whole days after the month, or the end of a later month."""

    days: int | None = None
    cycles: int | None = None

    def __post_init__(self) -> None:
        if (self.days is None) is (self.cycles is None) or (self.days or self.cycles or 0) < 1:
            raise ValueError("a claim is due so many days, or so many billing cycles, after the month")

    def last_day(self, month: Month) -> date:
        """Return the last day on which the credit of a month may be claimed; a billing cycle is a month."""
        end = month.following
        if self.days is not None:
            return date(end.year, end.number, 1) + timedelta(days=self.days - 1)
        for _ in range(self.cycles or 0):
            end = end.following
        return date(end.year, end.number, 1) - timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditTerms:
    """How a credit is reckoned and paid.

    What exceeds the cap (a part of the month's charges, or an amount) is cut, what then stays below the
    minimum is not paid.
    """

    base: Base = Base.AFFECTED
    cap_share: Decimal | None = None
    cap_amount: Decimal | None = None
    minimum: Decimal | None = None
    claim: Claim | None = None
    against: str = ""

    def __post_init__(self) -> None:
        if self.cap_share is not None and not 0 < self.cap_share <= 1:
            raise ValueError(f"a cap is a part of the charges, at most 1, got {self.cap_share}")
        if any(amount is not None and amount < 0 for amount in (self.cap_amount, self.minimum)):
            raise ValueError("a cap or a minimum is not negative")

    def cap(self, charged: Fraction) -> Fraction | None:
        """Return the most that is paid of what was charged; None without a cap."""
        caps = [] if self.cap_amount is None else [Fraction(self.cap_amount)]
        caps += [] if self.cap_share is None else [Fraction(self.cap_share) * charged]
        return min(caps, default=None)


_CYCLES: Mapping[str, int] = {"first": 1, "second": 2, "third": 3}
_CYCLE = re.compile(r"end of (first|second|third) billing cycle")
_CLAIM = "days after the month such as 60d, or `end of second billing cycle`"
_AMOUNT = "an amount such as 1200.00"


def read_charges(section: Section) -> Charges | None:
    """Read what is charged, or note why it makes no sense."""
    before = len(section.problems)
    currency = section.text("currency", "an ISO 4217 code such as EUR")
    if currency is not None and currency not in CURRENCIES:
        section.refuse("currency", f"expected an ISO 4217 code such as EUR, got {currency!r}")
    per = section.word("per", Per, needed=False) or Per.MONTH
    amount = _amount(section, "amount", needed=not section.has("amounts"))
    amounts = _amounts(section)
    if amounts and per is Per.MONTH:
        section.refuse("amounts", "are for `per: region` or `per: service`; a month has one `amount`")
    section.refuse_unread()
    if currency is None or len(section.problems) > before:
        return None
    return Charges(currency=currency, per=per, amount=amount, amounts=amounts)


def read_terms(section: Section) -> CreditTerms:
    """Read how a credit is paid; what is wrong is noted."""
    share, cap = None, section.section("cap", "share or amount", needed=False)
    amount = None
    if cap is not None:
        share, amount = cap.number("share", "a part such as 0.5", needed=False), _amount(cap, "amount")
        if share is not None and not 0 < share <= 1:
            cap.refuse("share", f"expected a part of the charges, at most 1, got {share}")
            share = None
        cap.refuse_unread()
    terms = CreditTerms(
        base=section.word("applies_to", Base, needed=False) or Base.AFFECTED,
        cap_share=share,
        cap_amount=amount,
        minimum=_amount(section, "minimum"),
        claim=_claim(section),
        against=section.text("against", "what it is set off against", needed=False) or "",
    )
    section.refuse_unread()
    return terms


def _claim(section: Section) -> Claim | None:
    text = section.text("claim", _CLAIM, needed=False)
    if text is None:
        return None
    if cycle := _CYCLE.fullmatch(text):
        return Claim(cycles=_CYCLES[cycle[1]])
    if days := durations.parse(text, "d"):
        return Claim(days=days.days)
    section.refuse("claim", f"expected {_CLAIM}, got {text!r}")
    return None


def _amounts(section: Section) -> tuple[tuple[str, Decimal], ...]:
    named = section.section("amounts", "an amount for each region or service", needed=False)
    if named is None:
        return ()
    read = {name: _amount(named, name, needed=True) for name in map(str, named.data)}
    return tuple((name, amount) for name, amount in sorted(read.items()) if amount is not None)


def _amount(section: Section, key: str, *, needed: bool = False) -> Decimal | None:
    amount = section.number(key, _AMOUNT, needed=needed)
    if amount is not None and amount < 0:
        section.refuse(key, f"expected {_AMOUNT}, not negative, got {amount}")
        return None
    return amount
