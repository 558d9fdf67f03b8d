"""A few SLIs of a ledger by themselves answer as they do among all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np

from slo.beside import beside
from slo.cells import Block, Indicator, Placement, Sli, State, minute_of
from slo.excerpt import excerpt
from slo.exclusions import Exclusion, Exclusions
from slo.ledger import Ledger
from slo.objectives import Objective, Rolling

NOON = datetime(2026, 10, 1, 12, tzinfo=UTC)
START, END = minute_of(NOON), minute_of(NOON) + 95
SLIS = tuple(Sli(Placement("1", "eu-west-1", "prod", name), Indicator.AVAILABILITY) for name in "abc")
EXCLUSIONS = Exclusions((
    Exclusion(
        id="e", reason="r", approver="a", clause="c", created_at=NOON, services=("b",), regions=("*",),
        zone="UTC", start=NOON.replace(tzinfo=None) + timedelta(minutes=40), length=timedelta(minutes=30),
    ),
))  # fmt: skip


def filled() -> Ledger:
    """Return a ledger that has let go of some minutes; of its last half is anything known."""
    chance = np.random.default_rng(1)
    state = chance.choice([State.UNKNOWN, State.OBSERVED], (90, len(SLIS))).astype(np.uint8)
    total = np.where(state == State.OBSERVED, 100, 0)
    whole = Ledger(ring=80, windows=(5, 60), capacity=len(SLIS))
    whole.exclude(EXCLUSIONS)
    whole.put(Block(SLIS, START, chance.integers(0, 2, total.shape) * total, total, state))
    return whole


def said(ledger: Ledger) -> list[object]:
    """Return all that a ledger answers of the last two SLIs."""
    at = np.array([ledger.column(sli) for sli in SLIS[1:]])
    sums = ledger.sums(60)
    return [
        *([column.tolist() for column in ledger.minutes(sli, START, END)] for sli in SLIS[1:]),
        *(column[at].tolist() for column in (sums.bad, sums.total, sums.unknown, sums.excluded)),
        *(ledger.lags(at).tolist(), int(ledger.failures(START, END).of(SLIS[1:]).bad.sum())),
        *(ledger.newest, ledger.oldest),
    ]


def test_an_excerpt_answers_as_the_whole_does_with_and_without_what_is_excluded() -> None:
    whole = filled()
    few = excerpt(whole, SLIS[1:], EXCLUSIONS)
    assert said(few) == said(whole)
    assert said(few.raw()) == said(whole.raw()) != said(few)


def test_an_excerpt_of_a_ledger_of_which_no_minute_is_known_is_empty() -> None:
    whole = Ledger(ring=80, windows=(5,))
    whole.add(SLIS[0])
    assert excerpt(whole, SLIS[:1], Exclusions()).newest is None


def test_periods_of_different_lengths_are_counted_together_as_each_by_itself() -> None:
    whole, now = filled(), NOON + timedelta(minutes=90)
    objectives = [
        Objective(
            name=str(minutes), display_name="", service="*", indicator=Indicator.AVAILABILITY,
            target=Decimal("0.999"), window=Rolling(timedelta(minutes=minutes)),
        )
        for minutes in (60, 75, 68)
    ]  # fmt: skip
    together = tuple(beside(objectives, whole, now))
    assert together == tuple(one for each in objectives for one in beside([each], whole, now))
    assert len({one.minutes.bad for one in together}) > len(SLIS)
