"""The gate for pipelines that ask over HTTP.  Read only: an override is given at the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, jsonify, request

from fournines.trouble import Trouble
from remediation.quarantine import named
from slo.budget_policies import Answer

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from fournines.board import Board

#: For those who look at nothing but the status: a conflict, or not known now.
STRICT = {Answer.ALLOW: 200, Answer.WARN: 200, Answer.FREEZE: 409, Answer.UNKNOWN: 503}


def gate(board: Board) -> Blueprint:
    """Return the gate over a board."""
    blueprint = Blueprint("gate", __name__)

    @blueprint.get("/api/gate")
    def ask() -> ResponseReturnValue:
        service = request.args.get("service")
        if not service:
            return jsonify(error="name a service: /api/gate?service=NAME"), 400
        try:
            names = named(request.args.get("task_definition") or None, request.args.getlist("digest"))
        except ValueError as wrong:
            return jsonify(error=str(wrong)), 400
        try:
            view = board.gate(service, request.args.get("region") or None, names)
        except Trouble as trouble:
            return jsonify(error=str(trouble)), 404
        strict = request.args.get("strict") == "1"
        return jsonify(view.as_json()), STRICT[view.answer] if strict else 200

    return blueprint
