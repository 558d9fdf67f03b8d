"""The door for those who watch or judge the world; AWS has no such thing.

`GET /_world/status`, `GET /_world/calls` (JSON lines), `POST /_world/score`, `POST /_world/delay` and
`POST /_world/stop`.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date, datetime
from threading import Event
from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Response

from simulator.aws.delays import Delays

if TYPE_CHECKING:
    from werkzeug.wrappers import Request

    from simulator.aws.eventbridge import EventBridge
    from simulator.aws.score import Score
    from simulator.aws.stage import Stage
    from simulator.calls import Call


class Control:
    """Answers `/_world/...`."""

    def __init__(self, stage: Stage, bus: EventBridge, score: Score) -> None:
        self.stop, self.delays = Event(), Delays()
        self._score = score
        self._stage = stage
        self._bus = bus

    def answer(self, request: Request) -> Response:
        """Answer one request."""
        match request.method, request.path:
            case "GET", "/_world/status":
                return _json(self.status())
            case "GET", "/_world/calls":
                lines = "".join(json.dumps(said(call), default=_plain) + "\n" for call in self._stage.calls())
                return Response(lines, content_type="application/x-ndjson")
            case "POST", "/_world/score":
                return self._judged(request)
            case "POST", "/_world/delay":
                return self._delayed(request)
            case "POST", "/_world/stop":
                self.stop.set()
                return _json({"stopping": True})
            case _:
                return _json({"error": f"no such page: {request.method} {request.path}"}, 404)

    def _judged(self, request: Request) -> Response:
        try:
            document = json.loads(request.get_data() or b"{}")
            return _json(self._score.tell(document))
        except (ValueError, AttributeError, TypeError) as error:
            return _json({"error": f"cannot judge by this document: {error}"}, 400)

    def _delayed(self, request: Request) -> Response:
        try:
            return _json({"armed": self.delays.arm(json.loads(request.get_data() or b"{}"))})
        except (ValueError, AttributeError, TypeError) as error:
            return _json({"error": f"not understood: {error}"}, 400)

    def status(self) -> dict[str, Any]:
        """Say where the world stands; `start`, `epoch` and `speed` let others run on the same clock."""
        stage, scenario = self._stage, self._stage.world.scenario
        return {
            "scenario": scenario.name,
            "seed": scenario.seed,
            "now": stage.now,
            "behind_s": stage.behind_s,
            "start": stage.clock.start,
            "end": scenario.end,
            "epoch": stage.clock.epoch,
            "speed": stage.clock.speed,
            "ended": stage.ended,
            "failure": stage.failure,
            "faults": _begun(stage),
            "events": {"sent": self._bus.sent, "undeliverable": self._bus.undeliverable},
            "calls": len(stage.calls()),
            "billed": stage.locked(lambda world: world.cloudwatch.billed()),
        }


def said(call: Call) -> dict[str, Any]:
    """Return a recorded call as JSON has it."""
    return asdict(call)


def _begun(stage: Stage) -> list[dict[str, Any]]:
    """List the faults that have begun by now, never those to come."""
    elapsed = stage.now - stage.clock.start
    faults = [fault for fault in stage.world.scenario.faults if fault.at <= elapsed]
    return [fault.model_dump(mode="json", exclude_none=True) for fault in faults]


def _json(body: object, status: int = 200) -> Response:
    return Response(json.dumps(body, default=_plain), status, content_type="application/json")


def _plain(value: object) -> object:
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value)
