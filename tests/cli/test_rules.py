"""Rules for Prometheus, written from the configuration."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Command

RUNS = """\
---
apiVersion: openslo/v1
kind: SLO
metadata: {name: nightly-runs}
spec:
  service: every-service
  indicator:
    metadata: {name: ran}
    spec:
      ratioMetric:
        bad: {metricSource: {type: fournines, spec: {service: "*", indicator: schedule}}}
        total: {metricSource: {type: fournines, spec: {service: "*", indicator: schedule}}}
  timeWindow: [{duration: 30d, isRolling: true}]
  budgetingMethod: Occurrences
  objectives: [{target: 0.99}]
"""


COMPOSITE = """\
---
apiVersion: openslo/v1
kind: SLO
metadata: {name: buying}
spec:
  service: course-catalog
  timeWindow: [{duration: 30d, isRolling: true}]
  budgetingMethod: RatioTimeslices
  objectives:
    - &member
      target: 0.99
      timeSliceWindow: 5m
      indicator:
        metadata: {name: answered}
        spec:
          ratioMetric:
            bad: {metricSource: {type: fournines, spec: {indicator: availability}}}
            total: {metricSource: {type: fournines, spec: {indicator: availability}}}
    - *member
"""


def test_rules_are_written_for_each_objective_and_again_without_a_change(
    folder: Path, fournines: Command
) -> None:
    said = fournines("rules", "--out", "rules")
    assert (said.code, said.out) == (0, "rules/fournines-availability.yaml\n")
    file = folder / "rules/fournines-availability.yaml"
    text = file.read_bytes()
    assert text.startswith(b"# Written by `fournines rules` from fournines.yaml")
    assert fournines("rules", "--out", "rules").code == 0
    assert file.read_bytes() == text


def test_an_objective_that_prometheus_cannot_judge_and_a_file_of_none_are_told(
    folder: Path, fournines: Command
) -> None:
    with (folder / "objectives.yaml").open("a", encoding="utf-8") as file:
        file.write(RUNS)
    fournines("rules", "--out", "rules")
    (folder / "rules/fournines-availability.yaml").rename(folder / "rules/fournines-gone.yaml")
    (folder / "rules/own.yaml").write_text("groups: []\n", encoding="utf-8")
    told = fournines("rules", "--out", "rules").out
    assert "nightly-runs has no rules: runs are counted when it is decided" in told
    assert "rules/fournines-gone.yaml is of no objective any more" in told
    assert "own.yaml" not in told
    document = json.loads(fournines("rules", "--out", "rules", "--json").out)
    assert document["files"] == ["rules/fournines-availability.yaml"]
    assert list(document["unwritten"]) == ["nightly-runs"]
    assert document["stale"] == ["rules/fournines-gone.yaml"]


def test_a_composite_and_slices_are_named_as_not_written(folder: Path, fournines: Command) -> None:
    with (folder / "objectives.yaml").open("a", encoding="utf-8") as file:
        file.write(COMPOSITE)
    document = json.loads(fournines("rules", "--out", "rules", "--json").out)
    assert document["files"] == ["rules/fournines-availability.yaml"]
    assert {name: why.split(",")[0] for name, why in document["unwritten"].items()} == {
        "buying-1": "counters take several minutes in one step",
        "buying-2": "counters take several minutes in one step",
        "buying": "it is a composite",
    }


def test_a_file_of_somebody_else_is_never_overwritten(folder: Path, fournines: Command) -> None:
    file = folder / "fournines-availability.yaml"
    file.write_text("groups: []\n", encoding="utf-8")
    said = fournines("rules", "--out", ".")
    assert said.code == 1
    assert "fournines-availability.yaml was not written by `fournines rules`" in said.err
    assert file.read_text(encoding="utf-8") == "groups: []\n"
