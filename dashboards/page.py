"""A page: what it asks for (variables), what it shows (tiles, laid out), what it marks, where it leads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import attr
from grafanalib.core import Annotations, Dashboard, Templating, Time, TimePicker

from dashboards.panels import Tile
from dashboards.targets import CLOUDWATCH, PROMETHEUS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

COLUMNS = 24
TAG = "fournines"

#: 39 is what Grafana 10 writes; Amazon Managed Grafana still offers 10, and newer ones convert on load.
SCHEMA_VERSION = 39

Variable = dict[str, Any]
Annotation = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One dashboard.  `uid` is part of its address and never changes."""

    uid: str
    title: str
    description: str
    variables: Sequence[Variable]
    tiles: Sequence[Tile]
    annotations: Sequence[Annotation] = ()
    span: str = "now-6h"
    refresh: str = "1m"


def datasource(kind: str) -> Variable:
    """Let the reader choose a data source of a kind; the variable has its name."""
    return {"type": "datasource", "name": kind, "label": kind.capitalize(), "query": kind, "hide": 0}


def labels(name: str, label: str, metric: str, *, title: str, multi: bool = False) -> Variable:
    """Let the reader choose among a label's values."""
    every = {"includeAll": True, "multi": True, "current": {"text": "All", "value": "$__all"}}
    return {
        "type": "query",
        "name": name,
        "label": title,
        "datasource": PROMETHEUS,
        "query": {
            "qryType": 1,
            "query": f"label_values({metric}, {label})",
            "refId": "PrometheusVariableQueryEditor-VariableQuery",
        },
        "definition": f"label_values({metric}, {label})",
        "refresh": 2,
        "sort": 1,
        "hide": 0,
        **(every if multi else {"includeAll": False, "multi": False}),
    }


def dimension(  # noqa: PLR0913 - CloudWatch asks for all of them
    name: str, key: str, *, namespace: str, metric: str, title: str, within: Mapping[str, str]
) -> Variable:
    """Let the reader choose among a CloudWatch dimension's values in the chosen region."""
    return {
        "type": "query",
        "name": name,
        "label": title,
        "datasource": CLOUDWATCH,
        "query": {
            "queryType": "dimensionValues",
            "region": "$region",
            "namespace": namespace,
            "metricName": metric,
            "dimensionKey": key,
            "dimensionFilters": dict(within),
            "refId": "CloudWatchVariableQueryEditor-VariableQuery",
        },
        "refresh": 2,
        "sort": 1,
        "hide": 0,
        "includeAll": False,
        "multi": False,
    }


def choice(name: str, *values: str, title: str) -> Variable:
    """Let the reader choose among fixed values; the first is the default."""
    options = [{"text": value, "value": value, "selected": n == 0} for n, value in enumerate(values)]
    return {
        "type": "custom",
        "name": name,
        "label": title,
        "query": ",".join(values),
        "options": options,
        "current": options[0],
        "includeAll": False,
        "multi": False,
        "hide": 0,
    }


def constant(name: str, value: str) -> Variable:
    """Keep a value that links use; hidden."""
    return {"type": "constant", "name": name, "query": value, "hide": 2, "skipUrlSync": True}


def marks(name: str, expr: str, *, title: str, words: str, color: str) -> Annotation:
    """Mark the moments at which an expression has a value."""
    return {
        "name": name,
        "enable": True,
        "iconColor": color,
        "datasource": PROMETHEUS,
        "expr": expr,
        "titleFormat": title,
        "textFormat": words,
        "step": "60s",
        "useValueForTime": False,
    }


def build(page: Page) -> Dashboard:
    """Return the page as grafanalib's dashboard, its tiles laid out."""
    return Dashboard(
        uid=page.uid,
        title=page.title,
        description=page.description,
        tags=[TAG],
        editable=False,
        schemaVersion=SCHEMA_VERSION,
        graphTooltip=1,
        time=Time(page.span, "now"),
        timePicker=TimePicker(refreshIntervals=["1m", "5m", "15m", "1h"], timeOptions=[]),
        timezone="utc",
        refresh=page.refresh,
        links=_links(),
        templating=Templating(list=list(page.variables)),
        annotations=Annotations(list=list(page.annotations)),
        panels=[tile.panel for tile in laid_out(page.tiles)],
    )


def laid_out(tiles: Iterable[Tile]) -> list[Tile]:
    """Place tiles from left to right, a new line when one does not fit; return them with their places."""
    placed: list[Tile] = []
    left = top = line = 0
    for tile in tiles:
        if left + tile.width > COLUMNS:
            left, top, line = 0, top + line, 0
        place = {"x": left, "y": top, "w": tile.width, "h": tile.height}
        placed.append(replace(tile, panel=attr.evolve(tile.panel, gridPos=place)))
        left, line = left + tile.width, max(line, tile.height)
    return placed


def _links() -> list[dict[str, Any]]:
    pages = {"type": "dashboards", "tags": [TAG], "asDropdown": False, "title": "", "url": ""}
    home = {"type": "link", "title": "Incidents", "url": "${fournines}/", "tags": [], "asDropdown": False}
    same = {
        "includeVars": True,
        "keepTime": True,
        "icon": "external link",
        "targetBlank": False,
        "tooltip": "",
    }
    return [{**same, **pages}, {**same, **home, "includeVars": False, "keepTime": False}]
