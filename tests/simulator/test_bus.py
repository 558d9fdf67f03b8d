"""The event bus: at least once, in any order, sometimes never."""

from __future__ import annotations

from collections import Counter
from typing import Any

from simulator.bus import Bus


def event(number: int) -> dict[str, Any]:
    return {"source": "aws.ecs", "detail-type": "Test", "resources": [], "detail": {"number": number}}


def told(bus: Bus, count: int = 200) -> list[int]:
    for number in range(count):
        bus.tell(number, "eu-west-1", "123456789012", event(number))
    return [delivery.event["detail"]["number"] for delivery in bus.deliver(10_000)]


def test_an_undisturbed_bus_tells_each_event_once_and_soon() -> None:
    bus = Bus(seed=1, lag_s=2.0)
    bus.tell(100, "eu-west-1", "123456789012", event(1))
    assert bus.deliver(100) == []
    assert [d.event["time"] for d in bus.deliver(102)] == ["1970-01-01T00:01:40Z"]
    assert told(Bus(seed=1, lag_s=0.5)) == list(range(200))


def test_a_disturbed_bus_loses_some() -> None:
    heard = told(Bus(seed=1, lag_s=1.0, lost_ratio=0.3))
    assert 100 < len(heard) < 180


def test_a_repeated_event_keeps_its_id() -> None:
    bus = Bus(seed=1, lag_s=1.0, twice_ratio=0.5)
    for number in range(100):
        bus.tell(number, "eu-west-1", "123456789012", event(number))
    ids = Counter(delivery.event["id"] for delivery in bus.deliver(10_000))
    assert len(ids) == 100
    assert 20 < sum(count == 2 for count in ids.values()) < 80
    assert max(ids.values()) == 2


def test_events_overtake_one_another_while_order_is_disturbed() -> None:
    heard = told(Bus(seed=1, lag_s=1.0, held_s=30.0))
    assert heard != sorted(heard)
    assert sorted(heard) == list(range(200))


def test_the_same_seed_disturbs_in_the_same_way() -> None:
    first, second = (told(Bus(seed=7, lag_s=1.0, lost_ratio=0.2, twice_ratio=0.2)) for _ in range(2))
    assert first == second
    assert first != told(Bus(seed=8, lag_s=1.0, lost_ratio=0.2, twice_ratio=0.2))
