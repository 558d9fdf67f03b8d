"""The web page and its JSON as one application: read only, without scripts, nothing loaded from elsewhere."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from flask import Flask, Response, jsonify, render_template, request

from fournines.views.evidence import said
from fournines.web import api, gate, pages

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue
    from prometheus_client import CollectorRegistry
    from werkzeug.exceptions import NotFound

    from fournines.board import Board

REFRESH_S = 30

#: Nothing is loaded from elsewhere, nothing is run, nobody may frame the page.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


def app(board: Board, registry: CollectorRegistry, *, refresh_s: int = REFRESH_S) -> Flask:
    """Return the application over a board and the metrics of a registry."""
    flask = Flask("fournines.web", template_folder="templates", static_folder=None)
    flask.jinja_options = {"autoescape": True, "trim_blocks": True, "lstrip_blocks": True}
    flask.jinja_env.filters |= {"moment": moment, "brief": brief, "said": said}
    flask.register_blueprint(pages.pages(board))
    flask.register_blueprint(api.api(board, registry))
    flask.register_blueprint(gate.gate(board))

    @flask.after_request
    def guard(response: Response) -> Response:
        response.headers.update(HEADERS)
        return response

    @flask.context_processor
    def around() -> dict[str, object]:
        return {
            "now": board.now(),
            "here": request.path,
            "refresh": not request.path.startswith("/runbooks"),
            "refresh_s": refresh_s,
            "trouble": board.trouble(),
            "footer": board.footer(),
        }

    @flask.errorhandler(404)
    def missing(_error: NotFound) -> ResponseReturnValue:
        if request.path.startswith("/api/"):
            return jsonify(error=f"{request.path} is not known"), 404
        return render_template("missing.html.j2"), 404

    return flask


def moment(value: datetime) -> str:
    """Return a moment as it is shown: always UTC, and saying so."""
    return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def brief(value: datetime) -> str:
    """Return a moment where many stand below each other: without its year."""
    return value.astimezone(UTC).strftime("%b %d %H:%M:%S UTC")
