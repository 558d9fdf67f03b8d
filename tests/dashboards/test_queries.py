"""No query names a metric or label that nothing exports, and each can be parsed."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import promql_parser
import pytest

from collector import catalog
from dashboards import queries
from dashboards.files import tree
from remediation import metrics as told
from slo import metrics as slo
from slo.metrics import Family, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PAGES: Mapping[str, dict[str, Any]] = {
    path.removesuffix(".json").rsplit("/", 1)[-1]: json.loads(text)
    for path, text in tree().items()
    if path.endswith(".json")
}
FAMILIES = {family.name: family for family in (*slo.FAMILIES, *catalog.FAMILIES, *told.FAMILIES)}

#: Labels that Prometheus itself adds.
ADDED = {"job", "instance"}


def exported(families: Mapping[str, Family]) -> dict[str, set[str]]:
    """The names of samples, with their labels: a histogram has three."""
    found: dict[str, set[str]] = {}
    for family in families.values():
        labels = set(family.labels)
        if family.kind is Kind.HISTOGRAM:
            found |= {f"{family.name}_bucket": labels | {"le"}}
            found |= {f"{family.name}_sum": labels, f"{family.name}_count": labels}
        else:
            found[family.name] = labels
    return found


EXPORTED = exported(FAMILIES)


def expressions(page: dict[str, Any]) -> Iterator[str]:
    for panel in page["panels"]:
        yield from (target["expr"] for target in panel.get("targets", ()) if "expr" in target)
    yield from (mark["expr"] for mark in page["annotations"]["list"])


def selectors(page: dict[str, Any]) -> Iterator[str]:
    """What variables ask: `label_values(metric{...}, label)`."""
    for variable in page["templating"]["list"]:
        if isinstance(variable["query"], dict) and "query" in variable["query"]:
            yield variable["query"]["query"]


def plain(expr: str) -> str:
    """An expression without Grafana's macros and variables, which no parser knows."""
    expr = re.sub(r"\$__(rate_interval|interval|range)", "5m", expr)
    return re.sub(r"\$\w+", "x", expr)


def strange(expr: str) -> list[str]:
    """Name each metric that is not exported, and each label that its metrics do not have."""
    tree_ = str(promql_parser.parse(plain(expr)))
    found = []
    labels_of_all: set[str] = set()
    for name, matchers in re.findall(r"\b([a-z_]+)\{([^}]*)\}", tree_):
        known = EXPORTED.get(name)
        if known is None:
            found.append(f"no family {name}")
            continue
        labels_of_all |= known
        used = set(re.findall(r"(\w+)(?:=~|!=|!~|=)\"", matchers))
        found += [f"{name} has no label {label}" for label in sorted(used - known)]
    for grouped in re.findall(r"\b(?:by|on|without)\s*\(([^)]*)\)", tree_):
        used = {label.strip() for label in grouped.split(",") if label.strip()}
        found += [f"grouped by {label}, which no metric here has" for label in sorted(used - labels_of_all)]
    return found


ALL = [(name, expr) for name, page in PAGES.items() for expr in dict.fromkeys(expressions(page))]


@pytest.mark.parametrize(("page", "expr"), ALL, ids=[f"{name}-{n}" for n, (name, _) in enumerate(ALL)])
def test_a_query_names_only_what_is_exported(page: str, expr: str) -> None:
    assert strange(expr) == [], f"{page}: {expr}"


def test_the_check_can_say_no() -> None:
    assert strange("sum by (colour) (rate(sli_bad_totals[5m]))") == [
        "no family sli_bad_totals",
        "grouped by colour, which no metric here has",
    ]
    assert strange('sli_bad_total{tenant="x"}') == ["sli_bad_total has no label tenant"]
    with pytest.raises(ValueError, match="unclosed left parenthesis"):
        strange("sum(sli_bad_total")


@pytest.mark.parametrize("name", PAGES)
def test_a_variable_asks_for_labels_that_exist(name: str) -> None:
    for asked in selectors(PAGES[name]):
        match = re.fullmatch(r"label_values\((.+), (\w+)\)", asked)
        assert match
        expr, label = match.groups()
        assert strange(expr) == []
        assert label in EXPORTED[expr.split("{")[0]]


@pytest.mark.parametrize("name", PAGES)
def test_legends_and_links_name_labels_that_their_query_keeps(name: str) -> None:
    for panel in PAGES[name]["panels"]:
        for target in panel.get("targets", ()):
            named = set(re.findall(r"\{\{(\w+)\}\}", target.get("legendFormat", "")))
            if "by (" not in target.get("expr", "") or not named:
                continue
            grouped = re.findall(r"by \(([^)]*)\)", target["expr"])
            kept = {label.strip() for labels in grouped for label in labels.split(",")}
            assert named <= kept, f"{panel['title']}: {target['legendFormat']}"


@pytest.mark.parametrize("name", PAGES)
def test_a_table_shows_the_labels_that_its_queries_keep(name: str) -> None:
    for panel in (panel for panel in PAGES[name]["panels"] if panel["type"] == "table"):
        organize = panel["transformations"][1]["options"]["renameByName"]
        shown = {label for label in organize if not label.startswith("Value #")}
        for target in panel["targets"]:
            kept = re.findall(r"by \(([^)]*)\)", target["expr"])[0]
            assert shown == {label.strip() for label in kept.split(",")}, panel["title"]


def test_a_cloudwatch_query_is_one_of_the_catalogue() -> None:
    known = {(metric.namespace, metric.name) for metric in (*catalog.METRICS, *catalog.TOLD_FOR_NOTHING)}
    asked = {
        (target["namespace"], target["metricName"])
        for page in PAGES.values()
        for panel in page["panels"]
        for target in panel.get("targets", ())
        if "namespace" in target
    }
    assert asked <= known
    assert len(asked) > 8


def test_ratios_of_counts_are_pooled_before_they_are_divided() -> None:
    assert queries.bad_share('indicator="availability"', "1h", "region") == (
        'sum by (region) (increase(sli_bad_total{indicator="availability"}[1h]))'
        ' / (sum by (region) (increase(sli_all_total{indicator="availability"}[1h])) > 0)'
    )
