"""Thousands of events gone wrong, and storms of right ones: in full in the benches, here in small."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bench.fuzz import harmed
from bench.letters import Sqs
from bench.stand import scenario, stand
from bench.storm import journaled, storm


@pytest.mark.parametrize("seed", [2, 3])
def test_no_mutated_event_breaks_anything_or_leads_to_an_action(seed: int) -> None:
    assert harmed(3_000, seed) == []


def test_every_event_of_a_storm_is_stored_once_and_deleted() -> None:
    event: dict[str, Any] = {
        "id": "0b2c-the-first",
        "source": "aws.ecs",
        "detail": {"taskArn": "arn:aws:ecs:eu-west-1:1:task/a/0123456789"},
    }
    bodies = storm([event], 1_000)
    with stand(scenario(["web-app"], ()), Sqs()) as here:
        assert journaled(here, bodies) < 10
        assert here.queue.deleted == len(bodies) == 1_000
        assert here.books.event_counts() == {"unrecognised/unknown_kind": 500}
    assert len({json.loads(body)["detail"]["taskArn"] for body in bodies}) == 500
