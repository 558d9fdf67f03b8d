from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runbooks import shelf

if TYPE_CHECKING:
    from tests.cli.conftest import Command

OURS = shelf.shipped()


def own(folder: Path, text: str) -> None:
    (folder / "runbooks").mkdir()
    (folder / "runbooks" / "surge.md").write_text(text, encoding="utf-8")
    file = folder / "fournines.yaml"
    file.write_text(file.read_text(encoding="utf-8") + "runbooks: [runbooks]\n", encoding="utf-8")


def surge() -> str:
    path = Path(shelf.__file__).parent / "library" / "surge.md"
    return path.read_text(encoding="utf-8")


def test_ours_are_listed_without_any_configuration(
    tmp_path: Path, fournines: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    told = json.loads(fournines("runbook", "list", "--json").out)
    assert [one["id"] for one in told] == list(OURS.runbooks)


def test_your_own_lies_over_ours(folder: Path, fournines: Command) -> None:
    own(folder, surge().replace("# More requests", "# Our own words: more requests"))
    said = fournines("runbook", "show", "surge")
    assert said.out.startswith("# Our own words: more requests")
    assert len(json.loads(fournines("runbook", "list", "--json").out)) == len(OURS.runbooks)


def test_a_wrong_runbook_of_your_own_is_told_with_file_and_line(folder: Path, fournines: Command) -> None:
    own(folder, surge().replace("severity: page", "severity: loud"))
    said = fournines("runbook", "list")
    assert said.code == 1
    assert said.err.startswith("runbooks/surge.md:")
    assert "severity" in said.err


@pytest.mark.usefixtures("folder")
def test_an_unknown_runbook_names_those_that_there_are(fournines: Command) -> None:
    assert fournines("runbook", "show", "x").err.startswith("there is no runbook 'x': there are crash_loop, ")


@pytest.mark.usefixtures("folder")
def test_ours_are_sound(fournines: Command) -> None:
    said = fournines("runbook", "check")
    assert (said.code, said.err) == (0, "")
    assert f"{len(OURS.runbooks)} runbooks are sound" in said.out


def test_a_folder_is_checked_before_it_is_used(folder: Path, fournines: Command) -> None:
    (folder / "new").mkdir()
    (folder / "new" / "surge.md").write_text(
        surge().replace("causes: [surge]", "causes: [gremlins]"), encoding="utf-8"
    )
    said = fournines("runbook", "check", "new")
    assert said.code == 1
    assert "no runbook for the cause 'surge'" in said.err
    assert "no such cause: 'gremlins'" in said.err
    assert json.loads(fournines("runbook", "check", "new", "--json").out)["ok"] is False


def test_an_overdue_review_is_told_and_is_no_error(folder: Path, fournines: Command) -> None:
    (folder / "new").mkdir()
    reviewed = next(line for line in surge().splitlines() if line.startswith("last_reviewed"))
    (folder / "new" / "surge.md").write_text(
        surge().replace(reviewed, "last_reviewed: 2020-01-01"), encoding="utf-8"
    )
    said = fournines("runbook", "check", "new")
    assert said.code == 0
    assert "surge: its review was due on 2020-" in said.out
