"""Recorded traffic: counts and gaps are kept, bursts are no stories, and what is wrong with it is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fournines.cli.main import main
from fournines.rehearsal import recorded, scenarios
from fournines.rehearsal.rehearse import rehearse
from fournines.rehearsal.score import passed
from fournines.trouble import Trouble
from simulator.demand import recorded_start
from simulator.estate import build
from slo.cells import Indicator, State, minute_of

if TYPE_CHECKING:
    from fournines.store.books import Books
    from simulator.scenario import Scenario

#: Five hours of 2 March 2026 from 06:00 on, made up: 09:40 to 09:50 are missing.
REQUESTS = Path(__file__).parent / "data" / "requests.csv"
#: What makes of it traffic as these scenarios have it.
SCALE = 1000
AMIDST_THE_GAP = datetime(2026, 3, 2, 9, 15, tzinfo=UTC)
WITHOUT_GAP = datetime(2026, 3, 2, 6, 30, tzinfo=UTC)


def shaped(name: str, start: datetime, scale: float = SCALE) -> Scenario:
    return recorded.shaped(scenarios.read(name), REQUESTS, scale, start)


@pytest.mark.parametrize("name", ["bad-deployment", "surge", "quiet-hour"])
@pytest.mark.parametrize("start", [WITHOUT_GAP, AMIDST_THE_GAP])
def test_bursts_and_gaps_of_a_recording_make_no_story_ambiguous(name: str, start: datetime) -> None:
    scenario = shaped(name, start)
    assert passed(rehearse(scenario, recording=recorded.read(scenario)))


def test_minutes_that_were_not_recorded_stay_unknown() -> None:
    scenario = shaped("quiet-hour", AMIDST_THE_GAP)
    states: list[set[int]] = []

    def look(books: Books, now: datetime) -> None:
        if now < scenario.end:
            return
        begin = minute_of(scenario.start)
        with books.ledger() as ledger:
            for sli in (one for one in ledger.slis if one.indicator is Indicator.AVAILABILITY):
                states.append({*ledger.minutes(sli, begin + 25, begin + 35)[2].tolist()})
                before = ledger.minutes(sli, begin, begin + 25)[2].tolist()
                assert State.UNKNOWN not in before

    rehearse(scenario, recording=recorded.read(scenario), attend=look)
    assert states
    assert states == [{State.UNKNOWN}] * len(states)


def test_what_is_replayed_and_what_is_missing_is_said() -> None:
    scenario = shaped("quiet-hour", AMIDST_THE_GAP)
    recording = recorded.read(scenario)
    assert recording is not None
    replayed, missing = recorded.sentences(scenario, recording)
    assert f"from 2026-03-02T09:15Z in {REQUESTS}: 10 counts of 5 min" in replayed
    assert replayed.endswith("times 1000.")
    assert missing == (
        "10 of its 60 min are missing and stay so, unknown to everybody: "
        "12:25 to 12:35 (recorded 2026-03-02T09:40Z)."
    )


def test_too_little_traffic_is_no_page_and_no_success_and_says_so() -> None:
    scenario = shaped("dependency", WITHOUT_GAP, scale=0.08)
    words: list[str] = []
    summary = rehearse(scenario, recording=recorded.read(scenario), tell=words.append)
    assert not passed(summary), "what nobody could measure is not right"
    assert {fault["detected_after_s"] for fault in summary["faults"]} == {None}
    assert words[0].startswith("dependency failure of payment: nobody was told.")
    assert "Insufficient volume" in words[0]
    assert words[1] == "What nobody could measure is not right."


def test_without_a_start_the_past_is_recorded_as_far_as_metrics_reach_back() -> None:
    scenario = recorded.shaped(scenarios.read("quiet-hour"), REQUESTS, SCALE)
    recording = recorded.read(scenario)
    assert recording is not None
    first = datetime(2026, 3, 2, 6, tzinfo=UTC)
    assert recorded_start(scenario, recording) == minute_of(first + timedelta(hours=3))


def test_an_estate_is_provisioned_for_the_busiest_recorded_minute() -> None:
    scenario = shaped("quiet-hour", WITHOUT_GAP)
    recording = recorded.read(scenario)
    for place in build(scenario.estate, recording).places:
        share = place.spec.requests_per_minute / (2 * 7800)
        assert place.spec.minimum * place.spec.requests_per_task >= 313 / 5 * SCALE * share


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--traffic", "nowhere.csv"), "nowhere.csv cannot be read: No such file or directory"),
        (("--traffic", "{dir}"), "cannot be read: Is a directory"),
        (("--traffic", "{header}"), "line 1: expected the header 'timestamp,value', got 'time,count'"),
        (("--traffic", "{row}"), "line 3: expected TIME,NUMBER as in"),
        (("--traffic", "{binary}"), "is not text: expected CSV of timestamp,value"),
        (("--traffic", "{good}", "--from", "2031-01-01"), "--from 2031-01-01T00:00Z lies outside of"),
        (("--traffic", "{good}", "--scale", "0"), "above 0, got 0"),
        (("--traffic", "{good}", "--scale", "-3"), "above 0, got -3"),
        (("--traffic", "{good}", "--scale", "nan"), "above 0, got nan"),
        (("--traffic", "{good}", "--scale", "1e9"), "choose 159,744 at most"),
        (("--scale", "2"), "name a recording with --traffic"),
        (("--from", "2026-03-02"), "name a recording with --traffic"),
    ],
)
@pytest.mark.parametrize("command", ["demo", "rehearse quiet-hour"])
def test_bad_input_is_one_sentence(
    command: str,
    arguments: tuple[str, ...],
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    files = {
        "header": b"time,count\n1,2\n",
        "row": b"timestamp,value\n2026-03-02 06:00:00,5\nyesterday,3\n",
        "binary": b"\xff\xfe\x00",
        "good": REQUESTS.read_bytes(),
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    paths = {name: str(tmp_path / name) for name in files} | {"dir": str(tmp_path)}
    out = tmp_path / "out"
    where = ["--out", str(out)] if command == "demo" else []
    with pytest.raises(SystemExit) as left:
        main([*command.split(), *where, *(argument.format(**paths) for argument in arguments)])
    told = capsys.readouterr().err
    assert left.value.code == 1
    assert said in told
    assert len(told.splitlines()) == 1
    assert not out.exists(), "nothing was started"


def test_a_scale_of_none_is_one() -> None:
    assert recorded.shaped(scenarios.read("quiet-hour"), REQUESTS).estate.traffic.scale == 1


def test_a_recording_without_a_scenario_is_refused() -> None:
    with pytest.raises(Trouble, match="name a recording"):
        recorded.shaped(scenarios.read("quiet-hour"), None, 2.0)
