"""The pages for people."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from flask import Blueprint, Response, abort, render_template
from markdown_it import MarkdownIt
from markupsafe import Markup

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from fournines.board import Board


#: What the page of one budget draws.
DRAWN = ("burn_down", "heat_map", "strips")


def pages(board: Board) -> Blueprint:
    """Return the pages over a board."""
    blueprint = Blueprint("pages", __name__)
    style = files("fournines.web").joinpath("templates/style.css").read_text(encoding="utf-8")
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")

    @blueprint.get("/")
    def budgets() -> ResponseReturnValue:
        seen = board.overview()
        return render_template(
            "budgets.html.j2",
            tiles=board.tiles(seen.placements),
            incidents=board.incidents(only_open=True),
            automation=board.automation(),
            contracts=seen.contracts,
            composites=seen.composites,
            attention=[row for row in seen.services if row.needs_attention],
            others=[row for row in seen.services if not row.needs_attention],
            placements=seen.placements,
            gates=board.gates_by_service(),
        )

    @blueprint.get("/budgets/<objective>/<service>")
    def budget(objective: str, service: str) -> ResponseReturnValue:
        view = board.detail(objective, service) or abort(404)
        drawn = {name: Markup(getattr(view, name)) for name in DRAWN}  # noqa: S704 - drawn by us, words escaped
        gate = board.gates_by_service().get(service)
        return render_template("budget.html.j2", view=view, row=view.row, gate=gate, **drawn)

    @blueprint.get("/incidents")
    def incidents() -> ResponseReturnValue:
        return render_template("incidents.html.j2", incidents=board.incidents())

    @blueprint.get("/incidents/<name>")
    def incident(name: str) -> ResponseReturnValue:
        return render_template("incident.html.j2", view=board.incident(name) or abort(404))

    @blueprint.get("/runbooks")
    def runbooks() -> ResponseReturnValue:
        return render_template("runbook.html.j2", title="Runbooks", shelf=board.runbooks(), body=None)

    @blueprint.get("/runbooks/<name>")
    def runbook(name: str) -> ResponseReturnValue:
        text = board.runbook(name) or abort(404)
        body = Markup(markdown.render(text))  # noqa: S704 - rendered from Markdown with HTML switched off
        return render_template("runbook.html.j2", title=name, body=body)

    @blueprint.get("/style.css")
    def stylesheet() -> ResponseReturnValue:
        return Response(style, mimetype="text/css")

    return blueprint
