"""A month's statement as HTML and PDF, laid out from one sheet.  No number is made here."""

from __future__ import annotations

import json
from importlib import resources
from typing import TYPE_CHECKING

import jinja2
import typst

from fournines.paper import charts, sheet
from fournines.paper.palette import PRINT, SCREEN

if TYPE_CHECKING:
    from slo.statement import Statement

_TEMPLATES = resources.files("fournines.paper") / "templates"


def html(statement: Statement) -> str:
    """Return one page that needs nothing else: no script, no font, no image from anywhere."""
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    template = environment.from_string((_TEMPLATES / "statement.html.j2").read_text(encoding="utf-8"))
    return template.render(
        sheet=sheet.lay(statement),
        style=(_TEMPLATES / "statement.css").read_text(encoding="utf-8"),
        burn_down=charts.burn_down(statement, SCREEN),
        heat=charts.heat_map(statement, SCREEN),
        strips=charts.region_strips(statement, SCREEN),
    )


def pdf(statement: Statement) -> bytes:
    """Return an accessible PDF (PDF/UA-1): tagged, the same bytes each time, from the fonts inside typst."""
    inputs = {
        "sheet": json.dumps(sheet.lay(statement).plain(), ensure_ascii=False),
        "burndown": charts.burn_down(statement, PRINT),
        "heat": charts.heat_map(statement, PRINT),
        "strips": charts.region_strips(statement, PRINT),
    }
    made = typst.compile(
        (_TEMPLATES / "statement.typ").read_bytes(),
        format="pdf",
        sys_inputs=inputs,
        pdf_standards=["ua-1"],
        ignore_system_fonts=True,
    )
    assert isinstance(made, bytes)
    return made
