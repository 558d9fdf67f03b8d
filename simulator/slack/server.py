"""The workspace over HTTP: Slack's Web API for real clients, a page for people, and a door for faults.

`GET /` is the page, `GET /_slack/messages` the messages as JSON, `POST /_slack/fault` breaks what comes next.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from threading import Lock
from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Request, Response

from simulator.slack.page import render, told_at
from simulator.slack.workspace import Dropped, Message, Outage, Refusal, Workspace, outage

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIEnvironment

#: What the app may do, as Slack says it with every answer.
SCOPES = "channels:history,chat:write"
#: The answer to a dropped post: it announces more bytes than come, and the connection closes.
CUT_SHORT_BYTES = 512


Method = Callable[[Workspace, Mapping[str, Any], datetime], dict[str, Any]]


class SlackServer:
    """A WSGI application around one workspace."""

    def __init__(self, workspace: Workspace, read_clock: Callable[[], datetime] | None = None) -> None:
        self.workspace = workspace
        self._now = read_clock or _wall_clock
        self._lock = Lock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request; the workspace is asked by one thread at a time."""
        request = Request(environ)
        with self._lock:
            try:
                response = self._answer(request)
            except Outage:
                response = Response("Slack is down (a simulated outage).\n", 503)
            except Dropped:
                start_response("200 OK", [("Content-Length", str(CUT_SHORT_BYTES))])
                return [b"{"]
        return response(environ, start_response)

    def _answer(self, request: Request) -> Response:
        if request.path.startswith("/api/"):
            return self._api(request)
        match request.method, request.path:
            case "GET", "/":
                return Response(render(self.workspace), content_type="text/html; charset=utf-8")
            case "GET", "/_slack/messages":
                return _json(
                    {"messages": [told(self.workspace, each) for each in self.workspace.messages.values()]}
                )
            case "POST", "/_slack/fault":
                return self._fault(request)
            case _:
                return _json({"error": f"no such page: {request.method} {request.path}"}, 404)

    def _api(self, request: Request) -> Response:
        name, now = request.path.removeprefix("/api/"), self._now()
        try:
            self.workspace.authenticate(_token(request), now)
            response = _json({"ok": True} | _method(name)(self.workspace, _arguments(request), now))
        except Refusal as refusal:
            return _refused(refusal)
        response.headers["X-OAuth-Scopes"] = SCOPES
        return response

    def _fault(self, request: Request) -> Response:
        try:
            fault = json.loads(request.get_data() or b"{}")
            plan_fault(self.workspace, fault, self._now())
        except (ValueError, TypeError, AttributeError) as error:
            return _json({"error": str(error), "kinds": sorted(FAULTS)}, 400)
        return _json({"planned": fault})


def plan_fault(workspace: Workspace, fault: Mapping[str, Any], now: datetime) -> None:
    """Make the next thing fail: `{"kind": "outage", "seconds": 30}` and its like, see `FAULTS`."""
    kind = fault.get("kind")
    if kind not in FAULTS:
        raise ValueError(f"kind must be one of {', '.join(sorted(FAULTS))}, got {kind!r}")
    FAULTS[kind](workspace, fault, now)


def _outage(workspace: Workspace, fault: Mapping[str, Any], now: datetime) -> None:
    workspace.faults.outages.append(outage(now, float(fault.get("seconds", 60))))


def _drop(workspace: Workspace, fault: Mapping[str, Any], _now: datetime) -> None:
    workspace.faults.drops = int(fault.get("count", 1))


def _throttle(workspace: Workspace, fault: Mapping[str, Any], _now: datetime) -> None:
    workspace.faults.throttles = int(fault.get("count", 1))
    workspace.faults.retry_after_s = int(fault.get("retry_after_s", 1))


def _refuse(workspace: Workspace, fault: Mapping[str, Any], _now: datetime) -> None:
    workspace.faults.refusals = int(fault.get("count", 1))
    workspace.faults.error = str(fault.get("error", "fatal_error"))


def _heal(workspace: Workspace, _fault: Mapping[str, Any], _now: datetime) -> None:
    workspace.faults = type(workspace.faults)()


FAULTS = {
    "outage": _outage,
    "drop_after_accept": _drop,
    "ratelimited": _throttle,
    "refusal": _refuse,
    "none": _heal,
}


def told(workspace: Workspace, message: Message) -> dict[str, Any]:
    """Return a message with its channel's name and the time that it is about, for those who judge."""
    return asdict(message) | {
        "channel_name": workspace.channels[message.channel],
        "at": told_at(message),
    }


def _auth_test(workspace: Workspace, _arguments: Mapping[str, Any], _now: datetime) -> dict[str, Any]:
    return {
        "url": "https://simulated.slack.com/",
        "team": workspace.name,
        "team_id": "T0SIMULATED",
        "user": "fournines",
        "user_id": "U0FOURNINES",
        "bot_id": "B0FOURNINES",
    }


def _post_message(workspace: Workspace, arguments: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    message = workspace.post(arguments, now)
    return {"channel": message.channel, "ts": message.ts, "message": _slack_message(message)}


def _update(workspace: Workspace, arguments: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    message = workspace.update(arguments, now)
    return {
        "channel": message.channel,
        "ts": message.ts,
        "text": message.text,
        "message": _slack_message(message),
    }


def _delete(workspace: Workspace, arguments: Mapping[str, Any], _now: datetime) -> dict[str, Any]:
    return {"channel": arguments.get("channel"), "ts": workspace.delete(arguments)}


def _history(workspace: Workspace, arguments: Mapping[str, Any], _now: datetime) -> dict[str, Any]:
    return _listed(workspace.history(arguments))


def _replies(workspace: Workspace, arguments: Mapping[str, Any], _now: datetime) -> dict[str, Any]:
    return _listed(workspace.replies(arguments))


METHODS = {
    "auth.test": _auth_test,
    "chat.delete": _delete,
    "chat.postMessage": _post_message,
    "chat.update": _update,
    "conversations.history": _history,
    "conversations.replies": _replies,
}


def _method(name: str) -> Method:
    method = METHODS.get(name)
    if method is None:
        raise Refusal("unknown_method", details=[f"the simulated Slack has no {name}"])
    return method


def _listed(messages: list[Message]) -> dict[str, Any]:
    return {"messages": [_slack_message(message) for message in messages], "has_more": False}


def _slack_message(message: Message) -> dict[str, Any]:
    """Return a message as Slack's own JSON has it."""
    shown: dict[str, Any] = {"type": "message", "subtype": "bot_message", "bot_id": "B0FOURNINES",
                             "username": message.user, "text": message.text, "ts": message.ts}  # fmt: skip
    if message.blocks:
        shown["blocks"] = message.blocks
    if message.metadata:
        shown["metadata"] = message.metadata
    if message.thread:
        shown["thread_ts"] = message.thread
    if message.edited_at:
        shown["edited"] = {"user": "B0FOURNINES", "ts": f"{message.edited_at.timestamp():.6f}"}
    return shown


def _token(request: Request) -> str:
    bearer = request.headers.get("Authorization", "")
    return bearer.removeprefix("Bearer ").strip() or request.values.get("token", "")


def _arguments(request: Request) -> Mapping[str, Any]:
    if request.mimetype != "application/json":
        return request.values.to_dict()
    try:
        arguments = json.loads(request.get_data() or b"{}")
    except ValueError:
        raise Refusal("invalid_json") from None
    if not isinstance(arguments, dict):
        raise Refusal("json_not_object")
    return arguments


def _refused(refusal: Refusal) -> Response:
    body: dict[str, Any] = {"ok": False, "error": refusal.error}
    if refusal.details:
        messages = [f"[ERROR] {detail}" for detail in refusal.details]
        body |= {"errors": list(refusal.details), "response_metadata": {"messages": messages}}
    if refusal.retry_after_s is None:
        return _json(body)
    response = _json(body, 429)
    response.headers["Retry-After"] = str(refusal.retry_after_s)
    return response


def _json(body: object, status: int = 200) -> Response:
    text = json.dumps(body, ensure_ascii=False, default=_time)
    return Response(text, status, content_type="application/json; charset=utf-8")


def _time(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"cannot be said in JSON: {value!r}")


def _wall_clock() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - Slack's own clock is the wall's
