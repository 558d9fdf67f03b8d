from __future__ import annotations

from datetime import UTC, datetime, timedelta

from fournines.clock import Fast
from fournines.demo.pace import SAMPLE_S, SPEED_MAX, SPEED_MIN, Turns, slowed


def test_a_quick_machine_is_not_hurried_further() -> None:
    assert slowed(SAMPLE_S / 10) == SPEED_MAX


def test_a_slow_machine_is_given_time_but_the_story_still_ends() -> None:
    assert SPEED_MIN < slowed(SAMPLE_S * 1.3) < SPEED_MAX
    assert slowed(SAMPLE_S * 100) == SPEED_MIN


def test_a_machine_that_was_too_busy_is_said_with_what_helps() -> None:
    metrics = (
        'fournines_job_runs_total{job="collect"} 200\nfournines_job_runs_total{job="tell"} 100\n'
        'fournines_job_skipped_total{job="collect"} 1000\nfournines_job_skipped_total{job="tell"} 0\n'
    )
    turns = Turns.told(metrics)
    told = "This machine was too busy (1,000 of 1,300 turns missed): "
    assert turns.remark(SPEED_MAX) == f"{told}try SPEED=28 (--speed 28)."
    assert turns.remark(SPEED_MIN) == f"{told}try again when it has less to do."
    assert Turns(1000, 30).remark(SPEED_MAX) is None
    assert Turns(0, 0).remark(SPEED_MAX) is None


def test_a_clock_that_is_to_stop_stops() -> None:
    start, hour = datetime(2026, 11, 23, 12, tzinfo=UTC), timedelta(hours=1)
    assert Fast(start, start - hour, 45, until=start + hour).now() <= start + hour
    assert Fast(start, datetime.now(UTC) - hour, 45, until=start + hour).now() == start + hour
