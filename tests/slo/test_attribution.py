"""Who spent a budget: the parts are the whole, and each bad request is laid at one door by a written rule."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fournines.views.spent import spent as spent_by
from slo.attribution import NOBODY, Kind, Share, Spender, Spending, slices, spending
from slo.budget import budgets, in_minutes, pooled
from slo.cells import Block, Indicator, Placement, Sli, State, minute_of
from slo.contracts import Contract, Measure, Scope, Unknown
from slo.exclusions import Exclusion, Exclusions
from slo.failures import Failures
from slo.forecast import forecasts
from slo.ledger import Ledger
from slo.objectives import Budgeting, Objective, Rolling
from slo.promised import promised
from slo.tally import SETTLES_IN, Page

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from slo.months import Stretch

NOON = datetime(2026, 10, 1, 12, tzinfo=UTC)
LAST = minute_of(NOON)
LENGTH = 60
START = LAST - LENGTH
PLACES = tuple(
    Placement("1", region, "prod", service)
    for region in ("eu-west-1", "us-east-1")
    for service in ("web", "search")
)
SLIS = tuple(Sli(place, Indicator.AVAILABILITY) for place in PLACES)
OBJECTIVE = Objective(
    name="availability", display_name="Availability", service="*", indicator=Indicator.AVAILABILITY,
    target=Decimal("0.9999"), window=Rolling(timedelta(hours=1)),
)  # fmt: skip
RATIOS = replace(OBJECTIVE, budgeting=Budgeting.RATIO_TIMESLICES, slice_minutes=5)
QUARTERS = replace(
    OBJECTIVE, budgeting=Budgeting.TIMESLICES, time_slice_target=Decimal("0.95"), slice_minutes=15
)
SLICED = replace(OBJECTIVE, budgeting=Budgeting.TIMESLICES, time_slice_target=Decimal("0.95"))
HERE = PLACES[0]
#: The first twenty minutes.
MAINTENANCE = Exclusion(
    id="e", reason="r", approver="a", clause="c", created_at=NOON, services=("*",), regions=("*",),
    zone="UTC", start=NOON.replace(tzinfo=None) - timedelta(minutes=LENGTH), length=timedelta(minutes=20),
)  # fmt: skip


def ledger(bad: np.ndarray[tuple[int, int], np.dtype[np.int64]]) -> Ledger:
    """An hour of a hundred requests a minute, of which these failed."""
    made = Ledger(ring=LENGTH, windows=(LENGTH,), capacity=len(SLIS))
    state = np.full(bad.shape, State.OBSERVED, np.uint8)
    made.put(Block(SLIS, START, bad, np.full(bad.shape, 100, np.int64), state))
    return made


def spent(kept: Ledger, *spenders: Spender, objective: Objective = OBJECTIVE) -> Spending:
    whole = pooled(list(budgets([objective], kept, NOON)))
    spends = slices(objective, SLIS, kept, NOON) if objective.in_slices else kept.failures(START, LAST)
    return spending(objective, whole, spends, spenders)


def one(kind: Kind, name: str, start: int, end: int, *where: Placement) -> Spender:
    return Spender(
        kind=kind, name=name, sentence=name, placements=where or (HERE,), start=START + start, end=START + end
    )


def names(found: Spending) -> dict[str, int]:
    return {spender.name: int(part.bad) for spender, part in found.by_spender().items()}


def failing(count: int = 1) -> Ledger:
    """The first placement fails in every minute, the others never."""
    bad = np.zeros((LENGTH, len(SLIS)), np.int64)
    bad[:, 0] = count
    return ledger(bad)


spans = st.tuples(st.integers(-10, LENGTH + 10), st.integers(0, 40)).map(lambda span: (span[0], sum(span)))
spenders = st.lists(
    st.builds(
        lambda kind, name, span, where: one(kind, name, *span, *where),
        st.sampled_from([Kind.INCIDENT, Kind.DEPLOYMENT]),
        st.text("abc", min_size=1, max_size=3),
        spans,
        st.lists(st.sampled_from(PLACES), min_size=1, unique=True),
    ),
    max_size=6,
)
cells = st.lists(
    st.tuples(st.integers(0, LENGTH - 1), st.integers(0, len(SLIS) - 1), st.integers(0, 100)), max_size=40
)


@given(told=cells, who=spenders, objective=st.sampled_from([OBJECTIVE, SLICED, QUARTERS, RATIOS]))
def test_the_sum_of_the_parts_is_exactly_the_whole(
    told: list[tuple[int, int, int]], who: list[Spender], objective: Objective
) -> None:
    bad = np.zeros((LENGTH, len(SLIS)), np.int64)
    for minute, sli, count in told:
        bad[minute, sli] = count
    found = spent(ledger(bad), *who, objective=objective)
    for parts in (found.by_spender(), found.by_region()):
        assert sum(part.bad for part in parts.values()) == found.budget.bad
        assert sum(part.of_budget or 0 for part in parts.values()) == found.budget.spent_ratio


@given(who=spenders)
def test_the_order_in_which_spenders_are_named_changes_nothing(who: list[Spender]) -> None:
    kept = failing()
    assert names(spent(kept, *who)) == names(spent(kept, *reversed(who)))


def test_what_nobody_explains_is_named_and_not_spread() -> None:
    assert names(spent(failing(), one(Kind.INCIDENT, "i", 10, 20))) == {"nobody": 50, "i": 10}


def test_an_incident_goes_before_a_deployment() -> None:
    deployed, opened = one(Kind.DEPLOYMENT, "d", 0, 30), one(Kind.INCIDENT, "i", 10, 20)
    assert names(spent(failing(), deployed, opened)) == {"nobody": 30, "d": 20, "i": 10}


def test_the_incident_that_was_first_and_the_deployment_that_was_last() -> None:
    for kind, order in ((Kind.INCIDENT, {"old": 20, "new": 10}), (Kind.DEPLOYMENT, {"old": 10, "new": 20})):
        found = names(spent(failing(), one(kind, "new", 10, 30), one(kind, "old", 0, 20)))
        assert {name: found[name] for name in order} == order


def test_a_spender_answers_for_its_own_placements_alone() -> None:
    bad = np.ones((LENGTH, len(SLIS)), np.int64)
    found = spent(ledger(bad), one(Kind.INCIDENT, "i", 0, LENGTH, PLACES[0], PLACES[1]))
    assert names(found) == {"nobody": 120, "i": 120}
    assert {region: int(part.bad) for region, part in found.by_region().items()} == {
        "eu-west-1": 120, "us-east-1": 120,
    }  # fmt: skip
    assert {(share.spender.name, share.region) for share in found.shares} == {
        ("i", "eu-west-1"), ("nobody", "us-east-1"),
    }  # fmt: skip


def test_a_part_says_what_it_is_of_the_budget_and_over_how_many_minutes() -> None:
    found = spent(failing(6), one(Kind.INCIDENT, "i", 0, 2))
    part = next(part for spender, part in found.by_spender().items() if spender is not NOBODY)
    assert (part.bad, part.minutes) == (Fraction(12), 2)
    assert part.of_budget == Fraction(12, 24_000) / Fraction(1, 10_000)


def test_an_objective_in_minutes_is_spent_by_bad_minutes() -> None:
    kept = failing(6)
    found = spent(kept, one(Kind.INCIDENT, "i", 0, 2), objective=SLICED)
    assert names(found) == {"nobody": 58, "i": 2}
    assert found.budget.bad == in_minutes(SLICED, SLIS, kept, NOON).bad


def promise(**changes: object) -> Contract:
    made = Contract(
        id="sla", tenant="acme", display_name="Acme", services=("*",), regions=("*",),
        indicator=Indicator.AVAILABILITY, target=Decimal("0.9999"), zone="UTC",
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Ring:
    """A ledger as pages: what the store would tell."""

    ledger: Ledger

    def pages(self, slis: Sequence[Sli], stretch: Stretch) -> Iterator[Page]:
        told = [self.ledger.minutes(sli, stretch.start, stretch.end) for sli in slis]
        bad, total, state = (np.array(column) for column in zip(*told, strict=True))
        nothing = np.zeros(len(slis), np.int64)
        yield Page(
            stretch.start,
            bad.astype(np.uint32),
            total.astype(np.uint32),
            state.astype(np.uint8),
            nothing,
            nothing,
        )


def promised_spent(contract: Contract, kept: Ledger, *who: Spender) -> Spending:
    one = promised(contract, Exclusions((MAINTENANCE,)), SLIS, Ring(kept), NOON)
    assert one is not None
    (view,) = spent_by([], who, [one])
    assert view.budget == one.budget
    return view.spending


@pytest.mark.parametrize("measure", Measure)
def test_places_that_nobody_measures_leave_as_much_of_the_month_to_forecast(measure: Measure) -> None:
    contract = promise(regions=("eu-west-1", "us-east-1", "ap-south-1"), measure=measure)
    one = promised(contract, Exclusions(()), SLIS, Ring(failing(0)), NOON)
    assert one is not None
    rest = 30 * 1440 + 720
    paces = [Fraction(one.budget.period, minutes) for minutes in (rest, rest + 1)]
    assert [forecasts(one.budget, {"1h": pace})[0].minutes for pace in paces] == [rest, None]


contracts = st.builds(
    lambda measure, scope, clauses, events, in_a_row, unknown: promise(
        measure=measure,
        unknown=unknown if measure is Measure.MINUTES else Unknown.NEITHER,
        scope=scope,
        bad_minute_events=events,
        bad_minutes_in_a_row=in_a_row,
        exclusions=replace(promise().exclusions, clauses=clauses),
    ),
    st.sampled_from(Measure),
    st.sampled_from(Scope),
    st.sampled_from([(), ("c",)]),
    st.sampled_from([1, 200]),
    st.sampled_from([1, 2]),
    st.sampled_from(Unknown),
)


@given(told=cells, who=spenders, contract=contracts)
def test_what_a_contract_allows_is_spent_by_parts_that_are_the_whole(
    told: list[tuple[int, int, int]], who: list[Spender], contract: Contract
) -> None:
    bad = np.zeros((LENGTH, len(SLIS)), np.int64)
    for minute, sli, count in told:
        bad[minute, sli] = count
    found = promised_spent(contract, ledger(bad), *who)
    assert sum(part.bad for part in found.by_region().values()) == found.budget.bad


def test_a_minute_that_is_down_in_two_regions_is_spent_once_and_by_the_incident() -> None:
    bad = np.zeros((LENGTH, len(SLIS)), np.int64)
    bad[10:20, (0, 2)] = 100
    opened = one(Kind.INCIDENT, "i", 0, LENGTH, PLACES[2])
    found = promised_spent(promise(measure=Measure.MINUTES), ledger(bad), opened)
    assert names(found) == {"i": 10}
    assert [share.region for share in found.shares] == [PLACES[2].region]


def test_a_minute_that_counts_only_in_a_row_is_spent_by_nobody_where_it_stands_alone() -> None:
    bad = np.zeros((LENGTH, len(SLIS)), np.int64)
    bad[[10, *range(20, 24)], 0] = 100
    bad[11, 1] = 100
    found = promised_spent(promise(measure=Measure.MINUTES, bad_minutes_in_a_row=3), ledger(bad))
    assert names(found) == {"nobody": found.budget.bad} == {"nobody": 4}


@pytest.mark.parametrize("scope", Scope)
def test_unknown_minutes_that_a_contract_counts_as_down_are_spent_and_named_so(scope: Scope) -> None:
    """As in its statement: what is promised counts the same while the month goes on."""
    kept = ledger(np.zeros((LENGTH, len(SLIS)), np.int64))
    since = promised_spent(promise(measure=Measure.MINUTES, scope=scope), kept).budget.unknown
    late = SETTLES_IN // timedelta(minutes=1) - LENGTH
    found = promised_spent(promise(measure=Measure.MINUTES, scope=scope, unknown=Unknown.BAD), kept)
    assert names(found) == {"unknown": since - late}
    assert found.budget.total == found.budget.elapsed - late
    good = promised_spent(promise(measure=Measure.MINUTES, scope=scope, unknown=Unknown.GOOD), kept)
    assert not good.shares
    assert good.budget.total == good.budget.elapsed - late


def test_a_slice_is_spent_by_whoever_was_there_when_it_went_bad() -> None:
    bad = np.zeros((LENGTH, len(SLIS)), np.int64)
    bad[20:30, 0] = 100
    found = spent(ledger(bad), one(Kind.INCIDENT, "i", 18, 25), objective=QUARTERS)
    assert names(found) == {"i": 15}


def test_what_was_excluded_was_spent_by_nobody_unless_it_is_asked_for() -> None:
    kept = failing()
    kept.exclude(Exclusions((MAINTENANCE,)))
    assert names(spent(kept)) == {"nobody": LENGTH - 20}
    assert names(spent(kept.raw())) == {"nobody": LENGTH}


def test_shares_that_are_not_the_whole_are_refused() -> None:
    found = spent(failing())
    (share,) = found.shares
    with pytest.raises(ValueError, match="the shares are the whole"):
        Spending(found.budget, (replace(share, bad=share.bad - 1),))
    assert isinstance(share, Share)


def test_a_spender_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(ValueError, match="ends after it starts"):
        one(Kind.INCIDENT, "i", 2, 1)


@given(told=cells)
def test_failures_are_what_the_ring_holds_and_can_be_taken_for_some_slis_or_without_some_minutes(
    told: list[tuple[int, int, int]],
) -> None:
    bad = np.zeros((LENGTH, len(SLIS)), np.int64)
    for minute, sli, count in told:
        bad[minute, sli] = count
    ring = ledger(bad).failures(START - 5, LAST + 5)
    assert ring.per_sli(ring.bad).tolist() == bad.sum(axis=0).tolist()
    assert int(ring.of(SLIS[:1]).bad.sum()) == int(bad[:, 0].sum())
    late = ring.without({SLIS[0]: np.arange(LENGTH) < 20}, START)
    assert int(late.bad.sum()) == int(bad.sum()) - int(bad[:20, 0].sum())


def test_failures_out_of_order_or_of_different_lengths_are_refused() -> None:
    two, one_only = np.array([2, 1]), np.array([1])
    with pytest.raises(ValueError, match="order of their minutes"):
        Failures(SLIS, two, two, two, two)
    with pytest.raises(ValueError, match="same cells"):
        Failures(SLIS, two, one_only, two, two)


@settings(max_examples=60)
@given(st.lists(st.integers(0, len(SLIS) - 1), max_size=40), st.permutations(range(len(SLIS))), st.data())
def test_failures_are_sorted_out_into_groups_as_if_each_were_picked_alone(
    places: list[int], order: list[int], data: st.DataObject
) -> None:
    minutes = np.sort(np.array([data.draw(st.integers(0, 9)) for _ in places], np.int64))
    counts = np.arange(1, len(places) + 1, dtype=np.int64)
    whole = Failures(SLIS, minutes, np.array(places, np.int64), counts, counts)
    cut = data.draw(st.integers(0, len(SLIS)))
    groups = [[SLIS[n] for n in order[:cut]], [SLIS[n] for n in order[cut:-1]]]
    for group, found in zip(groups, whole.parted(groups), strict=True):
        told = [
            (int(m), SLIS[s], int(b))
            for m, s, b in zip(whole.minute, whole.sli, whole.bad, strict=True)
            if SLIS[s] in group
        ]
        assert [
            (int(m), found.slis[s], int(b))
            for m, s, b in zip(found.minute, found.sli, found.bad, strict=True)
        ] == told
