"""Panels with the house's habits, on grafanalib: each has a title, a description, a unit and sourced limits.

grafanalib 0.7.1 knows Grafana 8; what newer ones read besides comes in through `extraJson`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from grafanalib.core import RowPanel, Stat, StateTimeline, Table, TableSortByField, Text, TimeSeries

from dashboards.targets import Query

Step = Mapping[str, object]


def steps(lowest: str, *above: tuple[float, str]) -> tuple[Step, ...]:
    """Return threshold steps: a colour for everything, then one from each value upwards."""
    return (
        {"color": lowest, "value": None},
        *({"color": color, "value": value} for value, color in above),
    )


#: Burn rates where a tier fires [https://sre.google/workbook/alerting-on-slos/]; 1 is exactly sustainable.
BURN = steps("green", (1, "yellow"), (6, "orange"), (14.4, "red"))
#: What is left of a budget: overspent, nearly, half, well.
LEFT = steps("red", (0.0, "orange"), (0.25, "yellow"), (0.5, "green"))
#: CloudWatch's minutes are two to three old when they settle.
AGE_S = steps("green", (300, "orange"), (900, "red"))
#: What is not known is not good.
COVERAGE = steps("red", (0.95, "orange"), (0.999, "green"))
#: Something that should not be there at all.
ANY = steps("green", (1, "red"))
ANY_MILD = steps("green", (1, "orange"))
PLAIN = steps("blue")

NO_DATA = "no data"


@dataclass(frozen=True, slots=True)
class Tile:
    """A panel and the room it takes: `width` of 24 columns, `height` in rows of 30 pixels."""

    panel: Any  # grafanalib has no type information
    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a table: what it is called, and how its value reads."""

    title: str
    query: Query
    unit: str
    steps: Sequence[Step] = PLAIN
    decimals: int | None = None
    bar: bool = False


def _common(panel_id: int, title: str, description: str, queries: Sequence[Query]) -> dict[str, Any]:
    return {
        "id": panel_id,
        "title": title,
        "description": description,
        "dataSource": queries[0].datasource,
        "targets": [query.target(chr(ord("A") + n)) for n, query in enumerate(queries)],
        "editable": False,
    }


def stat(  # noqa: PLR0913 - a panel is said in one place
    panel_id: int,
    title: str,
    description: str,
    query: Query,
    *,
    unit: str,
    limits: Sequence[Step] = PLAIN,
    decimals: int | None = None,
    words: Mapping[str, str] | None = None,
    width: int = 4,
) -> Tile:
    """One number, coloured by its limits; `words` replaces values by text."""
    panel = Stat(
        **_common(panel_id, title, description, (query,)),
        format=unit,
        thresholds=list(limits),
        decimals=decimals,
        noValue=NO_DATA,
        reduceCalc="lastNotNull",
        colorMode="value",
        graphMode="none",
        mappings=_mappings(words or {}),
        extraJson={"fieldConfig": {"defaults": {"color": {"mode": "thresholds"}}}},
    )
    return Tile(panel, width, 4)


def lines(  # noqa: PLR0913 - a panel is said in one place
    panel_id: int,
    title: str,
    description: str,
    *queries: Query,
    unit: str,
    limits: Sequence[Step] | None = None,
    bars: bool = False,
    lowest: float | None = 0,
    width: int = 12,
) -> Tile:
    """Curves over time; `limits` are drawn as dashed lines; `bars` stacks amounts."""
    panel = TimeSeries(
        **_common(panel_id, title, description, queries),
        unit=unit,
        thresholds=list(limits or PLAIN),
        thresholdsStyleMode="dashed" if limits else "off",
        drawStyle="bars" if bars else "line",
        fillOpacity=60 if bars else 8,
        lineWidth=1,
        stacking={"mode": "normal", "group": "A"} if bars else {"mode": "none", "group": "A"},
        showPoints="never",
        tooltipMode="multi",
        tooltipSort="desc",
        extraJson={"fieldConfig": {"defaults": {"min": lowest, "noValue": NO_DATA}}},
    )
    return Tile(panel, width, 8)


def timeline(  # noqa: PLR0913 - a panel is said in one place
    panel_id: int,
    title: str,
    description: str,
    query: Query,
    *,
    words: Mapping[str, str],
    limits: Sequence[Step],
    width: int = 24,
) -> Tile:
    """One stripe per series, coloured by state."""
    panel = StateTimeline(
        **_common(panel_id, title, description, (query,)),
        thresholds=list(limits),
        mappings=_mappings(words),
        fillOpacity=80,
        showValue="never",
        extraJson={"fieldConfig": {"defaults": {"unit": "none", "noValue": NO_DATA}}},
    )
    return Tile(panel, width, 6)


def table(  # noqa: PLR0913 - a panel is said in one place
    panel_id: int,
    title: str,
    description: str,
    *columns: Column,
    labels: Mapping[str, str],
    links: Mapping[str, tuple[str, str]] | None = None,
    worst_first: str,
    descending: bool = False,
    width: int = 24,
    height: int = 10,
) -> Tile:
    """One row per label set: `labels` maps the labels that are shown to their titles.

    `links` maps such a label to (title, url) of what its cell opens; `worst_first` is the column to sort by.
    """
    queries = [column.query for column in columns]
    values = {f"Value #{chr(ord('A') + n)}": column.title for n, column in enumerate(columns)}
    names = {**labels, **values}
    panel = Table(
        **_common(panel_id, title, description, queries),
        unit="none",
        thresholds=list(PLAIN),
        overrides=[
            *(_link(labels[label], *target) for label, target in (links or {}).items()),
            *(_column(column) for column in columns),
        ],
        transformations=[
            {"id": "merge", "options": {}},
            {
                "id": "organize",
                "options": {
                    "excludeByName": {"Time": True},
                    "indexByName": {name: place for place, name in enumerate(names)},
                    "renameByName": names,
                },
            },
        ],
        sortBy=[TableSortByField(worst_first, descending)],
        extraJson={"fieldConfig": {"defaults": {"noValue": NO_DATA}}},
    )
    return Tile(panel, width, height)


def text(panel_id: int, title: str, markdown: str, *, width: int = 24, height: int = 5) -> Tile:
    """Return a panel of Markdown: what to do, where to read on."""
    panel = Text(
        id=panel_id, title=title, description=title, content=markdown, mode="markdown", editable=False
    )
    return Tile(panel, width, height)


def row(panel_id: int, title: str) -> Tile:
    """Return a heading over the panels that follow."""
    return Tile(RowPanel(id=panel_id, title=title, editable=False), 24, 1)


def _mappings(words: Mapping[str, str]) -> list[dict[str, Any]]:
    options = {value: {"text": word, "index": n} for n, (value, word) in enumerate(words.items())}
    return [{"type": "value", "options": options}] if options else []


def _column(column: Column) -> dict[str, Any]:
    kind = {"type": "gauge", "mode": "basic"} if column.bar else {"type": "color-text"}
    properties: list[dict[str, Any]] = [
        {"id": "unit", "value": column.unit},
        {"id": "thresholds", "value": {"mode": "absolute", "steps": list(column.steps)}},
        {"id": "custom.cellOptions", "value": kind},
    ]
    if column.bar:
        properties += [{"id": "min", "value": 0}, {"id": "max", "value": 1}]
    if column.decimals is not None:
        properties.append({"id": "decimals", "value": column.decimals})
    return {"matcher": {"id": "byName", "options": column.title}, "properties": properties}


def _link(column: str, title: str, url: str) -> dict[str, Any]:
    link = {"title": title, "url": url, "targetBlank": False}
    return {"matcher": {"id": "byName", "options": column}, "properties": [{"id": "links", "value": [link]}]}
