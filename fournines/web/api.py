"""The same values for programs: JSON, metrics and health."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from flask import Blueprint, Response, abort, jsonify
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue
    from prometheus_client import CollectorRegistry

    from fournines.board import Board


def api(board: Board, registry: CollectorRegistry) -> Blueprint:
    """Return what programs read of a board, and the metrics of a registry."""
    blueprint = Blueprint("api", __name__)

    @blueprint.get("/metrics")
    def metrics() -> ResponseReturnValue:
        return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)

    @blueprint.get("/healthz")
    def healthz() -> ResponseReturnValue:
        trouble = board.trouble()
        return jsonify(ok=not trouble, trouble=trouble), 503 if trouble else 200

    @blueprint.get("/api/budgets")
    def budgets() -> ResponseReturnValue:
        return jsonify(board.overview().as_json())

    @blueprint.get("/api/spent")
    def spent() -> ResponseReturnValue:
        return jsonify([view.as_json() for view in board.spent()])

    @blueprint.get("/api/placements")
    def placements() -> ResponseReturnValue:
        return jsonify([row.as_json() for row in board.placements()])

    @blueprint.get("/api/collecting")
    def collecting() -> ResponseReturnValue:
        return jsonify([row.as_json() for row in board.collecting()])

    @blueprint.get("/api/incidents")
    def incidents() -> ResponseReturnValue:
        return jsonify([view.as_json() for view in board.incidents()])

    @blueprint.get("/api/incidents/<name>")
    def incident(name: str) -> ResponseReturnValue:
        view = board.incident(name) or abort(404)
        return jsonify(view.as_json())

    @blueprint.get("/api/journal")
    def journal() -> ResponseReturnValue:
        lines = (json.dumps(line, ensure_ascii=False) + "\n" for line in board.journal())
        return Response(lines, mimetype="application/x-ndjson")

    return blueprint
