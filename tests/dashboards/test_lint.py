"""The linter says no, fault by fault."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest

from dashboards import lint
from dashboards.files import tree

if TYPE_CHECKING:
    from collections.abc import Callable

PATH = "dashboards/fournines/service.json"
GOOD: dict[str, Any] = {
    path: json.loads(text) for path, text in tree().items() if path.startswith("dashboards/")
}


def panel(page: dict[str, Any], number: int) -> dict[str, Any]:
    found = next(panel for panel in page["panels"] if panel["id"] == number)
    assert isinstance(found, dict)
    return found


def overlap(page: dict[str, Any]) -> None:
    panel(page, 3)["gridPos"] = panel(page, 2)["gridPos"]


def too_wide(page: dict[str, Any]) -> None:
    panel(page, 7)["gridPos"]["w"] = 10


def old_type(page: dict[str, Any]) -> None:
    panel(page, 9)["type"] = "graph"


def no_unit(page: dict[str, Any]) -> None:
    panel(page, 9)["fieldConfig"]["defaults"]["unit"] = ""


def no_words(page: dict[str, Any]) -> None:
    panel(page, 9)["description"] = ""


def zero_for_nothing(page: dict[str, Any]) -> None:
    del panel(page, 9)["fieldConfig"]["defaults"]["noValue"]


def first_step_has_a_value(page: dict[str, Any]) -> None:
    panel(page, 9)["fieldConfig"]["defaults"]["thresholds"]["steps"][0]["value"] = 0


def same_query_id(page: dict[str, Any]) -> None:
    for target in panel(page, 19)["targets"]:
        target["refId"] = "A"


def fixed_source(page: dict[str, Any]) -> None:
    panel(page, 9)["targets"][0]["datasource"] = {"type": "prometheus", "uid": "prom-1"}


def fixed_rate(page: dict[str, Any]) -> None:
    panel(page, 9)["targets"][0]["expr"] = 'rate(sli_bad_total{indicator="x"}[1m])'


def both_indicators(page: dict[str, Any]) -> None:
    panel(page, 9)["targets"][0]["expr"] = 'sum(sli_bad_total{service="$service"})'


def dead_link(page: dict[str, Any]) -> None:
    page["description"] = "see /d/nowhere"


def unknown_variable(page: dict[str, Any]) -> None:
    panel(page, 9)["title"] = "$planet"


def unused_variable(page: dict[str, Any]) -> None:
    page["templating"]["list"].append({"type": "constant", "name": "idle", "query": "1"})


def stale_variable(page: dict[str, Any]) -> None:
    page["templating"]["list"][2]["refresh"] = 1


def same_panel_id(page: dict[str, Any]) -> None:
    panel(page, 3)["id"] = 2


def editable(page: dict[str, Any]) -> None:
    page["editable"] = True


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (overlap, "panels 2 and 3 overlap"),
        (too_wide, "panel 7 reaches beyond column 24"),
        (old_type, "is of type 'graph', which current Grafana does not draw"),
        (no_unit, "needs a unit"),
        (no_words, "needs a description"),
        (zero_for_nothing, "must say what it shows without data: nothing must not look like 0"),
        (first_step_has_a_value, "needs thresholds whose lowest step has no value"),
        (same_query_id, "has two queries of the same refId"),
        (fixed_source, "names a data source instead of a variable"),
        (fixed_rate, "takes a rate over something else than $__rate_interval"),
        (both_indicators, "mixes indicators: select one, or an objective"),
        (dead_link, "links to 'nowhere', which is no page"),
        (unknown_variable, "uses $planet, which is no variable"),
        (unused_variable, "has a variable 'idle' that nothing uses"),
        (stale_variable, "the variable 'service' must refresh when the time range changes"),
        (same_panel_id, "two panels share an id"),
        (editable, "is editable, but a provisioned page is kept in files"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_fault_is_found_and_named(spoil: Callable[[dict[str, Any]], None], expected: str) -> None:
    pages = copy.deepcopy(GOOD)
    spoil(pages[PATH])
    found = lint.problems(pages)
    assert any(fault.endswith(expected) for fault in found), found
    assert all(fault.startswith(PATH) for fault in found)


def test_our_own_pages_have_no_fault() -> None:
    assert lint.problems(GOOD) == ()
