"""The real demo by the real command: killed in the middle it ends the same; who only observes is told no."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from fournines.store.books import Books

if TYPE_CHECKING:
    from tests.demo.conftest import Stage

pytestmark = [pytest.mark.slow, pytest.mark.alone, pytest.mark.timeout(420)]

#: A little slower than usual, so that a machine that does other things keeps up: 75 minutes in 113 seconds.
SPEED = ("--speed", "40")
DOCUMENTED = Path(__file__).parents[2] / "docs" / "summary.md"


class Played(NamedTuple):
    status: int
    out: str
    folder: Path

    @property
    def summary(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads((self.folder / "summary.json").read_text(encoding="utf-8"))
        return told

    def calls(self) -> list[dict[str, Any]]:
        """What fournines asked AWS to change."""
        lines = (self.folder / "aws-calls.jsonl").read_text(encoding="utf-8").splitlines()
        return [call for call in map(json.loads, lines) if call["caller"] == "fournines"]


@pytest.fixture(scope="module")
def killed(hall: Stage) -> Played:
    """A demo whose service was killed in the middle of a remediation and started again."""
    status, out, err = hall.play("--kill", *SPEED)
    assert err == ""
    return Played(status, out, hall.out)


def test_a_killed_service_ends_where_one_that_lived_would(killed: Played) -> None:
    assert "killed with SIGKILL" in killed.out
    assert killed.status == 0, killed.out
    assert all(fault["right"] for fault in killed.summary["faults"])
    assert killed.summary["wrong_actions"] == []
    assert killed.summary["alerts"]["lost"] == 0


def test_no_effect_was_asked_for_twice(killed: Played) -> None:
    asked = Counter(
        json.dumps([call["region"], call["operation"], call["params"]], sort_keys=True)
        for call in killed.calls()
    )
    assert asked
    assert {*asked.values()} == {1}, asked


def test_the_journal_is_whole(killed: Played) -> None:
    with Books.visit(str(killed.folder / "fournines.db")) as books:
        assert books.verify_journal() is None
        kept = len(books.entries())
    lines = (killed.folder / "journal.jsonl").read_text(encoding="utf-8").splitlines()
    assert 0 < len(lines) <= kept


def test_the_summary_has_the_documented_fields_and_no_others(killed: Played) -> None:
    whole, fault = (
        {name for line in table for name in re.findall(r"`(\w+)`", line.split("|")[1])}
        for table in _tables(DOCUMENTED.read_text(encoding="utf-8"))
    )
    assert {*killed.summary} == whole
    assert {frozenset(told) for told in killed.summary["faults"]} == {frozenset(fault)}


def _tables(text: str) -> list[list[str]]:
    """Return the rows of each table whose first column is called `field`."""
    tables: list[list[str]] = []
    for line in text.splitlines():
        if line.startswith("| field"):
            tables.append([])
        elif line.startswith("| `"):
            tables[-1].append(line)
    return tables


def test_everything_that_is_promised_is_left(killed: Played) -> None:
    left = {str(path.relative_to(killed.folder)) for path in killed.folder.rglob("*")}
    assert {"slack.html", "journal.jsonl", "aws-calls.jsonl", "summary.json", "dashboards"} <= left
    papers = {Path(name).suffix for name in left if name.startswith("statement/")}
    assert {".html", ".pdf", ".csv", ".json"} <= papers


def test_who_only_observes_is_told_no(stage: Stage) -> None:
    status, out, err = stage.play("--observe", *SPEED)
    assert err == ""
    assert status == 1
    played = Played(status, out, stage.out)
    assert played.calls() == []
    assert not all(fault["right"] for fault in played.summary["faults"])
    assert played.summary["alerts"]["lost"] == 0
