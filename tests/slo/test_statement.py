"""The month's statement: the verdict is exact, and what was not seen is never called met."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np

from slo.cells import Block, Indicator, Placement, Sli, State
from slo.closing import Beside, statement
from slo.contracts import Contract, CreditTier, Measure, Scope
from slo.ledger import Ledger
from slo.months import Month
from slo.statement import IncidentLine, Statement, Verdict, to_json
from tests.paged import Paged

if TYPE_CHECKING:
    from collections.abc import Callable

GOLDEN = Path(__file__).parent / "golden" / "statement.json"

OCTOBER = Month(2026, 10)
AFTER = datetime(2026, 11, 2, tzinfo=UTC)
EUROPE = Placement("1", "eu-west-1", "prod", "web-app")
AMERICA = Placement("1", "us-east-1", "prod", "web-app")
CONTRACT = Contract(
    id="acme-2026",
    tenant="acme",
    display_name="Acme Learning",
    services=("web-app",),
    regions=("eu-west-1", "us-east-1"),
    indicator=Indicator.AVAILABILITY,
    target=Decimal("0.9999"),
    zone="UTC",
    tiers=(
        CreditTier(Decimal("0.9999"), Decimal("0.1")),
        CreditTier(Decimal("0.99"), Decimal("0.3")),
        CreditTier(Decimal("0.95"), Decimal(1)),
    ),
)


def contract(**changes: Any) -> Contract:  # noqa: ANN401 - fields of a contract
    return replace(CONTRACT, **changes)


def history(*, bad: int = 0, total: int = 100, down: int = 0, unknown: int = 0) -> Ledger:
    """Return October of both regions; in Europe so many requests and minutes are bad, and minutes unknown."""
    ledger = Ledger(capacity=2)
    stretch = OCTOBER.stretch(ZoneInfo("UTC"))
    ledger.advance(stretch.end - 1)
    for where in (EUROPE, AMERICA):
        shape = (len(stretch), 1)
        counts = np.full(shape, total, np.int64)
        wrong, state = np.zeros(shape, np.int64), np.full(shape, State.OBSERVED, np.uint8)
        if where == EUROPE:
            wrong[720] = bad
            wrong[1000 : 1000 + down] = total
            state[5000 : 5000 + unknown] = State.UNKNOWN
            counts[state != State.OBSERVED] = 0
        ledger.put(Block((Sli(where, Indicator.AVAILABILITY),), stretch.start, wrong, counts, state))
    return ledger


def closed(
    ledger: Ledger,
    of: Contract | None = None,
    now: datetime = AFTER,
    imported: dict[Sli, int] | None = None,
    **more: Any,  # noqa: ANN401 - what belongs to a statement beside its cells
) -> Statement:
    kept = Paged(ledger, imported)
    return statement(of or contract(), OCTOBER, kept, (EUROPE, AMERICA), now=now, beside=Beside(**more))


def test_a_month_without_failures_is_met_with_every_number() -> None:
    made = closed(history())
    assert (made.verdict, made.attained.text, made.credit.text) == (Verdict.MET, "100.0000 %", "0 %")
    assert (made.totals.total.text, made.minutes.exact, made.allowed.text) == (
        "8,928,000",
        44_640,
        "4 min 27 s",
    )
    assert [line.region for line in made.lines] == ["eu-west-1", "us-east-1"]
    assert len(made.days) == 31
    assert all(line.met for line in (made.totals, *made.lines))


def test_four_bad_minutes_pass_and_the_fifth_breaches() -> None:
    minutes = contract(measure=Measure.MINUTES)
    assert closed(history(down=4), minutes).verdict is Verdict.MET
    made = closed(history(down=5), minutes)
    assert (made.verdict, made.credit.exact) == (Verdict.BREACHED, Fraction(1, 10))
    assert made.totals.downtime.text == "5 min"
    assert made.attained.text == "99.9887 %"
    assert made.sentence.startswith("Breached: 99.9887 % of minutes were good over all placements pooled")


def test_equality_is_met_in_requests() -> None:
    assert closed(history(bad=892, total=1000)).verdict is Verdict.MET
    assert closed(history(down=8, total=1000, bad=928)).totals.bad.exact == 8928
    assert closed(history(down=8, total=1000, bad=928)).verdict is Verdict.MET
    assert closed(history(down=8, total=1000, bad=929)).verdict is Verdict.BREACHED


def test_one_unknown_minute_and_the_month_is_incomplete_never_met() -> None:
    made = closed(history(unknown=1))
    assert made.verdict is Verdict.INCOMPLETE
    assert (made.credit.exact, made.totals.met) == (None, False)
    assert made.totals.coverage.text == "99.9988 %"
    assert (made.best_case.text, made.worst_case.text) == ("100.0000 %", "99.9977 %")
    assert "Incomplete: 99.9988 % of the minutes are known" in made.sentence


def test_a_breach_that_is_proven_is_a_breach_also_without_full_coverage() -> None:
    made = closed(history(down=5, unknown=100), contract(measure=Measure.MINUTES))
    assert made.verdict is Verdict.BREACHED
    assert made.sentence.endswith("Coverage is 99.8879 %.")


def test_a_month_that_runs_is_not_final() -> None:
    made = closed(history(down=40), now=AFTER - timedelta(days=2))
    assert (made.verdict, made.credit.text) == (Verdict.NOT_FINAL, "-")
    assert made.days[-1].coverage.text == "-"
    assert made.days[-1].total.exact == 0


def test_the_pool_may_be_met_where_the_worst_placement_is_not() -> None:
    ledger = history(bad=600, total=1000)
    ledger.put(
        Block(
            (Sli(EUROPE, Indicator.AVAILABILITY),), OCTOBER.stretch(ZoneInfo("UTC")).start,
            np.full((5, 1), 1000), np.full((5, 1), 1000), np.full((5, 1), State.OBSERVED, np.uint8),
        )
    )  # fmt: skip
    assert closed(ledger).verdict is Verdict.MET
    made = closed(ledger, contract(scope=Scope.WORST))
    assert made.verdict is Verdict.BREACHED
    assert made.worst.region == "eu-west-1"
    assert made.worst.attained.exact == 1 - Fraction(5600, 44_640_000)


def test_what_was_promised_and_is_not_there_is_unknown() -> None:
    made = statement(contract(), OCTOBER, Paged(history()), (EUROPE,), now=AFTER)
    assert made.verdict is Verdict.INCOMPLETE
    assert [(line.region, line.unknown.exact, line.note) for line in made.lines] == [
        ("eu-west-1", 0, ""), ("us-east-1", 44_640, "promised, and no such service was found"),
    ]  # fmt: skip


def test_a_contract_without_any_placement_is_incomplete() -> None:
    made = statement(contract(services=("*",), regions=("*",)), OCTOBER, Paged(history()), (), now=AFTER)
    assert (made.verdict, made.lines, made.attained.text) == (Verdict.INCOMPLETE, (), "-")


def test_imported_minutes_are_labelled() -> None:
    made = closed(history(), imported={Sli(EUROPE, Indicator.AVAILABILITY): 30_000})
    assert [line.imported.text for line in (*made.lines, made.totals)] == ["30,000", "0", "30,000"]


def test_little_traffic_is_said_beside_the_numbers() -> None:
    assert closed(history(total=0)).totals.note.startswith("insufficient volume")


def test_the_month_is_that_of_the_contract_s_zone() -> None:
    made = closed(history(), contract(zone="Asia/Kolkata"))
    assert made.start == datetime(2026, 9, 30, 18, 30, tzinfo=UTC)
    assert (made.start_local, made.end_local) == ("2026-10-01T00:00:00+05:30", "2026-11-01T00:00:00+05:30")
    assert made.verdict is Verdict.INCOMPLETE


def test_days_add_up_to_the_month_and_the_budget_runs_down() -> None:
    made = closed(history(bad=90, down=3, total=1000, unknown=7))
    assert sum(int(day.total.exact or 0) for day in made.days) == made.totals.total.exact
    assert sum(int(day.bad.exact or 0) for day in made.days) == made.totals.bad.exact == 3090
    assert sum(int(day.unknown.exact or 0) for day in made.days) == 7
    assert made.days[-1].budget_left.exact == 1 - Fraction(3090) / (Fraction(89_273_000) / 10_000)


def test_the_same_input_has_the_same_hash_and_a_changed_cell_another() -> None:
    assert closed(history()).input_hash == closed(history()).input_hash
    assert closed(history()).input_hash != closed(history(bad=1)).input_hash
    assert closed(history()).input_hash != closed(history(), contract(scope=Scope.WORST)).input_hash


def test_the_statement_as_json(golden: Callable[[Path, str], None]) -> None:
    incident = IncidentLine(
        id="web-app-20261012T1000Z",
        service="web-app",
        regions=("eu-west-1",),
        cause="A deployment made it fail.",
        action="Rolled back.",
        opened_at=datetime(2026, 10, 12, 10, tzinfo=UTC),
        resolved_at=datetime(2026, 10, 12, 10, 9, tzinfo=UTC),
    )
    in_minutes = contract(measure=Measure.MINUTES)
    made = to_json(closed(history(down=5, bad=7), in_minutes, incidents=(incident,)))
    assert made == json.dumps(json.loads(made), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    golden(GOLDEN, json.dumps(json.loads(made), indent=1, sort_keys=True, ensure_ascii=False) + "\n")
