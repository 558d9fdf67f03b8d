"""Checks from outside in a rehearsal: a loss is known in seconds, and a quiet hour stays quiet."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from collector.probes import Check, Reason, Target
from fournines.rehearsal import scenarios
from fournines.rehearsal.probed import WorldProber, every_door
from fournines.rehearsal.rehearse import rehearse
from fournines.rehearsal.score import passed
from remediation.incidents import PROBED
from simulator.world import World
from tests.living import ACCOUNT, NOON, REGIONS, at, small

if TYPE_CHECKING:
    from datetime import datetime

    from fournines.store.books import Books

#: Nobody reaches a placement any more.
LOST = {
    "kind": "alb_errors",
    "at": "10m",
    "duration": "10m",
    "error_ratio": 1.0,
    "where": {"service": "payment", "region": REGIONS[0]},
    "expect": "escalate",
}
BY_THEN = NOON + timedelta(minutes=11)
STORY = small(LOST, duration="15m")


def test_the_total_loss_of_a_placement_is_an_incident_within_a_minute() -> None:
    opened: list[tuple[datetime, str]] = []

    def look(books: Books, now: datetime) -> None:
        for incident in books.open_incidents():
            opened.extend((now, symptom.name) for symptom in incident.symptoms)
            assert incident.placements == (at("payment"),)

    summary = rehearse(STORY, probed=True, attend=look)
    first, name = opened[0]
    assert name.startswith(PROBED)
    assert first <= BY_THEN
    assert summary["faults"][0]["detected_after_s"] <= 60
    assert passed(summary)


def test_without_checks_from_outside_it_takes_minutes() -> None:
    assert rehearse(STORY)["faults"][0]["detected_after_s"] > 120


def test_a_quiet_hour_is_quiet_to_whoever_checks_from_outside_too() -> None:
    summary = rehearse(scenarios.read("quiet-hour"), probed=True)
    assert passed(summary)
    assert not any(summary["alerts"].values())


def test_every_service_that_users_reach_is_checked_in_each_account_and_region() -> None:
    estate = {
        "accounts": [ACCOUNT, "210987654321"],
        "regions": REGIONS,
        "services": [
            {"name": "payment"},
            {"name": "pricing", "front": "service_connect"},
            {"name": "grader", "front": "none", "queue": {"name": "grades"}},
        ],
    }
    probes = every_door(World(small(estate=estate)).estate).listed
    assert len(set(probes)) == len(probes) == 8
    assert {probe.service for probe in probes} == {"payment", "pricing"}


def test_an_answer_that_takes_longer_than_the_check_may_is_none() -> None:
    slow = {"kind": "latency", "at": "1m", "duration": "10m", "where": {"service": "payment"}, "factor": 1000}
    world = World(small(slow))
    world.step(NOON + timedelta(minutes=2))
    answer = WorldProber(world).check(Target(at("payment"), Check(url="https://payment.example/")))
    assert (answer.reason, answer.seconds) == (Reason.TIMEOUT, 3)
