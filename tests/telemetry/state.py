"""A state made by hand, so that what is told of it changes only when the telling does."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np

from collector.bundle import Area, Front, Key, Track
from collector.catalog import CPU
from collector.checkup import QueueLook
from collector.collect import Spent
from collector.estate import RegionEstate, ServiceView
from collector.load import Latest, Load
from collector.metric import Tier
from collector.probes import Answer, Check, Reason, Result, Target
from collector.schedules import Outcome
from collector.source import GapReason
from collector.watermarks import Mark
from fournines.board import Board
from fournines.clock import Health, Record, Stepped
from fournines.desk import Desk
from fournines.known import Known
from fournines.samples import Samples
from fournines.vitals import Pulse
from remediation.decision.policy import Policies
from remediation.incidents import Symptom
from remediation.journal import Entry, EntryKind
from runbooks.shelf import Shelf
from slo.burn import Severity, firing
from slo.cells import Block, Indicator, Placement, Sli, State, minute_of
from slo.composites import Composite, Member
from slo.contracts import Contract
from slo.objectives import Objective, Rolling

if TYPE_CHECKING:
    from fournines.store.books import Books

NOON = datetime(2026, 10, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
IRELAND, VIRGINIA = (
    Placement("123456789012", region, "mylearning", "course-catalog") for region in ("eu-west-1", "us-east-1")
)
REPORTS = replace(IRELAND, service="reports")
OBJECTIVES = (
    Objective(
        name="availability", display_name="Availability", service="*", indicator=Indicator.AVAILABILITY,
        target=Decimal("0.9999"), window=Rolling(timedelta(days=30)),
    ),
    Objective(
        name="latency", display_name="Latency", service="*", indicator=Indicator.LATENCY,
        target=Decimal("0.999"), window=Rolling(timedelta(days=30)), threshold_s=Decimal(1),
    ),
)  # fmt: skip
CONTRACT = Contract(
    id="acme-sla", tenant="acme", display_name="Acme", services=("course-catalog",), regions=("*",),
    indicator=Indicator.AVAILABILITY, target=Decimal("0.999"), zone="Europe/Berlin",
)  # fmt: skip
COMPOSITE = Composite(
    name="learning", display_name="Learning", members=tuple(Member(one) for one in OBJECTIVES)
)
NO_SHELF = Shelf({})
SLIS = tuple(
    Sli(place, indicator)
    for place in (IRELAND, VIRGINIA)
    for indicator in (Indicator.AVAILABILITY, Indicator.LATENCY)
)


class HandMade(Samples):
    """Samples whose clock can be moved."""

    clock: Stepped


def view(place: Placement) -> ServiceView:
    return ServiceView(
        placement=place, seen_at=NOON, status="ACTIVE", desired=6, running=6, pending=0,
        task_definition="arn:aws:ecs:eu-west-1:123456789012:task-definition/course-catalog:2",
    )  # fmt: skip


def minutes(count: int, end: datetime, *, bad: int = 0) -> Block:
    """So many minutes up to `end`: 1000 requests each, `bad` of them in Ireland, nothing unknown."""
    scale = np.array([sli.indicator.scale for sli in SLIS])
    total = np.tile(1000 * scale, (count, 1))
    failed = np.zeros_like(total)
    failed[:, 0] = bad
    state = np.full(total.shape, State.OBSERVED, np.uint8)
    return Block(SLIS, minute_of(end) - count, failed, total, state)


def ran() -> Block:
    """A scheduled run, an hour ago."""
    one = np.ones((1, 1), np.int64)
    sli = Sli(REPORTS, Indicator.SCHEDULE)
    return Block((sli,), minute_of(NOON) - 60, one - 1, one, np.full((1, 1), State.OBSERVED, np.uint8))


def fill(books: Books) -> None:
    """Two hours of requests; Ireland fails a tenth of them in the last ten minutes."""
    for region, place in (("eu-west-1", IRELAND), ("us-east-1", VIRGINIA)):
        books.save_estate(RegionEstate("123456789012", region, NOON, (view(place),)))
    books.record(minutes(110, NOON - 10 * MINUTE), NOON)
    books.record(minutes(10, NOON, bad=100), NOON)
    books.record(ran(), NOON)


def happen(books: Books) -> str:
    """One incident from its alert to its recovery; return its id."""
    desk = Desk(books)
    with books.ledger() as ledger:
        alerts = firing(OBJECTIVES, ledger, NOON)
    sign = Symptom(
        placement=IRELAND, name="spot_refused", severity=Severity.TICKET, sentence="Spot has no room.",
        first_seen=NOON, last_seen=NOON,
    )  # fmt: skip
    desk.fold([*alerts, sign], NOON)
    (incident,) = books.open_incidents()
    here = {"incident": incident.id, "placement": str(IRELAND)}
    decided = {"cause": "deployment", "action": "rollback", "verdict": "act", "reason": "allowed"}
    books.append(
        [
            Entry(EntryKind.DECIDED, NOON, "Go back.", data=decided, **here),
            Entry(
                EntryKind.RECOVERED, NOON + 4 * MINUTE, "It recovered.", data={"action": "rollback"}, **here
            ),
        ]
    )
    return incident.id


def pulse() -> Pulse:
    """A heartbeat that was written, and failed once."""
    made = Pulse(("eu-west-1", "us-east-1"))
    made.wrote("eu-west-1")
    made.could_not_write("us-east-1", "no answer")
    made.wrote("us-east-1")
    return made


def board(
    books: Books, known: Known, record: Record, clock: Stepped, books_of_people: Shelf = NO_SHELF
) -> Board:
    return Board(
        clock=clock,
        books=books,
        known=known,
        objectives=OBJECTIVES,
        policies=Policies(()),
        shelf=books_of_people,
        record=record,
        periods={"collect": timedelta(seconds=15)},
        contracts=(CONTRACT,),
        composites=(COMPOSITE,),
        base_url="http://fournines",
        pulse=pulse(),
    )


def known_state(books: Books) -> HandMade:
    """Return the samples of the whole state."""
    if not books.estates():
        fill(books)
        happen(books)
    clock, record, known = Stepped(NOON), Record(), Known(books, lambda _: 1.0)
    track = Track("123456789012", "eu-west-1", Tier.SLI)
    known.spent[track] = Spent(3, 1200, 300, {GapReason.THROTTLED: 2})
    known.marks[Key(IRELAND, Front.LOAD_BALANCER)] = Mark(minute_of(NOON), minute_of(NOON))
    known.loads[IRELAND] = Load(IRELAND, {(CPU, ""): Latest(0.42, minute_of(NOON))})
    probed = Target(IRELAND, Check(url="https://courses.example/health?token=hush"))
    for answer in (Answer(0.04), Answer(0.3, Reason.STATUS, "it answers 503"), Answer(0.0, Reason.LOCAL)):
        known.probed(Result(probed, NOON, answer))
    known.runs.update({(REPORTS, Outcome.SUCCEEDED): 9, (REPORTS, Outcome.MISSED): 1})
    known.queues = {Area("123456789012", "eu-west-1"): QueueLook(4, 2)}
    known.succeeded(REPORTS, NOON - timedelta(hours=1))
    record.note("collect", lambda h: replace(h, runs=7, skipped=1, last_success=NOON))
    record.note("tell", lambda _: Health(runs=9, failures=2, last_success=NOON, last_error="no answer"))
    made = HandMade(
        clock=clock, books=books, known=known, objectives=OBJECTIVES, record=record,
        board=board(books, known, record, clock),
    )  # fmt: skip
    made.clock = clock
    return made
