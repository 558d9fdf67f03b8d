"""Every shipped scenario is lived through rightly, under other seeds too; and the judge can say no."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from fournines.rehearsal import scenarios
from fournines.rehearsal.score import passed
from remediation.vocabulary import Mode
from simulator.scenario import shipped_names
from tests.rehearsal.lives import STORIES, changed, lived, ruled

DOCUMENTED = Path(__file__).parents[2] / "docs" / "summary.md"


def test_every_shipped_scenario_is_tried() -> None:
    assert {*STORIES, "mylearning", "bad-month"} == {*shipped_names()}


@pytest.mark.parametrize("name", STORIES)
def test_a_story_gets_the_right_answer(name: str) -> None:
    assert passed(lived(scenarios.read(name)))


@pytest.mark.parametrize("name", [name for name in STORIES if name != "quiet-hour"])
def test_another_seed_gets_the_right_answer(name: str) -> None:
    assert passed(lived(scenarios.read(name, 7)))


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", [None, 5])
def test_the_whole_estate_gets_the_right_answers(seed: int | None) -> None:
    assert passed(lived(scenarios.read("mylearning", seed)))


@pytest.mark.parametrize("name", ["bad-deployment", "surge"])
def test_who_only_observes_touches_nothing_and_is_told_no(name: str) -> None:
    summary = lived(changed(name, policies=ruled(name, Mode.OBSERVE)))
    assert not passed(summary)
    assert [fault["actions"] for fault in summary["faults"]] == [[]]
    assert summary["wrong_actions"] == []
    assert summary["alerts"]["lost"] == 0


def test_a_summary_has_the_documented_fields_and_no_others() -> None:
    summary = lived(scenarios.read("bad-deployment"))
    whole, fault = documented_fields()
    assert {*summary} == whole
    assert [{*told} for told in summary["faults"]] == [fault]


def documented_fields() -> tuple[set[str], set[str]]:
    """Return the names in the first columns of both tables of docs/summary.md."""
    tables: list[set[str]] = []
    for line in DOCUMENTED.read_text(encoding="utf-8").splitlines():
        if line.startswith("| field"):
            tables.append(set())
        elif line.startswith("| `"):
            tables[-1] |= {*re.findall(r"`(\w+)`", line.split("|")[1])}
    whole, fault = tables
    return whole, fault


def test_a_scenario_that_is_not_simulated_yet_is_refused_in_these_words() -> None:
    fault: dict[str, Any] = {"kind": "slack_outage", "at": "5m", "where": {"service": "web-app"}}
    with pytest.raises(ValueError, match="slack_outage is not simulated yet"):
        changed("quiet-hour", fault)
