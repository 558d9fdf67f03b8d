"""How benches are found, run and told."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bench.__main__ import PIECES, found, main
from bench.figure import Figure

QUICK = Figure(name="door.open_s", value=0.2, unit="s", goal=0.3, better="lower", how="by hand")
SLOW = replace(QUICK, value=0.4)
MANY = Figure(name="doors.per_s", value=10, unit="1/s", goal=10, better="higher", how="counted")


def crashing() -> Iterator[Figure]:
    yield MANY
    raise RuntimeError("the door fell off")


def test_a_goal_is_met_on_its_better_side_and_exactly_on_it() -> None:
    assert [figure.met for figure in (QUICK, SLOW, MANY, replace(MANY, value=9.99))] == [
        True,
        False,
        True,
        False,
    ]


def test_a_figure_that_is_no_number_cannot_exist() -> None:
    with pytest.raises(ValueError, match=r"door\.open_s measured nothing"):
        replace(QUICK, value=float("nan"))


def test_every_bench_in_the_folder_is_found() -> None:
    folder = Path(__file__).parents[2] / "bench"
    assert set(found()) == {path.stem for path in folder.glob("[a-z]*.py")} - PIECES


def test_results_are_written_with_their_verdict(tmp_path: Path) -> None:
    results = tmp_path / "var" / "results.json"
    assert main([], {"doors": lambda: [QUICK, MANY]}, results) == 0
    assert json.loads(results.read_text()) == [
        {
            "name": "door.open_s",
            "value": 0.2,
            "unit": "s",
            "goal": 0.3,
            "better": "lower",
            "how": "by hand",
            "met": True,
        },
        {
            "name": "doors.per_s",
            "value": 10,
            "unit": "1/s",
            "goal": 10,
            "better": "higher",
            "how": "counted",
            "met": True,
        },
    ]


def test_a_missed_goal_is_said_but_breaks_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([], {"doors": lambda: [SLOW, MANY]}, tmp_path / "results.json") == 0
    said = capsys.readouterr().out
    assert "1 of 2 goals met" in said
    assert "missed: door.open_s" in said


def test_a_crash_is_said_and_never_hides_the_other_benches(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "results.json"
    assert main([], {"broken": crashing, "doors": lambda: [QUICK]}, results) == 1
    said = capsys.readouterr()
    assert "crashed: broken" in said.out
    assert "the door fell off" in said.err
    assert [row["name"] for row in json.loads(results.read_text())] == ["doors.per_s", "door.open_s"]


def test_only_what_is_named_runs(tmp_path: Path) -> None:
    assert main(["doors"], {"broken": crashing, "doors": lambda: [QUICK]}, tmp_path / "results.json") == 0


def test_an_unknown_name_is_answered_with_the_known_ones(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "results.json"
    assert main(["windows"], {"doors": lambda: [QUICK]}, results) == 2
    assert "no such bench: windows; there are doors" in capsys.readouterr().out
    assert not results.exists()
