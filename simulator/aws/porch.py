"""The door that users come through: `GET /_door/ACCOUNT/REGION/SERVICE` answers as the service would now."""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import TYPE_CHECKING

from werkzeug.wrappers import Response

if TYPE_CHECKING:
    from werkzeug.wrappers import Request

    from simulator.aws.stage import Stage
    from simulator.world import World

PATH = "/_door/"
#: An answer is never held back longer, in real time: it holds a thread of the server.
WAIT_MAX_S = 2.0


class Porch:
    """Lets whoever knocks wait as long as the answer takes on the world's clock."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def answer(self, request: Request) -> Response:
        """Answer one request."""
        knocked = self._stage.locked(lambda world: knock(world, request.path.removeprefix(PATH)))
        if knocked is None:
            return Response("nobody lives here\n", HTTPStatus.NOT_FOUND)
        status, seconds = knocked
        time.sleep(min(WAIT_MAX_S, seconds / self._stage.clock.speed))
        return Response(f"{HTTPStatus(status).phrase}\n", status)


def knock(world: World, path: str) -> tuple[int, float] | None:
    """Knock at `ACCOUNT/REGION/SERVICE`; None if there is no such service, or nobody can reach it."""
    account, _, rest = path.partition("/")
    region, _, service = rest.partition("/")
    place = world.estate.find(region, service, account)
    return None if place is None or place.spec.front == "none" else world.knock(place.index)
