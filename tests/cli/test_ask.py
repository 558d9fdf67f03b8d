from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Command

Golden = Callable[[Path, str], None]
GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("budget", ["budget"]),
        ("budget_spent", ["budget", "--spent"]),
        ("incidents", ["incidents"]),
        ("explain", ["explain", "course-catalog-20261123-1216"]),
        ("validate", ["validate", "fournines.yaml", "objectives.yaml"]),
        ("aws_policy", ["aws", "policy"]),
    ],
)
@pytest.mark.usefixtures("kept")
def test_what_is_printed_reads_well(
    fournines: Command, golden: Golden, name: str, arguments: list[str]
) -> None:
    said = fournines(*arguments)
    assert (said.code, said.err) == (0, "")
    golden(GOLDEN / f"{name}.txt", said.out)


@pytest.mark.parametrize(
    "arguments",
    [
        ["budget"],
        ["budget", "--spent"],
        ["incidents"],
        ["explain", "course-catalog-20261123-1216"],
        ["runbook", "list"],
    ],
)
@pytest.mark.usefixtures("kept")
def test_json_is_json(fournines: Command, arguments: list[str]) -> None:
    said = fournines(*arguments, "--json")
    assert said.code == 0
    assert json.loads(said.out)


@pytest.mark.usefixtures("kept")
def test_a_budget_of_the_past_knows_nothing_of_what_came_later(fournines: Command) -> None:
    then = json.loads(fournines("budget", "--at", "2026-11-23T12:10Z", "--json").out)
    now = json.loads(fournines("budget", "--json").out)
    assert {row["bad"] for row in then} == {0.0}
    assert [(row["scope"], row["bad"]) for row in now] == [
        ("contract", 3000.0), ("service", 3000.0), ("placement", 3000.0), ("placement", 0.0),
    ]  # fmt: skip
    assert {row["state"] for row in then} == {"ok"}


@pytest.mark.usefixtures("kept")
def test_who_spent_a_budget_adds_up_to_all_of_it_by_spender_and_by_region(fournines: Command) -> None:
    contract, service = json.loads(fournines("budget", "--spent", "--json").out)
    assert (contract["scope"], service["scope"]) == ("contract", "service")
    for view in (contract, service):
        assert [one["kind"] for one in view["spenders"]] == ["incident"]
        for parts in (view["spenders"], view["regions"]):
            assert sum(part["bad"] for part in parts) == view["bad"] == 3000.0
    _, before = json.loads(fournines("budget", "--spent", "--at", "2026-11-23T12:10Z", "--json").out)
    assert (before["bad"], before["spenders"]) == (0.0, [])


@pytest.mark.usefixtures("kept")
def test_an_unspent_budget_says_that_nobody_spent_it(fournines: Command) -> None:
    assert "Nothing was spent" in fournines("budget", "--spent", "--at", "2026-11-23T12:10Z").out


@pytest.mark.usefixtures("kept")
def test_requests_and_minutes_are_told_side_by_side(fournines: Command) -> None:
    contract, service, worst, _ = json.loads(fournines("budget", "--json").out)
    assert worst["by_requests"] == {"unit": "requests", "bad": 3000.0, "total": 120_000.0}
    assert worst["by_minutes"] == {"unit": "minutes", "bad": 30.0, "total": 120.0}
    assert service["by_minutes"] == {"unit": "minutes", "bad": 30.0, "total": 230.0}
    assert contract["by_minutes"] == {"unit": "minutes", "bad": 30.0, "total": 110.0}
    assert (service["placements"], service["placement"], worst["placements"]) == (2, None, 1)


EXCLUSIONS = """\
exclusions:
  - {id: patches, reason: patches, approver: ana, clause: "4.2", created_at: 2026-11-01T00:00Z,
     services: ["*"], regions: [eu-*], zone: Europe/Berlin, start: 2026-11-23T13:15, duration: 20m}
"""


def test_what_was_agreed_not_to_count_spends_no_budget_and_rings_for_nobody(
    kept: Path, fournines: Command
) -> None:
    (kept / "windows.yaml").write_text(EXCLUSIONS, encoding="utf-8")
    config = kept / "fournines.yaml"
    config.write_text(config.read_text(encoding="utf-8") + "exclusions: [windows.yaml]\n", encoding="utf-8")
    then = json.loads(fournines("budget", "--at", "2026-11-23T12:35Z", "--json").out)
    now = json.loads(fournines("budget", "--json").out)
    assert {(row["bad"], row["state"]) for row in then if row["scope"] != "contract"} == {(0.0, "ok")}
    here = next(row for row in now if row["scope"] == "placement")
    assert (here["bad"], here["excluded_minutes"]) == (1000.0, 20)
    assert here["raw"] == {"unit": "requests", "bad": 3000.0, "total": 120_000.0}
    assert "eu-west-1: 20 minutes left out, 97.5000 % with them." in fournines("budget").out


@pytest.mark.usefixtures("kept")
def test_a_moment_without_a_zone_is_utc(fournines: Command) -> None:
    assert (
        fournines("budget", "--at", "2026-11-23T12:10").out
        == fournines("budget", "--at", "2026-11-23T13:10+01:00").out
    )


@pytest.mark.usefixtures("kept")
def test_the_future_and_no_moment_at_all_are_refused(fournines: Command) -> None:
    said = fournines("budget", "--at", "2027-01-01")
    assert (said.code, said.err) == (
        1,
        "--at 2027-01-01T00:00Z lies in the future: it is 2026-11-23T12:45Z\n",
    )
    assert fournines("budget", "--at", "soon").code == 2


@pytest.mark.usefixtures("folder")
def test_a_store_without_cells_says_how_to_get_some(fournines: Command) -> None:
    said = fournines("budget")
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith("there is no store at ")
    assert "start `fournines serve`" in said.err


@pytest.mark.usefixtures("kept")
def test_an_unknown_incident_names_those_that_are_known(fournines: Command) -> None:
    said = fournines("explain", "nope")
    assert said.code == 1
    assert said.err == "there is no incident 'nope': the newest are course-catalog-20261123-1216\n"


def test_without_a_configuration_the_way_to_name_one_is_told(
    tmp_path: Path, fournines: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = fournines("incidents")
    assert (said.code, said.err) == (
        1,
        "there is no configuration fournines.yaml: name yours with --config FILE\n",
    )


@pytest.mark.usefixtures("kept")
def test_nobody_needs_our_secrets_to_ask(fournines: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLACK_TOKEN_OF_THE_SERVICE", raising=False)
    assert fournines("incidents").code == 0


EVENT = (
    '{"id": "1", "source": "aws.ec2", "detail-type": "EC2 Spot Instance Interruption Warning", '
    '"detail": {"instance-id": "i-1"}}'
)


@pytest.mark.parametrize("text", [EVENT, f"[{EVENT}, {EVENT}]", f"{EVENT}\n{EVENT}\n"])
def test_events_come_alone_as_a_list_or_in_lines(tmp_path: Path, fournines: Command, text: str) -> None:
    file = tmp_path / "events.json"
    file.write_text(text, encoding="utf-8")
    said = fournines("events", "parse", str(file))
    assert said.code == 0
    assert set(said.out.splitlines()) == {"Spot takes instance i-1 back within two minutes."}
    assert len(said.out.splitlines()) == text.count('"id"')


def test_events_that_are_not_known_say_why_and_are_no_error(tmp_path: Path, fournines: Command) -> None:
    (tmp_path / "a.json").write_text(
        '{"source": "aws.s3", "detail-type": "Object Created"}', encoding="utf-8"
    )
    (tmp_path / "b.txt").write_text("no event\n\nat all", encoding="utf-8")
    said = fournines("events", "parse", str(tmp_path / "a.json"), str(tmp_path / "b.txt"), "--json")
    told = json.loads(said.out)
    assert said.code == 0
    assert [one["kind"] for one in told] == ["unrecognised", "unrecognised"]
    assert "no reader for 'Object Created' of 'aws.s3'" in told[0]["sentence"]
    assert "not JSON" in told[1]["sentence"]


def test_an_events_file_that_cannot_be_read_is_an_error(tmp_path: Path, fournines: Command) -> None:
    assert fournines("events", "parse", str(tmp_path / "none")).err.endswith(
        "cannot be read: No such file or directory\n"
    )
    (tmp_path / "latin").write_bytes(b"\xff\xfe")
    assert fournines("events", "parse", str(tmp_path / "latin")).code == 1


COMPOSITE = """
---
apiVersion: openslo/v1
kind: SLO
metadata: {name: both}
spec:
  service: course-catalog
  budgetingMethod: Occurrences
  timeWindow: [{duration: 1Y, calendar: {startTime: 2026-01-01, timeZone: UTC}}]
  objectives:
    - target: 0.99
      indicator:
        spec:
          ratioMetric:
            bad: {metricSource: {type: fournines, spec: {indicator: availability}}}
            total: {metricSource: {type: fournines, spec: {indicator: availability}}}
"""
JUNE = """\
minute,account,region,cluster,service,indicator,good,bad,total,state
2026-06-01T00:00:00Z,123456789012,eu-west-1,mylearning,course-catalog,availability,60000,40000,100000,observed
"""


def test_a_year_s_budget_knows_what_the_ring_has_let_go_of_and_composites_come_last(
    kept: Path, fournines: Command
) -> None:
    with (kept / "objectives.yaml").open("a", encoding="utf-8") as objectives:
        objectives.write(COMPOSITE)
    before = json.loads(fournines("budget", "--json").out)
    (kept / "june.csv").write_text(JUNE, encoding="utf-8")
    assert fournines("import", "june.csv").code == 0
    after = json.loads(fournines("budget", "--json").out)

    def bad(rows: list[dict[str, object]], name: str) -> object:
        return next(
            row["bad"]
            for row in rows
            if row.get("objective") == name and "eu-west-1" in str(row["placement"])
        )

    assert bad(after, "both") == float(str(bad(before, "both"))) + 40_000
    assert bad(after, "availability") == bad(before, "availability")
    assert [row["composite"] for row in after[-2:]] == ["both", "both"]
    assert after[-2]["sentence"].startswith("both in eu-west-1: nothing of the budget is left")
    assert "both in us-east-1: 100.0 % of the budget is left" in fournines("budget").out
