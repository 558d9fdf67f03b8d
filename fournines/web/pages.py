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


def pages(board: Board) -> Blueprint:
    """Return the pages over a board."""
    blueprint = Blueprint("pages", __name__)
    style = files("fournines.web").joinpath("templates/style.css").read_text(encoding="utf-8")
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")

    @blueprint.get("/")
    def budgets() -> ResponseReturnValue:
        budgets = board.budgets()
        return render_template(
            "budgets.html.j2",
            tiles=board.tiles(budgets),
            incidents=board.incidents(only_open=True),
            automation=board.automation(),
            attention=[row for row in budgets if row.needs_attention],
            others=[row for row in budgets if not row.needs_attention],
        )

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
