import logging
import threading
from datetime import UTC, datetime, timedelta

import pytest

from fournines.clock import RUNG_AGAIN_S, Fast, Job, Record, Stepped, Steps, Wall, next_due, run

NOON = datetime(2026, 10, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def test_jobs_run_in_the_order_of_their_due_times_then_of_the_list() -> None:
    told: list[tuple[str, int]] = []
    clock = Stepped(NOON)

    def job(name: str, minutes: int) -> Job:
        return Job(name, minutes * MINUTE, lambda now: told.append((name, now.minute)))

    steps = Steps([job("sealed", 2), job("minute", 1)], clock, Record())
    steps.until(NOON + 2 * MINUTE)
    steps.until(NOON + 2 * MINUTE)
    assert told == [("sealed", 0), ("minute", 0), ("minute", 1), ("sealed", 2), ("minute", 2)]
    assert clock.now() == NOON + 2 * MINUTE


def test_the_schedule_does_not_drift_however_long_a_run_takes() -> None:
    due, moments = NOON, []
    for _ in range(1000):
        due, missed = next_due(due, MINUTE, now=due + timedelta(seconds=17))
        moments.append((due, missed))
    assert moments == [(NOON + n * MINUTE, 0) for n in range(1, 1001)]


def test_missed_runs_are_skipped_and_counted_not_made_up_in_a_burst() -> None:
    assert next_due(NOON, MINUTE, now=NOON + 3.5 * MINUTE) == (NOON + 4 * MINUTE, 3)
    assert next_due(NOON, MINUTE, now=NOON + 3 * MINUTE) == (NOON + 4 * MINUTE, 3)


def test_a_failing_job_is_logged_and_counted_and_the_loop_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    def fail(now: datetime) -> None:
        raise RuntimeError(f"broken at {now:%H:%M}")

    record = Record()
    steps = Steps([Job("broken", MINUTE, fail), Job("fine", MINUTE, lambda _: None)], Stepped(NOON), record)
    with caplog.at_level(logging.ERROR):
        steps.until(NOON + MINUTE)
    broken, fine = record.health()["broken"], record.health()["fine"]
    assert (broken.runs, broken.failures, broken.last_success) == (2, 2, None)
    assert broken.last_error == "RuntimeError: broken at 12:01"
    assert (fine.runs, fine.failures, fine.last_success) == (2, 0, NOON + MINUTE)
    assert "job broken failed" in caplog.text


def test_jobs_run_in_threads_until_told_to_stop() -> None:
    stop, enough = threading.Event(), threading.Semaphore(0)
    clock = Fast(NOON, Wall().now(), speed=60_000)
    running = threading.Lock()

    def tick(_: datetime) -> None:
        assert running.acquire(blocking=False), "a job ran beside itself"
        running.release()
        enough.release()

    record = Record()
    loop = threading.Thread(target=run, args=([Job("tick", MINUTE, tick)], clock, stop, record))
    loop.start()
    try:
        assert all(enough.acquire(timeout=20) for _ in range(5))
    finally:
        stop.set()
        loop.join(20)
    assert not loop.is_alive()
    health = record.health()["tick"]
    assert health.failures == 0
    assert health.last_success is not None
    assert health.last_success >= NOON + 4 * MINUTE


def test_two_processes_with_the_same_fast_clock_agree() -> None:
    epoch = Wall().now() - timedelta(seconds=10)
    one, other = Fast(NOON, epoch, 60), Fast(NOON, epoch, 60)
    first, second = one.now(), other.now()
    assert NOON + 10 * MINUTE <= first <= second < first + 10 * MINUTE
    assert one.real_seconds(MINUTE) == 1


def test_a_clock_without_a_zone_or_going_backwards_is_refused() -> None:
    with pytest.raises(ValueError, match="need a time zone"):
        Fast(NOON.replace(tzinfo=None), NOON, 60)
    with pytest.raises(ValueError, match="above 0"):
        Fast(NOON, NOON, 0)
    with pytest.raises(ValueError, match="time goes forward"):
        Stepped(NOON).move(NOON - MINUTE)


def test_a_job_whose_bell_rings_runs_at_once_and_keeps_its_turns() -> None:
    stop, bell, ran = threading.Event(), threading.Event(), threading.Semaphore(0)
    job = Job("remediate", timedelta(hours=1), lambda _: ran.release(), bell)
    thread = threading.Thread(target=run, args=([job], Wall(), stop, Record()))
    thread.start()
    assert ran.acquire(timeout=10), "its first turn is now"
    bell.set()
    assert ran.acquire(timeout=10), "it runs an hour before its turn"
    assert not bell.is_set()
    for _ in range(3):
        bell.set()
    assert not ran.acquire(timeout=RUNG_AGAIN_S / 3), "what rings all the time is heard once a second"
    assert ran.acquire(timeout=10)
    stop.set()
    thread.join(10)
    assert not thread.is_alive()
    assert not ran.acquire(blocking=False), "the bell that ends it runs nothing"
