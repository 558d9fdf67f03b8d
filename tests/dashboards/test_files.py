"""The tree that Grafana mounts: the same text every time, without a fault, and every link leads somewhere."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from dashboards.files import PAGES, Mount, PageError, tree
from dashboards.page import Page
from runbooks.shelf import shipped

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

GOLDEN = Path(__file__).parent / "golden"
TREE = tree()


@pytest.mark.parametrize("path", sorted(TREE))
def test_a_file_is_its_golden_one(path: str, golden: Callable[[Path, str], None]) -> None:
    golden(GOLDEN / path, TREE[path])


def test_there_is_no_golden_file_that_nothing_writes() -> None:
    found = {str(path.relative_to(GOLDEN)) for path in GOLDEN.rglob("*") if path.is_file()}
    assert found == set(TREE)


def test_the_five_pages_are_there_and_have_their_addresses() -> None:
    pages = [json.loads(text) for path, text in TREE.items() if path.endswith(".json")]
    assert {page["uid"] for page in pages} == {
        "fournines-global-sla",
        "fournines-service",
        "fournines-error-budget",
        "fournines-changes",
        "fournines-capacity",
    }
    assert {page["schemaVersion"] for page in pages} == {39}


def test_provisioning_finds_what_the_tree_holds() -> None:
    mount = Mount(prometheus_url="http://mimir:9009/prometheus", folder="/pages")
    files = tree(mount)
    provider = yaml.safe_load(files["provisioning/dashboards/fournines.yaml"])["providers"][0]
    assert provider["options"]["path"] == "/pages/fournines"
    sources = yaml.safe_load(files["provisioning/datasources/fournines.yaml"])["datasources"]
    assert [(source["type"], source.get("url")) for source in sources] == [
        ("prometheus", "http://mimir:9009/prometheus"),
        ("cloudwatch", None),
    ]


def test_provisioning_holds_no_dollar_which_grafana_would_expand() -> None:
    assert [path for path, text in TREE.items() if path.endswith(".yaml") and "$" in text] == []


def test_every_runbook_that_a_page_links_is_on_the_shelf_and_every_page_links_some() -> None:
    shelf = shipped()
    for path, text in TREE.items():
        linked = set(re.findall(r"\$\{fournines\}/runbooks/([\w-]+)", text))
        assert [name for name in linked if name not in shelf] == [], path
        assert linked or not path.endswith(".json"), path


def test_links_lead_to_where_the_user_says_fournines_is() -> None:
    files = tree(Mount(web_url="https://fournines.example"))
    page = json.loads(files["dashboards/fournines/service.json"])
    constants = [v for v in page["templating"]["list"] if v["name"] == "fournines"]
    assert constants[0]["query"] == "https://fournines.example"


def test_a_page_with_a_fault_is_refused_with_every_fault() -> None:
    def broken(web_url: str) -> Page:
        good = PAGES["changes"](web_url)
        return Page(
            uid="mine",
            title="Mine",
            description="",
            variables=good.variables[:1],
            tiles=good.tiles[:3],
            refresh="5s",
        )

    with pytest.raises(PageError) as caught:
        tree(pages={"mine": broken})
    assert [line.partition(": ")[2] for line in str(caught.value).splitlines()] == [
        "refreshes more often than once a minute, and CloudWatch queries are billed",
        "needs a description",
        "uses $fournines, which is no variable",
    ]


def test_pages_of_a_user_stand_beside_ours() -> None:
    own: Mapping[str, Callable[[str], Page]] = {**PAGES, "copy": PAGES["capacity"]}
    with pytest.raises(PageError, match="two pages share a uid"):
        tree(pages=own)
