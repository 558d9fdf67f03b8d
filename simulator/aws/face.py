"""The AWS face: one WSGI application for every service and region, with doors for watchers and for users.

A request is for the service and region of its credential scope.  ECS, CloudWatch, Application Auto Scaling,
zonal shifts, zones and tags are answered by the world, their neighbours by moto.  Scaling is the world's
whole: moto would keep a second minimum that moves nothing, and refuses services that its own empty ECS does
not know.
"""

from __future__ import annotations

import logging
from io import BytesIO
from typing import TYPE_CHECKING
from uuid import uuid4

from werkzeug.wrappers import Request, Response

from simulator.aws.authorization import Caller, Scope, caller_of, scope_of
from simulator.aws.contract import BALANCING, SERVICES, Service, checked
from simulator.aws.delays import pause
from simulator.aws.objects import REST
from simulator.aws.porch import PATH, Porch
from simulator.aws.protocols import QUERY, Answer, spoken
from simulator.aws.rest import wire_of
from simulator.aws.served import NEIGHBOURS, ending
from simulator.aws.targets import health
from simulator.calls import changes
from simulator.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIEnvironment

    from simulator.aws.control import Control
    from simulator.aws.neighbours import Neighbours
    from simulator.aws.stage import Stage

LOG = logging.getLogger(__name__)
UNSIGNED = Refusal(
    "MissingAuthenticationTokenException", "sign the request: its scope names service and region", 403
)


class AwsFace:
    """Answers signed AWS requests, and `/_world/...` and `/_door/...` without a signature."""

    def __init__(self, stage: Stage, neighbours: Neighbours, control: Control) -> None:
        self._stage = stage
        self._neighbours = neighbours
        self._control = control
        self._porch = Porch(stage)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request; whatever happens, the answer has the form that the client parses."""
        request = Request(environ)
        return self._answer(request)(environ, start_response)

    def _answer(self, request: Request) -> Response:
        if request.path.startswith("/_world"):
            return self._control.answer(request)
        if request.path.startswith(PATH):
            return self._porch.answer(request)
        return self._aws(request)

    def _aws(self, request: Request) -> Response:
        scope = scope_of(request.headers.get("Authorization", ""))
        request_id = str(uuid4())
        if scope is None:
            answer = spoken(request).refuse(UNSIGNED, SERVICES["ecs"], request_id)
        elif scope.service in SERVICES:
            answer = self._from_world(request, SERVICES[scope.service], scope, request_id)
        else:
            return self._from_neighbours(request, scope, request_id)
        return _http(answer, request_id)

    def _target_health(self, request: Request, request_id: str) -> Answer | None:
        """Answer for the targets of a group that the world knows."""
        operation = BALANCING.operation("DescribeTargetHealth")
        try:
            params = checked(BALANCING, operation, QUERY.read(request, operation))
        except Refusal as refusal:
            return QUERY.refuse(refusal, BALANCING, request_id)
        result = self._stage.locked(lambda world: health(world, params))
        return None if result is None else QUERY.write(result, operation, request_id)

    def _from_world(self, request: Request, service: Service, scope: Scope, request_id: str) -> Answer:
        wire = wire_of(service) or spoken(request)
        try:
            operation = service.operation(wire.operation(request))
            params = checked(service, operation, wire.read(request, operation))
            caller = caller_of(scope, home=self._neighbours.home)
            delay = self._control.delays.take(operation.name)
            pause(delay.before_s)
            result = self._stage.call(service.name, operation.name, params, caller)
            pause(delay.after_s)
            return wire.write(result, operation, request_id)
        except Refusal as refusal:
            return wire.refuse(refusal, service, request_id)
        except Exception as error:
            LOG.error("the world failed at %s: %r", service.name, error)  # noqa: TRY400 - no traceback reaches a user
            LOG.debug("the world failed", exc_info=True)
            return wire.refuse(
                Refusal("InternalFailure", "the simulated world failed", 500), service, request_id
            )

    def _from_neighbours(self, request: Request, scope: Scope, request_id: str) -> Response:
        request.environ["wsgi.input"] = BytesIO(request.get_data())  # moto reads it again
        caller = caller_of(scope, home=self._neighbours.home)
        wire = REST if scope.service == "s3" else spoken(request)
        operation = wire.operation(request)
        try:
            self._stage.locked(lambda world: world.admit(caller.region))
            if operation == "DescribeTargetHealth" and (answer := self._target_health(request, request_id)):
                return _http(answer, request_id)
            response = self._neighbours.answer(request.environ, scope.service, operation, caller.account)
            outcome = ending(response)
        except Refusal as refusal:
            response = _http(wire.refuse(refusal, SERVICES["ecs"], request_id), request_id)
            outcome = refusal.code
        if scope.service in NEIGHBOURS and changes(operation):
            self._note(request, NEIGHBOURS[scope.service].service, caller, outcome)
        return response

    def _note(self, request: Request, service: Service, caller: Caller, outcome: str) -> None:
        """Write down a change that a neighbour made or refused; what cannot be read is not a call."""
        wire = REST if service.name == "s3" else spoken(request)
        try:
            operation = service.operation(wire.operation(request))
            params = checked(service, operation, wire.read(request, operation))
        except Refusal:
            return
        self._stage.note(service.name, operation.name, params, caller, outcome)


def _http(answer: Answer, request_id: str) -> Response:
    headers = {"x-amzn-RequestId": request_id, **answer.headers}
    return Response(answer.body, answer.status, headers, content_type=answer.content_type)
