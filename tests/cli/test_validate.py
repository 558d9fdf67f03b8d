from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from simulator.scenario import DIRECTORY, shipped_names

if TYPE_CHECKING:
    from tests.cli.conftest import Command

SCENARIO = """\
name: x
duration: 45m
estate:
  regions: [eu-west-1]
  services: [{name: web-app}]
policies:
  policies: [{name: x, cause: gremlins}]
faults:
  - {kind: slack_outage, at: 8m}
"""


def test_each_kind_is_known_by_its_content_whatever_its_name(folder: Path, fournines: Command) -> None:
    for name, new in {"objectives": "a", "policies": "b", "contracts": "c"}.items():
        (folder / f"{new}.yaml").write_bytes((folder / f"{name}.yaml").read_bytes())
    said = fournines("validate", "a.yaml", "b.yaml", "c.yaml")
    assert (said.code, said.err) == (0, "")
    assert said.out.splitlines()[:3] == [
        "a.yaml: objectives, sound",
        "b.yaml: policies, sound",
        "c.yaml: contracts, sound",
    ]


def test_what_is_not_simulated_yet_is_refused_with_that_word_and_its_line(
    folder: Path, fournines: Command
) -> None:
    (folder / "s.yaml").write_text(SCENARIO.replace("gremlins", "surge"), encoding="utf-8")
    said = fournines("validate", "s.yaml")
    assert (said.code, said.err) == (1, "s.yaml:9: faults[0]: slack_outage is not simulated yet\n")


def test_policies_within_a_scenario_are_checked_too(folder: Path, fournines: Command) -> None:
    (folder / "s.yaml").write_text(
        SCENARIO.replace("slack_outage", "scale_in, where: {service: web-app}"), encoding="utf-8"
    )
    said = fournines("validate", "s.yaml")
    assert said.code == 1
    assert said.err.startswith("s.yaml:7: policies.policies[0].cause: ")


STRAYS = """\
name: strays
duration: 1h
estate: {regions: [eu-west-1], services: [{name: web}]}
faults:
  - kind: deployment
    at: 2h
    where: {service: nobody}
  - {kind: latency, at: 1m, duration: 5m, factor: 0.5}
  - kind: scale_in
    at: 1m
"""


def test_each_fault_that_cannot_happen_is_told_at_its_own_line_whatever_is_wrong_with_the_others(
    folder: Path, fournines: Command
) -> None:
    (folder / "s.yaml").write_text(STRAYS)
    said = fournines("validate", "s.yaml")
    assert said.err.splitlines() == [
        "s.yaml:6: faults[0].at: it would begin after the scenario's end",
        "s.yaml:7: faults[0].where.service: the estate has no 'nobody'",
        "s.yaml:8: faults[1].factor: input should be greater than 1, got 0.5",
        "s.yaml:9: faults[2]: a scale_in befalls a named service",
    ]


def test_a_scenario_with_a_wrong_policy_is_not_rehearsed(folder: Path, fournines: Command) -> None:
    wrong = (
        STRAYS.partition("faults:")[0] + "policies:\n  policies: [{name: x, cause: nonsense, mode: act}]\n"
    )
    (folder / "s.yaml").write_text(wrong)
    checked, rehearsed = fournines("validate", "s.yaml"), fournines("rehearse", "s.yaml")
    assert rehearsed.code == 1
    assert "s.yaml:5: policies.policies[0].cause: expected" in rehearsed.err
    assert rehearsed.err == checked.err


def test_every_fault_of_every_file_comes_at_once(folder: Path, fournines: Command) -> None:
    (folder / "a.yaml").write_text("id: gold\ntenant: acme\n", encoding="utf-8")
    (folder / "b.yaml").write_text("policies:\n  - {name: x, cause: gremlins}\n", encoding="utf-8")
    (folder / "c.yaml").write_text("hello: world\n", encoding="utf-8")
    (folder / "d.yaml").write_text("a: [1\n", encoding="utf-8")
    (folder / "e.yaml").write_text("", encoding="utf-8")
    (folder / "f.md").write_text("# A title alone\n", encoding="utf-8")
    said = fournines("validate", "a.yaml", "b.yaml", "c.yaml", "d.yaml", "e.yaml", "f.md", "g.yaml", "h.md")
    assert (said.code, said.out) == (1, "")
    told = said.err.splitlines()
    assert {line.partition(":")[0] for line in told} == {f"{name}.yaml" for name in "abcdeg"} | {
        "f.md",
        "h.md",
    }
    assert (
        "a.yaml:1: target: is missing; expected a ratio between 0 and 1, exclusive (0.9999 is 99.99 %)"
        in told
    )
    assert any(line.startswith("c.yaml:1: not a document of ours: expected a configuration") for line in told)
    assert "e.yaml: is empty" in told
    assert "g.yaml: cannot be read: No such file or directory" in told


def test_a_fault_behind_a_configuration_is_told_once(folder: Path, fournines: Command) -> None:
    (folder / "policies.yaml").write_text("policies:\n  - {name: x, cause: gremlins}\n", encoding="utf-8")
    said = fournines("validate", "fournines.yaml", "policies.yaml")
    assert said.code == 1
    assert len(said.err.splitlines()) == 1


def test_runbooks_are_checked_by_name_and_by_what_they_name(folder: Path, fournines: Command) -> None:
    ours = Path(str(DIRECTORY)).parents[1] / "runbooks/library/surge.md"
    (folder / "mine.md").write_text(
        ours.read_text(encoding="utf-8").replace("causes: [surge]", "causes: [gremlins]"), encoding="utf-8"
    )
    told = fournines("validate", "mine.md").err
    assert "mine.md:2: the runbook 'surge' belongs in surge.md" in told
    assert "mine.md: no such cause: 'gremlins'" in told


def test_what_ships_is_sound(fournines: Command) -> None:
    scenarios = [str(DIRECTORY.joinpath(f"{name}.yaml")) for name in shipped_names()]
    runbooks = sorted(
        str(path) for path in (Path(str(DIRECTORY)).parents[1] / "runbooks/library").glob("*.md")
    )
    said = fournines("validate", *scenarios, *runbooks)
    assert (said.code, said.err) == (0, "")
    assert said.out.count(", sound\n") == len(scenarios) + len(runbooks)


def test_json_tells_faults_with_file_line_and_path(folder: Path, fournines: Command) -> None:
    (folder / "b.yaml").write_text("policies:\n  - {name: x, cause: gremlins}\n", encoding="utf-8")
    said = fournines("validate", "b.yaml", "--json")
    told = json.loads(said.out)
    assert (said.code, told["ok"]) == (1, False)
    (fault,) = told["faults"]
    assert (fault["file"], fault["line"], fault["where"]) == ("b.yaml", 2, ["policies", 0, "cause"])


SLICES = "[{target: 0.999, timeSliceTarget: 0.95, timeSliceWindow: 1m}]"
MONTH = "{duration: 1M, isRolling: false, calendar: {startTime: 2026-01-01, timeZone: Europe/Berlin}}"
SEARCH = "service: search, indicator: latency, threshold_s: 0.5, regions: [eu-west-1]"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"Occurrences": "Timeslices", "[{target: 0.9999}]": SLICES},
            (
                "99.9 % of minutes are good, in which 95 % of the requests to every service succeed, "
                "in each region by itself, over any 30 days; 43 min 12 s"
            ),
        ),
        (
            {"{duration: 30d, isRolling: true}": MONTH},
            (
                "99.99 % of requests to every service succeed, in each region by itself, "
                "over each calendar month (Europe/Berlin); 4 min 19 s"
            ),
        ),
        (
            {'service: "*", indicator: availability': SEARCH},
            (
                "99.99 % of requests to search are answered within 0.5 s, in each of eu-west-1 by itself, "
                "over any 30 days; 4 min 19 s"
            ),
        ),
    ],
)
def test_an_objective_is_said_in_one_plain_sentence(
    folder: Path, fournines: Command, changes: dict[str, str], sentence: str
) -> None:
    text = (folder / "objectives.yaml").read_text(encoding="utf-8")
    for old, new in changes.items():
        text = text.replace(old, new)
    (folder / "objectives.yaml").write_text(text, encoding="utf-8")
    said = fournines("validate", "objectives.yaml")
    assert said.err == ""
    told = f"availability: {sentence} of total failure in 30 days spend the budget."
    assert said.out.splitlines()[1] == told


WRITTEN = {
    "RatioTimeslices": (
        {"Occurrences": "RatioTimeslices", "[{target: 0.9999}]": "[{target: 0.999, timeSliceWindow: 5m}]"},
        (
            "99.9 % of requests to every service succeed, on average over slices of 5 minutes, a quiet one "
            "weighing as much as a busy one, in each region by itself, over any 30 days; 43 min 12 s of"
        ),
    ),
    "quarter": (
        {
            "{duration: 30d, isRolling: true}": (
                "{duration: 1Q, calendar: {startTime: 2026-01-01, timeZone: America/New_York}}"
            )
        },
        "over each quarter from 2026-01-01 00:00 on (America/New_York); 12 min 57 s of total failure",
    ),
    "two weeks": (
        {
            "{duration: 30d, isRolling: true}": (
                "{duration: 2w, calendar: {startTime: '2026-01-05 12:00', timeZone: UTC}}"
            )
        },
        "over each 2 weeks from 2026-01-05 12:00 on (UTC); 2 min of total failure in 14 days",
    ),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_slices_and_periods_are_said_as_they_are(folder: Path, fournines: Command, name: str) -> None:
    changes, sentence = WRITTEN[name]
    text = (folder / "objectives.yaml").read_text(encoding="utf-8")
    for old, new in changes.items():
        text = text.replace(old, new)
    (folder / "objectives.yaml").write_text(text, encoding="utf-8")
    said = fournines("validate", "objectives.yaml")
    assert (said.err, sentence in said.out) == ("", True), said.out


def test_openslo_is_read_strictly_unless_somebody_says_otherwise(folder: Path, fournines: Command) -> None:
    path, config = folder / "objectives.yaml", folder / "fournines.yaml"
    path.write_text(path.read_text("utf-8").replace("{target: 0.9999}", "{target: 0.9999, op: lte}"), "utf-8")
    assert "spec.objectives[0].op: belongs to a thresholdMetric only" in fournines("validate", str(path)).err
    lenient = fournines("validate", "--lenient", str(path))
    assert (lenient.code, "spec.objectives[0].op: not used" in lenient.out) == (0, True)
    assert fournines("validate", "--lenient", str(config)).code == 1
    config.write_text(f"openslo: lenient\n{config.read_text('utf-8')}", "utf-8")
    assert fournines("validate", str(config)).code == 0


EXCLUSIONS = """\
exclusions:
  - {id: patches, reason: the database is patched, approver: ana, clause: "4.2",
     created_at: 2026-10-05T00:00Z, services: ["*"], regions: [eu-*],
     zone: Europe/Berlin, start: 2026-10-04T02:00, duration: 2h,
     rrule: "FREQ=WEEKLY;INTERVAL=2;UNTIL=20261231"}
  - {id: move, reason: it moves, approver: bob, clause: "5", created_at: 2026-10-01T00:00Z, tenants: [acme],
     services: [web, api], regions: ["*"], zone: UTC, start: 2026-10-04T02:00, duration: 90m,
     rrule: FREQ=DAILY;COUNT=3}
"""


def test_an_exclusion_is_told_in_one_sentence_with_how_it_comes_again(
    folder: Path, fournines: Command
) -> None:
    (folder / "windows.yaml").write_text(EXCLUSIONS, encoding="utf-8")
    said = fournines("validate", "windows.yaml")
    assert (said.code, said.err) == (0, "")
    sound, patches, move = said.out.splitlines()
    assert sound == "windows.yaml: exclusions, sound"
    assert patches == (
        "patches: all services in eu-* are left out for 2 hours from 2026-10-04 02:00 (Europe/Berlin), "
        "again every 2 weeks until 2026-12-31 23:59, for everybody and in objectives: the database is "
        "patched; ana agreed by clause 4.2, afterwards: a correction."
    )
    assert move == (
        "move: web, api in all regions are left out for 90 minutes from 2026-10-04 02:00 (UTC), again every "
        "day, 3 times in all, for acme: it moves; bob agreed by clause 5."
    )


def test_exclusions_of_a_configuration_are_read_with_it_and_a_strange_region_is_noted(
    folder: Path, fournines: Command
) -> None:
    (folder / "windows.yaml").write_text(EXCLUSIONS.replace("eu-*", "sa-*"), encoding="utf-8")
    config = folder / "fournines.yaml"
    config.write_text(config.read_text(encoding="utf-8") + "exclusions: [windows.yaml]\n", encoding="utf-8")
    said = fournines("validate", "fournines.yaml")
    assert said.code == 0
    assert "note: exclusion patches names sa-*, none of the regions that are watched" in said.out
    (folder / "windows.yaml").write_text(EXCLUSIONS.replace("2h", "2s"), encoding="utf-8")
    said = fournines("validate", "fournines.yaml")
    assert said.err.startswith("windows.yaml:4: exclusions[0].duration: expected a length such as 90m")
