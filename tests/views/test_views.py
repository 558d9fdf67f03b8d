"""What is shown of budgets and incidents, where it is easily shown wrong."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
import pytest

from fournines.views.budget import ATTENTION, rows
from fournines.views.composite import composite_rows
from fournines.views.impact import impacts
from fournines.views.incident import IncidentView
from remediation.incidents import Incident, Symptom
from remediation.journal import Entry, EntryKind
from slo.budget import Sides
from slo.burn import Severity, firing
from slo.cells import Block, Indicator, Placement, Sli, State, minute_of
from slo.composites import Composite, Member
from slo.ledger import Ledger
from slo.objectives import Budgeting, Objective, Rolling

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fournines.views.budget import BudgetRow

NOON = datetime(2026, 10, 1, 12, tzinfo=UTC)
SEARCH, PAYMENT, QUIET = (
    Placement("123456789012", "eu-west-1", "mylearning", name) for name in ("search", "payment", "quiet")
)
OBJECTIVE = Objective(
    name="availability", display_name="Availability", service="*", indicator=Indicator.AVAILABILITY,
    target=Decimal("0.9999"), window=Rolling(timedelta(days=30)),
)  # fmt: skip
SLIS = tuple(Sli(place, Indicator.AVAILABILITY) for place in (SEARCH, PAYMENT, QUIET))


def ledger(bad: int, total: int = 1000, minutes: int = 120) -> Ledger:
    """Search fails so many of its requests in every minute, payment none, and of quiet nothing is known."""
    made, shape = Ledger(), (minutes, len(SLIS))
    totals = np.tile([total, total, 0], (minutes, 1))
    wrong = np.zeros(shape, np.int64)
    wrong[:, 0] = bad
    state = np.tile(np.array([State.OBSERVED, State.OBSERVED, State.UNKNOWN], np.uint8), (minutes, 1))
    made.put(Block(SLIS, minute_of(NOON) - minutes, wrong, totals, state))
    return made


def shown(bad: int, objective: Objective = OBJECTIVE) -> dict[str, BudgetRow]:
    kept = ledger(bad)
    return {row.service: row for row in rows([objective], kept, firing([objective], kept, NOON), NOON)}


def test_the_worst_comes_first_and_what_nobody_knows_is_neither_good_nor_bad() -> None:
    found = shown(30)
    assert next(iter(found)) == "search"
    assert [found[name].state for name in ("search", "payment", "quiet")] == ["page", "ok", "no data"]
    assert (found["quiet"].sli, found["quiet"].left, found["quiet"].tone) == ("-", "-", "quiet")
    assert [row.needs_attention for row in found.values()] == [True, False, False]


def test_what_is_overspent_says_how_often_not_a_negative_rest() -> None:
    row = shown(30)["search"]
    assert (row.left, row.left_minutes, row.bar, row.tone) == ("spent 300.0 times", "-", 0, "bad")


def test_where_minutes_have_spent_the_budget_no_requests_are_left_of_it() -> None:
    spent, whole = shown(30)["search"], shown(0)["search"].budget
    by_minutes = replace(spent, beside=Sides(requests=whole, minutes=spent.budget))
    assert (whole.left > 0, by_minutes.left_count) == (True, "-")


def test_namesakes_in_a_region_are_told_apart_by_what_differs() -> None:
    places = (
        SEARCH, replace(SEARCH, account="210987654321"),
        PAYMENT, replace(PAYMENT, cluster="second"),
        replace(QUIET, region="us-east-1"), QUIET,
    )  # fmt: skip
    made, shape = Ledger(), (1, len(places))
    state = np.full(shape, State.OBSERVED, np.uint8)
    slis = tuple(Sli(place, Indicator.AVAILABILITY) for place in places)
    made.put(Block(slis, minute_of(NOON) - 1, np.zeros(shape, np.int64), np.ones(shape, np.int64), state))
    found = sorted((row.service, row.where) for row in rows([OBJECTIVE], made, (), NOON))
    assert found == [
        ("payment", "eu-west-1 (mylearning)"),
        ("payment", "eu-west-1 (second)"),
        ("quiet", "eu-west-1"),
        ("quiet", "us-east-1"),
        ("search", "eu-west-1 (123456789012)"),
        ("search", "eu-west-1 (210987654321)"),
    ]


def test_an_untouched_budget_is_whole() -> None:
    row = shown(0)["payment"]
    assert (row.left, row.left_minutes, row.sli, row.bar) == ("100.0 %", "4 min 19 s", "100.0000 %", 100)
    assert row.exhausted_in == "-"


@pytest.mark.parametrize("state", ATTENTION)
def test_a_state_that_needs_attention_looks_like_it(state: str) -> None:
    assert replace(shown(0)["payment"], state=state).tone in {"bad", "warn", "good"}


def test_an_impact_looks_at_the_newest_minutes_while_they_burn_and_at_the_hour_after() -> None:
    kept = ledger(30)
    calm = np.zeros((10, 3), np.int64)
    now = next(impact for impact in impacts(rows([OBJECTIVE], kept, (), NOON), kept) if impact.total)
    assert (now.window, now.row.service) == ("5m", "search")
    state = np.full((10, 3), State.OBSERVED, np.uint8)
    kept.put(Block(SLIS, minute_of(NOON), calm, calm + 1000, state))
    later = NOON + timedelta(minutes=10)
    after = impacts(rows([OBJECTIVE], kept, (), later), kept)[0]
    assert (after.window, int(after.bad), int(after.total)) == ("1h", 1500, 60_000)
    assert "in the last hour: 2.500 %, 250.0 times what 99.99 % allows" in after.sentence


def test_an_impact_without_requests_says_so() -> None:
    kept = ledger(0)
    quiet = next(i for i in impacts(rows([OBJECTIVE], kept, (), NOON), kept) if i.row.service == "quiet")
    assert quiet.sentence == "eu-west-1: no request is known of the last 5 min."
    assert (quiet.ratio, quiet.left) == (None, "-")


def test_an_objective_in_minutes_is_not_told_in_a_ratio_of_requests() -> None:
    sliced = replace(OBJECTIVE, budgeting=Budgeting.TIMESLICES, time_slice_target=Decimal("0.95"))
    kept = ledger(100)
    worst = impacts(rows([sliced], kept, (), NOON), kept)[0]
    assert worst.sentence.endswith("requests failed in the last 5 min: 10.000 %.")


def incident(*signs: tuple[Placement, str, str]) -> Incident:
    symptoms = tuple(
        Symptom(
            placement=place, name=name, severity=Severity.PAGE, sentence=told, first_seen=NOON, last_seen=NOON
        )
        for place, name, told in signs
    )
    return Incident(id="search-1", service="search", opened_at=NOON, symptoms=symptoms)


def test_signs_leave_out_what_the_impact_tells_and_are_said_once_for_all_regions() -> None:
    kept = ledger(30)
    far = replace(SEARCH, region="us-east-1")
    view = IncidentView(
        incident=incident(
            (SEARCH, "availability/page_quick", "It burns."),
            (SEARCH, "alarm/5xx", "Alarm."),
            (far, "alarm/5xx", "Alarm."),
            (far, "availability/page_quick", "It burns there."),
        ),
        entries=(),
        impacts=tuple(
            i for i in impacts(rows([OBJECTIVE], kept, (), NOON), kept) if i.row.service == "search"
        ),
    )
    assert view.signs == ("Alarm (eu-west-1, us-east-1).", "It burns there.")


def test_the_last_word_of_automation_is_what_people_read() -> None:
    def said(*kinds: tuple[EntryKind, str, Mapping[str, object]]) -> str:
        entries = tuple(Entry(kind, NOON, told, data=data) for kind, told, data in kinds)
        return IncidentView(incident=incident((SEARCH, "it", "It.")), entries=entries).automation

    decided: tuple[EntryKind, str, Mapping[str, object]] = (EntryKind.DECIDED, "Go back.", {})
    assert said() == "Looking for the cause; nothing has been changed."
    assert said(decided, (EntryKind.VERIFYING, "Looking.", {})) == "Go back."
    applied = (EntryKind.APPLIED, "Done.", {"action": "rollback", "undo": False})
    assert said(decided, applied).startswith("Return to the last revision that served")
    called = (EntryKind.ESCALATED, "A very long story.", {"reason": "no_action_for_cause"})
    assert said(decided, called) == "No action of ours undoes this cause. A person is needed."
    assert said((EntryKind.ESCALATED, "It did not help.", {})) == "It did not help."


def test_explain_gives_every_guard_with_its_numbers() -> None:
    checks = [{"name": "cooling_down", "holds": "no", "sentence": "29 min ago (cooldown 30 min)."}]
    view = IncidentView(
        incident=incident((SEARCH, "it", "It.")),
        entries=(Entry(EntryKind.DECIDED, NOON, "Not yet.", data={"action": "rollback", "checks": checks}),),
    )
    assert any("cooling_down" in line and "29 min ago" in line for line in view.explain())


def test_what_would_have_been_done_and_why_is_told_also_when_the_evidence_has_faded() -> None:
    checks = [{"name": "not_paused", "holds": "yes", "sentence": "The kill switch is off."}]
    view = IncidentView(
        incident=replace(incident((SEARCH, "it", "It.")), sentence="search in eu-west-1: over after 43 min."),
        entries=(
            Entry(EntryKind.DIAGNOSED, NOON, "Far more arrive than usual.", data={"cause": "surge"}),
            Entry(EntryKind.DECIDED, NOON, "Would have.", data={"action": "scale_out", "checks": checks}),
            Entry(EntryKind.DIAGNOSED, NOON, "No request fails now.", data={"cause": "unknown"}),
            Entry(EntryKind.DECIDED, NOON, "The evidence is still arriving.", data={"checks": []}),
        ),
    )
    assert view.explain()[0] == "search-1: Far more arrive than usual."
    assert view.automation == "Would have."
    assert [row.name for row in view.checks] == ["not_paused"]


LATENCY = replace(OBJECTIVE, name="latency", indicator=Indicator.LATENCY, threshold_s=Decimal(1))


def slow(thousandths: int) -> Ledger:
    """An hour in which search answers every request, in each minute a part of one too slowly."""
    slis = tuple(Sli(SEARCH, indicator) for indicator in (Indicator.AVAILABILITY, Indicator.LATENCY))
    total = np.tile([1000, 1_000_000], (60, 1))
    bad = np.tile([0, thousandths], (60, 1))
    made = Ledger()
    made.put(Block(slis, minute_of(NOON) - 60, bad, total, np.full(total.shape, State.OBSERVED, np.uint8)))
    return made


@pytest.mark.parametrize(
    ("thousandths", "told"), [(10, "fewer than 1 of"), (250, "fewer than 2 of"), (200, "1 of")]
)
def test_a_part_of_a_request_is_not_told_as_a_whole_one(thousandths: int, told: str) -> None:
    kept = slow(thousandths)
    (impact,) = impacts(rows([LATENCY], kept, (), NOON), kept)
    assert impact.sentence.startswith(f"eu-west-1: {told} 5,000 requests were too slow in the last 5 min: ")


def test_an_incident_tells_nothing_of_an_objective_that_it_is_not_about_unless_it_burns() -> None:
    for thousandths, told in ((10, "availability"), (1000, "latency")):
        kept = slow(thousandths)
        found = rows([OBJECTIVE, LATENCY], kept, (), NOON)
        assert [i.row.objective for i in impacts(found, kept, {"availability"})] == [told]
        assert [i.row.objective for i in impacts(found, kept)] == ["latency"]


def test_a_composite_is_said_with_what_its_members_spent() -> None:
    members = tuple(Member(replace(OBJECTIVE, name=name)) for name in ("paying", "browsing"))
    both = Composite(name="buying", display_name="Buying", members=members)
    (row,) = composite_rows([both], ledger(3), NOON)
    assert row.sentence == (
        "buying in eu-west-1: nothing of the budget is left; its members spent of theirs: paying 1,500.0 %, "
        "browsing 1,500.0 %. 0.1 % is known."
    )
    assert row.as_json()["members"] == ["paying", "browsing"]
    assert row.budget.spent_ratio == 2 * row.budget.members[0].spent_ratio
