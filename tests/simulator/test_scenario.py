"""Scenario documents: what they accept, what they refuse and in which words, and how seeds vary them."""

from __future__ import annotations

import importlib.resources
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
import yaml
from pydantic import ValidationError

from simulator.fault import BadDeployment
from simulator.scenario import Scenario, schema, shipped, shipped_names

if TYPE_CHECKING:
    from collections.abc import Callable

SCHEMA = Path(str(importlib.resources.files("simulator"))) / "scenario.schema.json"


def document(*faults: dict[str, Any], **parts: object) -> dict[str, Any]:
    estate = {"regions": ["eu-west-1"], "services": [{"name": "web"}, {"name": "payment"}]}
    return {"name": "small", "duration": "30m", "estate": estate, "faults": list(faults), **parts}


def refusals(raw: dict[str, Any]) -> list[str]:
    with pytest.raises(ValidationError) as caught:
        Scenario.model_validate(raw)
    return [f"{'.'.join(map(str, error['loc']))}: {error['msg']}" for error in caught.value.errors()]


def test_lengths_of_time_are_written_as_people_write_them() -> None:
    scenario = Scenario.model_validate(document(duration="1h30m"))
    assert scenario.duration == timedelta(minutes=90)
    assert scenario.model_dump(mode="json")["duration"] == "1h30m"


@pytest.mark.parametrize("kind", ["region_outage", "slack_outage", "process_crash"])
def test_a_kind_that_is_not_simulated_is_refused_in_these_words(kind: str) -> None:
    assert f"{kind} is not simulated yet" in refusals(document({"kind": kind, "at": "1m"}))[0]


def test_every_problem_is_told_at_once() -> None:
    raw = document({"kind": "latency", "at": "soon", "duration": "5m"}, {"kind": "bogus", "at": "1m"})
    raw["estate"]["services"][0]["minimum"] = 0
    assert len(refusals(raw)) == 3


@pytest.mark.parametrize(
    ("fault", "complaint"),
    [
        ({"kind": "deployment", "at": "1m", "where": {"service": "nobody"}}, "the estate has no 'nobody'"),
        ({"kind": "deployment", "at": "1m"}, "befalls a named service"),
        ({"kind": "deployment", "at": "2h", "where": {"service": "web"}}, "after the scenario's end"),
        (
            {"kind": "deployment", "at": "1m", "where": {"service": "web", "zone": "eu-west-1a"}},
            "zones are not simulated yet",
        ),
        (
            {
                "kind": "deployment",
                "at": "1m",
                "where": {"service": "web"},
                "vary": {"figures": {"x": [1, 2]}},
            },
            "not a number of this kind",
        ),
    ],
)
def test_a_fault_that_cannot_happen_is_refused(fault: dict[str, Any], complaint: str) -> None:
    assert complaint in " ".join(refusals(document(fault)))


def test_a_service_or_region_named_twice_is_refused() -> None:
    raw = document()
    raw["estate"]["regions"] *= 2
    assert "eu-west-1 named twice" in refusals(raw)[0]


def test_a_tenant_can_only_have_what_is_there() -> None:
    raw = document()
    raw["estate"]["tenants"] = [{"name": "acme", "services": ["nothing"]}]
    assert "the estate has no nothing" in refusals(raw)[0]


def test_the_published_schema_is_current(golden: Callable[[Path, str], None]) -> None:
    golden(SCHEMA, schema())


@pytest.mark.parametrize("name", shipped_names())
def test_a_shipped_scenario_is_valid_for_us_and_for_the_schema(name: str) -> None:
    scenario = shipped(name)
    text = SCHEMA.with_name("scenarios").joinpath(f"{name}.yaml").read_text(encoding="utf-8")
    raw = yaml.safe_load(text)
    raw["start"] = scenario.start.isoformat()  # YAML has made a datetime of it
    jsonschema.Draft202012Validator(yaml.safe_load(schema())).validate(raw)
    assert scenario.name == name


def test_an_unknown_shipped_scenario_names_those_that_exist() -> None:
    with pytest.raises(ValueError, match=r"no scenario 'nope'; shipped are .*mylearning"):
        shipped("nope")


def test_its_own_seed_changes_nothing() -> None:
    scenario = shipped("mylearning")
    assert scenario.seeded(scenario.seed) is scenario


@pytest.mark.parametrize("seed", range(2, 30))
def test_another_seed_keeps_every_story_apart(seed: int) -> None:
    scenario = shipped("mylearning").seeded(seed)
    stories: dict[str, set[str | None]] = {}
    for fault in scenario.faults:
        if fault.story is not None:
            stories.setdefault(fault.story, set()).add(fault.where.service)
    services = [service for befallen in stories.values() for service in befallen]
    assert all(len(befallen) == 1 for befallen in stories.values()), "a story stays with one service"
    assert len(set(services)) == len(services), "no two stories share a service"


def test_seeds_move_service_time_and_severity() -> None:
    scenario = shipped("mylearning")
    bad = [scenario.seeded(seed).faults[0] for seed in range(2, 20)]
    assert len({fault.where.service for fault in bad}) > 1
    assert len({fault.at for fault in bad}) > 1
    ratios = {fault.error_ratio for fault in bad if isinstance(fault, BadDeployment)}
    assert len(ratios) > 1
    assert all(0.08 <= ratio <= 0.3 for ratio in ratios)


def test_faults_of_one_story_move_together() -> None:
    scenario = shipped("mylearning")
    for seed in range(2, 20):
        before, after = (
            [fault.at for fault in version.faults if fault.story == "dependency"]
            for version in (scenario, scenario.seeded(seed))
        )
        assert after[1] - after[0] == before[1] - before[0]
