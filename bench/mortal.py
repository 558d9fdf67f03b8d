"""The real program with shorter leases and timeouts, so that an ordeal takes minutes, and with a wish to die.

`python -m bench.mortal CONFIG OUT` is a nursery: it imports what `fournines serve` needs, and then brings up
one life of it after the other by a fork, since a life may be shorter than an import.  It is told in lines
(`live WISH`, `kill`, `stop`, `go`, `lives`) and answers each with one.  A wish is `SIGNAL:BOUNDARY:NUMBER`,
such as `KILL:sent:1`: the process sends itself the signal when it reaches the boundary for that time; `-` is
none.
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg  # noqa: F401 - so that no life has to import it, as below
from botocore.config import Config
from botocore.loaders import create_loader

from collector.wire import session
from fournines import replica, service, serving  # noqa: F401 - the same
from fournines.cli import run  # noqa: F401 - the same
from fournines.cli.main import main
from fournines.store import database, leading, runs
from remediation.wire.actuator import AwsActuator

if TYPE_CHECKING:
    from collections.abc import Callable

#: Where a process may end: after a claim, after leave was given, just before a call leaves, after its answer,
#: after the move.
BOUNDARIES = ("claimed", "granted", "leaving", "sent", "moved")
#: A mutation takes at most a second to connect and two to answer; a lease is longer, and what was lost lands
#: sooner than it is looked for.
CONNECT_S, READ_S, LEASE_S, SETTLE_S = 1, 2, 4.0, 4.0


def shorten() -> None:
    """Make everything that runs on real time shorter, in proportion."""
    runs.LEASE_S, runs.LEAVE_S = LEASE_S, 1.0
    leading.LEAD_S = 2.0
    replica.ASK_EVERY_S = 0.5  # type: ignore[attr-defined]
    database.STALLED_MAX_S = 2
    session.SENT_WITHIN_S = 1.0
    loader = create_loader()
    for name in ("application-autoscaling", "cloudwatch", "ecs", "elbv2", "sqs", "sts"):
        loader.load_service_model(name, "service-2")
    vars(session)["create_loader"] = lambda: loader
    session.CONFIGS["act"] = Config(
        connect_timeout=CONNECT_S, read_timeout=READ_S, retries={"mode": "standard", "total_max_attempts": 1}
    )
    service.SETTLE = timedelta(seconds=SETTLE_S)  # type: ignore[attr-defined]


def wish(text: str) -> None:
    """Have the process send itself a signal at a boundary."""
    name, boundary, number = text.split(":")
    times = itertools.count(1)

    def reached() -> bool:
        if next(times) == int(number):
            os.kill(os.getpid(), signal.Signals[f"SIG{name}"])
        return True

    match boundary:
        case "claimed":
            _after(runs.SqlRuns, "claim", lambda claim, _: claim is not None and reached())
        case "granted":
            _after(runs.SqlRuns, "leave", lambda leave, _: leave == "granted" and reached())
        case "leaving":
            _after(session, "_send_in_time", lambda _, asked: _before_leaving(asked[0], reached))
        case "sent":
            _after(AwsActuator, "apply", lambda *_: reached())
        case "moved":
            _after(runs.SqlRuns, "move", lambda *_: reached())
        case _:
            raise ValueError(f"no such boundary: {boundary}")


def _after(owner: Any, name: str, then: Callable[[Any, Any], object]) -> None:  # noqa: ANN401 - class or module
    """Do something after a function, with what it returned and what it was given."""
    before = getattr(owner, name)

    def both(*arguments: Any, **more: Any) -> Any:  # noqa: ANN401 - whatever it takes and returns
        result = before(*arguments, **more)
        then(result, arguments)
        return result

    setattr(owner, name, both)


def _before_leaving(client: Any, reached: Callable[[], bool]) -> None:  # noqa: ANN401 - of any service
    client.meta.events.register("before-sign", lambda **_: reached())


class Nursery:
    """Brings up one life at a time."""

    def __init__(self, config: str, out: Path) -> None:
        self._config, self._out = config, out
        self._pid: int | None = None

    def obey(self, line: str) -> str:
        """Do as a line says."""
        match line.split():
            case ["live", text]:
                self._live(text)
            case ["kill"]:
                self._signal(signal.SIGKILL)
                self._lives(wait=True)
            case ["stop"]:
                self._signal(signal.SIGSTOP)
            case ["go"]:
                self._signal(signal.SIGCONT)
            case _:
                pass
        return "lives" if self._lives() else "dead"

    def _live(self, text: str) -> None:
        assert not self._lives(), "one life at a time"
        self._pid = os.fork()
        if self._pid:
            return
        with self._out.open("wb") as out:
            os.dup2(out.fileno(), sys.stdout.fileno())
        os.close(0)
        if text != "-":
            wish(text)
        sys.argv[:] = ["fournines", "serve", "--config", self._config]
        main()
        os._exit(0)

    def _signal(self, number: signal.Signals) -> None:
        if self._pid is not None:
            os.kill(self._pid, number)

    def _lives(self, *, wait: bool = False) -> bool:
        """Whether the child has not ended; stopped is not ended."""
        if self._pid is not None and os.waitpid(self._pid, 0 if wait else os.WNOHANG)[0]:
            self._pid = None
        return self._pid is not None


if __name__ == "__main__":
    shorten()
    nursery = Nursery(sys.argv[1], Path(sys.argv[2]))
    print("ready", flush=True)
    for order in sys.stdin:
        print(nursery.obey(order), flush=True)
    nursery.obey("kill")
