from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pytest

from collector.estate import DeploymentStatus
from remediation.tenure import SETTLED_MINUTES, Minutes, Tally, observed, proofs, tally
from slo.cells import State, minute_of
from tests.remediation.stage import IRELAND, NOON, Stage, at, definition, deployment, revision

if TYPE_CHECKING:
    from collector.estate import Deployment, ServiceView
    from remediation.tenure import Tenure

LIMIT = Fraction(6, 10_000)


def view(minute: float, *deployments: Deployment, **more: object) -> ServiceView:
    told = replace(Stage().views[IRELAND], seen_at=at(minute), deployments=deployments)
    return replace(told, **more)  # type: ignore[arg-type]


def all_well(start: int, end: int) -> Tally:
    return Tally(end - start, 0, end - start, end)


def told(tenures: tuple[Tenure, ...]) -> list[tuple[str, float, float | None]]:
    return [
        (
            one.revision.task_definition.rpartition(":")[2],
            (one.since - NOON) / timedelta(minutes=1),
            None if one.until is None else (one.until - NOON) / timedelta(minutes=1),
        )
        for one in tenures
    ]


def test_a_revision_serves_alone_from_the_end_of_its_deployment_to_the_start_of_the_next() -> None:
    first, second = deployment(1, -500, finished=-490), deployment(2, -100, finished=-90)
    found = observed((), view(0, second, first), all_well)
    assert told(found) == [("1", -490, -100), ("2", -90, None)]
    assert [one.good for one in found] == [389, 89]


def test_what_was_turned_back_never_served_and_what_it_went_back_to_serves_again() -> None:
    first = deployment(1, -500, finished=-490)
    bad = replace(
        deployment(2, -100, DeploymentStatus.ROLLBACK_SUCCESSFUL, finished=-80), rolled_back_to=revision(1)
    )
    stopped = deployment(3, -40, DeploymentStatus.STOPPED, finished=-38)
    assert told(observed((), view(0, stopped, bad, first), all_well)) == [("1", -490, -100), ("1", -80, -40)]


def test_minutes_are_counted_once_however_often_one_looks() -> None:
    first = deployment(1, -500, finished=-490)
    kept = observed((), view(0, first), all_well)
    again = observed(kept, view(10, first), all_well)
    assert [one.good for one in again] == [499]
    replaced = observed(again, view(30, deployment(2, 20), first), all_well)
    assert (told(replaced), replaced[0].good) == ([("1", -490, 20)], 509)


def test_what_ecs_tells_no_more_stays_and_ends_with_what_came_after_it() -> None:
    kept = observed((), view(0, deployment(1, -500, finished=-490)), all_well)
    found = observed(kept, view(99, deployment(2, 20, finished=25)), all_well)
    assert told(found) == [("1", -490, 20), ("2", 25, None)]
    assert observed(found, view(200), all_well)[0].until == at(20)


def test_what_stands_there_without_any_deployment_counts_from_the_first_look_on() -> None:
    kept = observed((), view(0, standing=revision(4)), all_well)
    found = observed(kept, view(60, standing=revision(4)), all_well)
    assert told(found) == [("4", 0, None)]
    assert proofs(found)[0].proven
    assert told(observed(found, view(90, deployment(5, 80)), all_well)) == [("4", 0, 80)]


def test_a_minute_in_trouble_begins_the_row_anew() -> None:
    first = deployment(1, -500, finished=-490)
    kept = observed((), view(-400, first), all_well)
    sick = observed(kept, view(-300, first), lambda _, end: Tally(60, 40, 10, end))
    (proof,) = proofs(observed(sick, view(-281, first), all_well))
    assert (proof.good, proof.bad, proof.streak, proof.proven) == (168, 40, 29, False)
    (proof,) = proofs(observed(sick, view(-280, first), all_well))
    assert proof.proven


def test_the_record_of_a_content_is_one_whatever_ecs_calls_it() -> None:
    first = deployment(1, -500, finished=-490)
    other = replace(
        deployment(2, -400, finished=-395), target=replace(revision(2), images=(("app", "sha256:2"),))
    )
    back = replace(deployment(3, -20, finished=-19), target=replace(revision(1), arn="arn:revision/back"))
    newest, before = proofs(observed((), view(0, back, other, first), all_well))
    assert newest.revision.task_definition == definition(1)
    assert newest.streak == 89 + 18
    assert before.revision.digests == {"sha256:2"}


# -- minutes


def minutes(*cells: tuple[int, int] | None, scale: int = 1) -> Minutes:
    known = [cell or (0, 0) for cell in cells]
    state = [State.UNKNOWN if c is None else State.OBSERVED if c[1] else State.NO_TRAFFIC for c in cells]
    bad, total = (np.array([cell[i] for cell in known], np.int64) for i in (0, 1))
    return Minutes(bad, total, np.array(state, np.uint8), LIMIT, scale)


WELL, SICK, QUIET = (0, 1000), (10, 1000), (0, 0)
REST = (WELL,) * SETTLED_MINUTES


@pytest.mark.parametrize(
    ("cells", "found"),
    [
        ((WELL, WELL, SICK, WELL), (3, 1, 1)),
        ((WELL, None, WELL, QUIET), (2, 0, 2)),
        (((2, 1000), WELL), (2, 0, 2)),
        (((3, 10_000), WELL), (2, 0, 2)),
    ],
    ids=["a bad one", "unknown and quiet", "too few failures", "within the limit"],
)
def test_only_known_minutes_with_requests_count(
    cells: tuple[tuple[int, int] | None, ...], found: tuple[int, int, int]
) -> None:
    judged = tally(100, 100 + len(cells), minutes(*cells, *REST), None)
    assert (judged.good, judged.bad, judged.streak, judged.end) == (*found, 100 + len(cells))


def test_a_slow_minute_is_in_trouble_too() -> None:
    slow = minutes(WELL, (9_000, 1_000_000), *REST, scale=1000)
    assert tally(0, 2, minutes(WELL, WELL, *REST), slow).bad == 1


def test_the_newest_minutes_wait_until_they_have_settled() -> None:
    assert tally(100, 103, minutes(WELL, WELL, WELL), None).end == 100
    assert tally(100, 104, minutes(WELL, WELL, WELL, WELL), None).end == 101
    assert tally(100, 102, minutes(None, None), None) == Tally(0, 0, 0, 100)
    assert minute_of(NOON) > 0
