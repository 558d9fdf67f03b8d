from datetime import UTC, datetime, timedelta

from collector.bundle import Area
from collector.heat import HOT_FOR, Heat

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_a_sign_keeps_a_service_hot_for_a_while() -> None:
    heat = Heat()
    heat.sign("web", NOON)
    assert heat.hot(NOON) == {"web"}
    assert heat.hot(NOON + HOT_FOR - timedelta(seconds=1)) == {"web"}
    assert heat.hot(NOON + HOT_FOR) == frozenset()


def test_each_new_sign_begins_the_while_anew() -> None:
    heat = Heat()
    heat.sign("web", NOON)
    heat.sign("web", NOON + timedelta(minutes=10))
    assert heat.hot(NOON + HOT_FOR) == {"web"}


def test_a_region_in_which_users_feel_something_cools_down_by_itself() -> None:
    heat, ireland = Heat(), Area("123456789012", "eu-west-1")
    heat.alarm(ireland, NOON)
    assert heat.alarmed(NOON) == {ireland}
    assert heat.hot(NOON) == frozenset()
    assert heat.alarmed(NOON + HOT_FOR) == frozenset()
