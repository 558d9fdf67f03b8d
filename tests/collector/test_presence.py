"""What was seen, what is missing, and what is believed to have vanished."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from collector.estate import RegionEstate, ServiceView
from collector.presence import ANSWERS_TO_BELIEVE, ASKED_AFTER, Sighting, Standing, after
from slo.cells import Placement

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
LOOK = timedelta(minutes=5)
SHOP, CART = (Placement("1", "eu-west-1", "main", name) for name in ("shop", "cart"))
ELSEWHERE = Sighting(Placement("1", "us-east-1", "main", "shop"), NOON, NOON)


def told(minutes: float, *places: Placement) -> RegionEstate:
    at = NOON + timedelta(minutes=minutes)
    usual = {"status": "ACTIVE", "desired": 1, "running": 1, "pending": 0, "task_definition": "t:1"}
    views = (ServiceView(placement=place, seen_at=at, **usual) for place in places)  # type: ignore[arg-type]
    return RegionEstate("1", "eu-west-1", at, tuple(views))


def lived(*answers: RegionEstate) -> Standing:
    """Take one answer after the other."""
    standing = Standing(RegionEstate("1", "eu-west-1", NOON, ()), ())
    for answer in answers:
        known = {one.placement: one for one in (*standing.sightings, ELSEWHERE)}
        standing = after(answer, standing.estate, known)
    return standing


def sighting(standing: Standing, place: Placement) -> Sighting:
    return next(one for one in standing.sightings if one.placement == place)


def asked(standing: Standing) -> list[Placement]:
    return [view.placement for view in standing.estate.services]


def test_what_is_seen_again_was_first_seen_when_it_was() -> None:
    standing = lived(told(0, SHOP), told(5, SHOP))
    assert sighting(standing, SHOP) == Sighting(SHOP, NOON, NOON + LOOK)


def test_one_answer_that_lacks_a_service_is_doubted() -> None:
    standing = lived(told(0, CART, SHOP), told(5, CART))
    assert asked(standing) == [CART, SHOP]
    assert sighting(standing, SHOP).vanished_since is None
    assert standing.estate.services[1].seen_at == NOON, "its last view is no younger than it is"


def test_a_region_that_suddenly_has_nothing_is_doubted_too() -> None:
    standing = lived(told(0, CART, SHOP), told(5))
    assert asked(standing) == [CART, SHOP]
    assert lived(told(0, SHOP), told(5), told(10, SHOP)).sightings == (Sighting(SHOP, NOON, NOON + 2 * LOOK),)


def test_what_two_answers_lack_has_vanished_since_the_first_of_them() -> None:
    assert ANSWERS_TO_BELIEVE == 2
    standing = lived(told(0, CART, SHOP), told(5, CART), told(10, CART))
    assert sighting(standing, SHOP).vanished_since == NOON + LOOK
    assert sighting(standing, CART).vanished_since is None


def test_its_last_minutes_are_asked_for_a_while_and_it_is_never_forgotten() -> None:
    end = 5 + ASKED_AFTER.total_seconds() / 60
    gone = (told(0, CART, SHOP), told(5, CART), told(10, CART))
    assert asked(lived(*gone, told(end - 1, CART))) == [CART, SHOP]
    later = lived(*gone, told(end, CART))
    assert asked(later) == [CART]
    assert sighting(later, SHOP).last_seen == NOON


def test_what_comes_back_goes_on() -> None:
    end = 5 + ASKED_AFTER.total_seconds() / 60
    back = lived(told(0, SHOP), told(5), told(10), told(end), told(end + 5, SHOP))
    assert asked(back) == [SHOP]
    assert sighting(back, SHOP) == Sighting(SHOP, NOON, NOON + timedelta(minutes=end + 5))


def test_another_region_is_not_missed() -> None:
    assert ELSEWHERE.placement not in [one.placement for one in lived(told(0, SHOP), told(5)).sightings]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"first_seen": NOON + LOOK, "last_seen": NOON}, "seen last before"),
        ({"first_seen": NOON, "last_seen": NOON, "missed": 1}, "exactly when"),
        ({"first_seen": NOON, "last_seen": NOON, "missing_since": NOON}, "exactly when"),
    ],
)
def test_a_sighting_that_contradicts_itself_is_none(fields: dict[str, datetime], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Sighting(SHOP, **fields)  # type: ignore[arg-type]  # as a test of its values


def routed(minutes: float, balancer: str) -> RegionEstate:
    answer = told(minutes, SHOP)
    shop = replace(answer.services[0], target_groups=("targetgroup/shop/1",), load_balancers=(balancer,))
    return replace(answer, services=(shop,))


def abandoned(standing: Standing) -> list[str]:
    return [one.route.load_balancer for one in standing.estate.services[0].abandoned]


def test_what_stood_before_a_service_is_remembered_while_its_last_minutes_are_asked_for() -> None:
    moved = lived(routed(0, "old"), routed(5, "new"))
    assert abandoned(moved) == ["old"]
    known = {one.placement: one for one in moved.sightings}
    hours = ASKED_AFTER / timedelta(minutes=1)
    assert abandoned(after(routed(4 + hours, "new"), moved.estate, known)) == ["old"]
    assert abandoned(after(routed(5 + hours, "new"), moved.estate, known)) == []


def test_what_stands_before_a_service_again_is_not_abandoned() -> None:
    assert abandoned(lived(routed(0, "blue"), routed(5, "green"), routed(10, "blue"))) == ["green"]
