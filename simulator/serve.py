"""The simulated AWS and the fake Slack as processes: on loopback, ready when they say so, gone on SIGTERM.

Each prints one JSON line when it is ready, `{"ready": true, "port": N, ...}`, serves until it is told to
stop, and returns the exit status.
"""

from __future__ import annotations

import json
import logging
import signal
import sys
from typing import TYPE_CHECKING, Any

from waitress import create_server, wasyncore

from simulator.slack.server import SlackServer
from simulator.slack.workspace import POSTS_BURST, Window, Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime
    from types import FrameType
    from wsgiref.types import WSGIApplication

    from simulator.recording import Recording
    from simulator.scenario import Scenario

LOOPBACK = "127.0.0.1"
#: A long poll of SQS holds a thread for up to 20 seconds; some must stay free beside those.
WORLD_THREADS = 24
SLACK_THREADS = 8
#: How long requests that are being answered may take to end.
GRACE_S = 0.5
TICK_S = 0.25


def serve_world(  # noqa: PLR0913 - each is an option of `fournines simulate`
    scenario: Scenario,
    *,
    port: int = 0,
    speed: float = 1.0,
    epoch: datetime | None = None,
    host: str = LOOPBACK,
    recording: Recording | None = None,
) -> int:
    """Serve the world of a scenario as AWS until SIGTERM, SIGINT or `POST /_world/stop`.

    At the real moment `epoch` (by default: when it is ready) the world is at the scenario's start; it then
    runs `speed` times as fast as the wall.
    """
    try:
        from simulator.aws.stand import Stand  # noqa: PLC0415 - moto is an extra; the fake Slack does without
    except ModuleNotFoundError as error:
        print(f"the simulated AWS needs {error.name}: pip install 'fournines[simulator]'", file=sys.stderr)
        return 1
    stand = Stand(scenario, recording, speed=speed, epoch=epoch)
    stand.stage.start()
    said = {"start": scenario.start, "epoch": stand.stage.clock.epoch, "speed": speed}
    try:
        return _serve(stand.app, (host, port), WORLD_THREADS, said, stand.ended)
    finally:
        stand.stage.stop()


def serve_slack(
    *,
    channels: Iterable[str],
    port: int = 0,
    posts_burst: int = POSTS_BURST,
    outages: Iterable[Window] = (),
    host: str = LOOPBACK,
) -> int:
    """Serve a fake Slack with these channels until SIGTERM or SIGINT; outages are stretches of real time."""
    workspace = Workspace(channels, posts_burst=posts_burst)
    workspace.faults.outages.extend(outages)
    return _serve(SlackServer(workspace), (host, port), SLACK_THREADS, {}, lambda: None)


def _serve(
    app: WSGIApplication,
    address: tuple[str, int],
    threads: int,
    said: Mapping[str, Any],
    ended: Callable[[], str | None],
) -> int:
    """Serve until a signal, or until `ended` gives a reason; an empty reason is a good one."""
    logging.getLogger("waitress").setLevel(logging.ERROR)  # it warns of answers that we cut short on purpose
    host, port = address
    sockets: dict[int, Any] = {}
    try:
        server = create_server(app, sockets, host=host, port=port, threads=threads)
    except (OSError, OverflowError) as error:
        print(f"cannot listen on {host}:{port}: {error}; choose another port, or 0 for any", file=sys.stderr)
        return 1
    _stop_on_signals()
    print(json.dumps({"ready": True, "port": int(server.effective_port), **said}, default=_iso), flush=True)
    reason: str | None = None
    try:
        while (reason := ended()) is None:
            wasyncore.loop(timeout=TICK_S, map=sockets, count=1)
    except (SystemExit, KeyboardInterrupt):
        reason = ""
    server.task_dispatcher.shutdown(timeout=GRACE_S)
    server.close()
    if reason:
        print(reason, file=sys.stderr)
        return 1
    return 0


def _stop_on_signals() -> None:
    def stop(_number: int, _frame: FrameType | None) -> None:
        raise SystemExit

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


def _iso(moment: datetime) -> str:
    return moment.isoformat()
