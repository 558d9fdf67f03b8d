"""How long fournines takes from an event on the queue to the call of ECS, beside what AWS itself takes."""

from __future__ import annotations

import json
import threading
from datetime import timedelta
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any

from bench.figure import Figure
from bench.letters import Sqs
from bench.stand import REGION, scenario, stand
from fournines.clock import RUNG_AGAIN_S, Fast, Record, real_now, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bench.stand import Stand
    from fournines.rehearsal.direct import WorldSessions

SERVICES = tuple(f"service-{number:02}" for number in range(20))
SHORTAGE = {
    "kind": "capacity_shortage",
    "at": "8m",
    "duration": "1h",
    "where": {"region": REGION},
    "reclaim": 0.9,
}
#: Spot has warned its tasks by then and refuses others, and no user has felt it.
WARNED_AFTER = timedelta(minutes=9)
#: What rings again within a second waits for that second.
APART_S = RUNG_AGAIN_S + 0.5
ANSWERED_MAX_S = 20.0


def figures() -> Iterator[Figure]:
    """Let one service after the other hear that Spot refuses it, and wait until its strategy is changed."""
    queue, watch = Sqs(), Stopwatch()
    with stand(scenario(SERVICES, [SHORTAGE]), queue, sessions=watch.around) as here:
        here.until(here.world.now + WARNED_AFTER)
        took = measured(here, watch)
    yield Figure(
        name="remediation.overhead_ms",
        value=median(took) * 1000,
        unit="ms",
        goal=100.0,
        better="lower",
        how=f"median of {len(took)} (worst {max(took) * 1000:.0f} ms): from a refused Spot placement put on "
        "a queue in this process to UpdateService on a simulated ECS, all jobs running, store on disk, less "
        "the time that calls of AWS took",
    )


def measured(here: Stand, watch: Stopwatch) -> list[float]:
    """Run the jobs as `serve` does, tell of one service at a time, and return what each took beside AWS."""
    here.clock.now_on = Fast(here.world.now, real_now(), speed=1)
    stop = threading.Event()
    jobs = threading.Thread(target=run, args=(here.service.jobs, here.clock, stop, Record()))
    jobs.start()
    stop.wait(APART_S)
    took = []
    try:
        for name in SERVICES:
            bodies = [json.dumps(one.event) for one in here.told if _of(one.event) == name]
            began = perf_counter()
            here.queue.put(bodies)
            took.append(watch.overhead(began, name))
            stop.wait(APART_S)
    finally:
        stop.set()
        jobs.join()
    return took


def _of(event: dict[str, Any]) -> str:
    """Return the service that an event speaks of."""
    detail = event["detail"]
    return str(detail.get("group") or event["resources"][0]).replace(":", "/").rpartition("/")[2]


class Stopwatch:
    """Notes when a client of AWS was called and for how long.  The world is asked by one at a time."""

    def __init__(self) -> None:
        self._spans: list[tuple[int, float, float]] = []
        self._changed: dict[str, tuple[float, int]] = {}
        self._lock, self._news = threading.RLock(), threading.Condition()

    def around(self, made: WorldSessions) -> WorldSessions:
        """Return the sessions with every call timed."""
        plain = made._client  # noqa: SLF001 - the one place where all clients are made

        def timed(call: Callable[..., Any], *rest: Any) -> Any:  # noqa: ANN401 - passed through
            return plain(lambda operation, params, **who: self._time(call, operation, params, who), *rest)

        made._client = timed  # type: ignore[assignment,method-assign]  # noqa: SLF001
        return made

    def _time(self, call: Callable[..., Any], operation: str, params: Any, who: Any) -> Any:  # noqa: ANN401
        with self._lock:
            began = perf_counter()
            if operation == "UpdateService":
                with self._news:
                    self._changed[params["service"]] = began, threading.get_ident()
                    self._news.notify_all()
            try:
                return call(operation, params, **who)
            finally:
                self._spans.append((threading.get_ident(), began, perf_counter()))

    def overhead(self, began: float, service: str) -> float:
        """Return what it took until the service was changed, less the calls of who did it.

        Raises TimeoutError.
        """
        with self._news:
            if not self._news.wait_for(lambda: service in self._changed, ANSWERED_MAX_S):
                raise TimeoutError(f"{service} was not changed within {ANSWERED_MAX_S:.0f} s")
            called, thread = self._changed[service]
        spans = [(start, end) for who, start, end in list(self._spans) if who == thread and start >= began]
        return called - began - sum(min(end, called) - start for start, end in spans if start < called)
