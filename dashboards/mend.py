"""What grafanalib writes for Grafana 6, made what Grafana 10 to 13 read: dead keys and nulls go."""

from __future__ import annotations

import json
from typing import Any

#: Keys that no Grafana since 10 reads [grafanalib 0.7.1, core.py].
DEAD_DASHBOARD_KEYS = (
    "__inputs", "gnetId", "hideControls", "rows", "sharedCrosshair", "style", "version",
)  # fmt: skip
DEAD_PANEL_KEYS = (
    "cacheTimeout", "color", "columns", "editable", "error", "fontSize", "height", "hideTimeOverride",
    "mappings", "maxDataPoints", "minSpan", "span",
)  # fmt: skip

#: A null says something here: the lowest step of thresholds has no value, a provisioned dashboard no id.
NULLS_THAT_SPEAK = ("value", "id")


def finalise(dashboard: Any) -> dict[str, Any]:  # noqa: ANN401 - grafanalib has no type information
    """Return the dashboard as plain JSON values."""
    document = json.loads(json.dumps(dashboard, default=lambda part: part.to_json_data()))
    for key in DEAD_DASHBOARD_KEYS:
        document.pop(key, None)
    for panel in document["panels"]:
        _mend_panel(panel)
    pruned = _without_nulls(document)
    assert isinstance(pruned, dict)
    return pruned


def text(document: dict[str, Any]) -> str:
    """Return the one text of a dashboard: sorted, so that a change is a small diff."""
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _mend_panel(panel: dict[str, Any]) -> None:
    for key in DEAD_PANEL_KEYS:
        panel.pop(key, None)
    for key in ("repeat", "repeatDirection", "maxPerRow"):
        if not panel.get("repeat"):
            panel.pop(key, None)
    if panel["type"] in ("row", "text"):
        for key in ("fieldConfig", "datasource", "targets", "transformations", "interval"):
            panel.pop(key, None)
    custom = panel.get("fieldConfig", {}).get("defaults", {}).get("custom", {})
    if panel["type"] == "table":
        custom["cellOptions"] = {"type": custom.pop("displayMode", "auto")}
    legend = panel.get("options", {}).get("legend")
    if legend is not None:
        legend["showLegend"] = legend.get("displayMode") != "hidden"
    if panel["type"] == "timeseries":
        custom["scaleDistribution"] = {"type": "linear"}


def _without_nulls(value: object) -> object:
    if isinstance(value, dict):
        return {
            key: _without_nulls(inner)
            for key, inner in value.items()
            if inner is not None or key in NULLS_THAT_SPEAK
        }
    if isinstance(value, list):
        return [_without_nulls(inner) for inner in value]
    return value
