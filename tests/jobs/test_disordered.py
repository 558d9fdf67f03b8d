"""Any order, any copies and any losses of the same events lead to the same decision."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fournines.desk import Desk
from fournines.jobs.listen import Listen
from fournines.known import Known
from fournines.rehearsal.direct import WorldMailbox
from fournines.store.books import Books
from remediation.decision.decide import decide
from remediation.decision.guards import Switches
from remediation.diagnosis.diagnose import diagnose
from remediation.vocabulary import ActionName, Cause, Reason, Verdict
from simulator.bus import Delivery
from tests.living import Life, at, small

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from remediation.diagnosis.situation import Situation
    from remediation.events.event import Letter

SPOT = [{"provider": "FARGATE", "weight": 1}, {"provider": "FARGATE_SPOT", "weight": 4}]
WHERE = {"service": "course-catalog", "region": "eu-west-1"}
STORY = small(
    {"kind": "capacity_shortage", "at": "8m", "duration": "1h", "where": WHERE, "reclaim": 0.9},
    estate={
        "regions": ["eu-west-1", "us-east-1"],
        "traffic": {"shape": "flat"},
        "services": [
            {"name": "course-catalog", "requests_per_minute": 9600, "strategy": SPOT},
            {"name": "payment", "requests_per_minute": 1800},
        ],
    },
    policies={"policies": [{"name": "spot", "cause": "spot_shortage", "mode": "act", "keep_for": "1h"}]},
)
#: Spot has warned by then and refused; no user has felt it, and nothing was discovered since.
MINUTES = 9.5
HERE = at("course-catalog")


class Silent(WorldMailbox):
    """A mailbox in which events pile up and that hands out none."""

    def receive(self) -> Sequence[Letter]:
        return ()

    @property
    def bodies(self) -> list[str]:
        return [letter.body for letter in self._letters.values()]


@dataclass(frozen=True)
class Told:
    """A life of whose events nobody heard, where it is kept, and those events."""

    life: Life
    file: Path
    bodies: tuple[str, ...]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    file = tmp_path_factory.mktemp("deaf") / "fournines.db"
    with Books.open(str(file)) as books:
        life, silent = Life(STORY, books), Silent()
        life.mailbox = silent
        life.until(MINUTES)
        assert books.open_incidents() == ()
        assert len(silent.bodies) > 20
        yield Told(life, file, tuple(silent.bodies))


def decided(told: Told, batches: Sequence[Sequence[str]]) -> tuple[object, ...]:
    """What is decided after the events came in these batches: of each placement in trouble, and by what."""
    life, now = told.life, told.life.clock.now()
    with TemporaryDirectory() as folder:
        file = f"{folder}/fournines.db"
        with closing(sqlite3.connect(told.file)) as kept:
            kept.execute("vacuum into ?", (file,))
        with Books.open(file) as books:
            known, mailbox = Known(books, lambda _: 1.0), WorldMailbox()
            listen = Listen(mailbox, books, known, Desk(books), lambda _: None)
            for batch in batches:
                mailbox.post(Delivery(HERE.region, HERE.account, json.loads(body)) for body in batch)
                listen.run(now)
            looker = replace(life.looker(life.source), books=books, known=known)
            return tuple(
                _decision(life, situation)
                for incident in books.open_incidents()
                for situation in looker.situations(incident, sorted(incident.placements), now).values()
            )


def _decision(life: Life, situation: Situation) -> object:
    diagnosis = diagnose(situation)
    decision = decide(situation, diagnosis, life.charter.policies, Switches(), situation.at)
    found = tuple((finding.name, str(finding.holds)) for finding in diagnosis.findings)
    return situation.placement, diagnosis.cause, decision.verdict, decision.reason, decision.action, found


def test_told_in_their_order_they_lead_to_the_right_action(told: Told) -> None:
    (decision,) = decided(told, [told.bodies])
    assert isinstance(decision, tuple)
    assert decision[:5] == (HERE, Cause.SPOT_SHORTAGE, Verdict.ACT, Reason.ALLOWED, ActionName.SPOT_FALLBACK)


SLOWLY = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@SLOWLY
@given(data=st.data())
def test_any_order_and_any_copies_lead_to_the_same_decision(told: Told, data: st.DataObject) -> None:
    again = data.draw(st.lists(st.sampled_from(told.bodies), max_size=20), label="copies")
    order = data.draw(st.permutations([*told.bodies, *again]), label="order")
    cut = data.draw(st.integers(0, len(order)), label="where the second batch begins")
    assert decided(told, [order[:cut], order[cut:]]) == decided(told, [told.bodies])


@SLOWLY
@given(data=st.data())
def test_whatever_is_lost_nothing_else_is_done(told: Told, data: st.DataObject) -> None:
    left = data.draw(st.lists(st.sampled_from(told.bodies), unique=True), label="what came")
    for decision in decided(told, [left]):
        assert isinstance(decision, tuple)
        assert (decision[0], decision[1]) in {(HERE, Cause.SPOT_SHORTAGE), (HERE, Cause.UNKNOWN)}
        assert decision[4] in {None, ActionName.SPOT_FALLBACK}
