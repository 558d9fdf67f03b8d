"""What is wrong with a dashboard before Grafana sees it: a sentence for each fault, none for a good page.

Partly after the rules of grafana/dashboard-linter.  Whether metrics exist is asked where the families are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations
from typing import Any

Document = Mapping[str, Any]

PANEL_TYPES = frozenset({"row", "stat", "state-timeline", "table", "text", "timeseries"})
UID_LENGTH_MAX = 40
COLUMNS = 24

_USED = re.compile(r"\$\{?([a-z_][a-zA-Z0-9_]*)")
_DASHBOARD = re.compile(r"/d/([\w-]+)")


def problems(pages: Mapping[str, Document]) -> tuple[str, ...]:
    """Return every fault of every page, by the page's path."""
    uids = {page.get("uid", "") for page in pages.values()}
    found = [f"{path}: {fault}" for path, page in pages.items() for fault in _page(page, uids)]
    if len(uids) < len(pages):
        found.append("two pages share a uid")
    return tuple(found)


def _page(page: Document, uids: set[str]) -> Iterator[str]:
    yield from _head(page)
    yield from _variables(page)
    yield from _layout(page["panels"])
    for panel in page["panels"]:
        where = f"panel {panel['id']} {panel['title']!r}"
        yield from (f"{where} {fault}" for fault in _panel(panel))
    linked = set(_DASHBOARD.findall(json.dumps(page)))
    yield from (f"links to {uid!r}, which is no page" for uid in sorted(linked - uids))


def _head(page: Document) -> Iterator[str]:
    if not 0 < len(page["uid"]) <= UID_LENGTH_MAX:
        yield f"its uid has 1 to {UID_LENGTH_MAX} characters"
    if page["editable"]:
        yield "is editable, but a provisioned page is kept in files"
    if re.fullmatch(r"\d+s", page["refresh"]):
        yield "refreshes more often than once a minute, and CloudWatch queries are billed"
    if not page["description"]:
        yield "needs a description"


def _variables(page: Document) -> Iterator[str]:
    declared = {variable["name"] for variable in page["templating"]["list"]}
    body = {key: value for key, value in page.items() if key != "templating"}
    queries = [variable.get("query", "") for variable in page["templating"]["list"]]
    used = {name for name in _USED.findall(json.dumps([body, queries])) if not name.startswith("__")}
    yield from (f"uses ${name}, which is no variable" for name in sorted(used - declared))
    yield from (f"has a variable {name!r} that nothing uses" for name in sorted(declared - used))
    for variable in page["templating"]["list"]:
        if variable["type"] == "query" and variable["refresh"] != 2:  # noqa: PLR2004 - "on time range change"
            yield f"the variable {variable['name']!r} must refresh when the time range changes"


def _layout(panels: Iterable[Document]) -> Iterator[str]:
    places = [(panel["id"], panel["gridPos"]) for panel in panels]
    if len({number for number, _ in places}) < len(places):
        yield "two panels share an id"
    for number, place in places:
        if place["x"] + place["w"] > COLUMNS:
            yield f"panel {number} reaches beyond column {COLUMNS}"
    for (one, a), (other, b) in combinations(places, 2):
        if _overlap(a, b):
            yield f"panels {one} and {other} overlap"


def _overlap(a: Mapping[str, int], b: Mapping[str, int]) -> bool:
    aside = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
    apart = a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
    return not (aside or apart)


def _panel(panel: Document) -> Iterator[str]:
    if panel["type"] not in PANEL_TYPES:
        yield f"is of type {panel['type']!r}, which current Grafana does not draw"
    if not panel["title"]:
        yield "needs a title"
    if panel["type"] == "row":
        return
    if not panel.get("description"):
        yield "needs a description"
    if panel["type"] == "text":
        return
    defaults = panel["fieldConfig"]["defaults"]
    if not defaults.get("unit"):
        yield "needs a unit"
    if "noValue" not in defaults:
        yield "must say what it shows without data: nothing must not look like 0"
    steps = defaults["thresholds"]["steps"]
    if not steps or steps[0]["value"] is not None:
        yield "needs thresholds whose lowest step has no value"
    yield from _targets(panel["targets"])


def _targets(targets: list[Document]) -> Iterator[str]:
    if not targets:
        yield "asks nothing"
    if len({target["refId"] for target in targets}) < len(targets):
        yield "has two queries of the same refId"
    for target in targets:
        if not str(target["datasource"].get("uid", "")).startswith("${"):
            yield "names a data source instead of a variable"
        expr = target.get("expr", "")
        if re.search(r"\brate\(", expr) and "$__rate_interval" not in expr:
            yield "takes a rate over something else than $__rate_interval"
        if re.search(r"\bsl[io]_", expr) and not re.search(r"indicator=|objective=", expr):
            yield "mixes indicators: select one, or an objective"
