"""Runbooks are found by what people have in hand, and every name in them exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from remediation.vocabulary import ActionName, Cause
from runbooks.front import RunbookError
from runbooks.shelf import Shelf, read, shipped

LIBRARY = shipped()


def test_every_cause_and_every_action_has_its_runbook_and_no_name_is_strange() -> None:
    assert LIBRARY.check([str(c) for c in Cause], [str(a) for a in ActionName]) == ()


def test_runbooks_are_found_by_cause_action_and_id() -> None:
    found = (LIBRARY.for_cause("surge"), LIBRARY.for_action("rollback"))
    assert [book.id for book in found if book] == ["surge", "rollback"]
    assert LIBRARY["fournines-silent"].title == "fournines itself is quiet"
    assert "fournines-silent" in LIBRARY
    assert LIBRARY.for_cause("witchcraft") is None


def test_a_cause_without_a_runbook_and_an_unknown_action_are_problems() -> None:
    found = [
        str(problem) for problem in LIBRARY.check([*Cause, "witchcraft"], ["scale_out", "spot_fallback"])
    ]
    assert found[0] == "runbooks: no runbook for the cause 'witchcraft': list it under `causes:` of one"
    assert "rollback.md: no such action: 'rollback'; known are scale_out, spot_fallback" in found


def test_a_users_runbook_replaces_ours_and_is_found_first(tmp_path: Path) -> None:
    own = LIBRARY_TEXTS["surge"].replace("# More requests", "# At our place more requests")
    (tmp_path / "surge.md").write_text(own, encoding="utf-8")
    shelf = read(tmp_path).over(LIBRARY)
    assert shelf["surge"].title.startswith("At our place")
    assert len(shelf.runbooks) == len(LIBRARY.runbooks)
    assert next(iter(shelf.runbooks)) == "surge"


def test_every_broken_file_of_a_folder_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "one.md").write_text("nothing", encoding="utf-8")
    (tmp_path / "two.md").write_text(LIBRARY_TEXTS["surge"], encoding="utf-8")
    (tmp_path / "notes.txt").write_text("ignored", encoding="utf-8")
    with pytest.raises(RunbookError) as caught:
        read(tmp_path)
    assert [(p.file, p.line) for p in caught.value.problems] == [("one.md", 1), ("two.md", 2)]


def test_an_empty_folder_is_an_empty_shelf(tmp_path: Path) -> None:
    assert read(tmp_path) == Shelf({})


LIBRARY_TEXTS = {
    path.stem: path.read_text(encoding="utf-8")
    for path in (Path(__file__).parents[2] / "runbooks" / "library").glob("*.md")
}


@pytest.mark.parametrize("name", sorted(LIBRARY_TEXTS))
def test_a_runbook_says_how_to_undo_and_its_lines_fit_a_terminal(name: str) -> None:
    text = LIBRARY_TEXTS[name]
    assert re.search(r"\*\*To undo", text)
    prose = [line for line in text.splitlines() if not line.startswith(("|", " ", "-"))]
    assert [line for line in prose if len(line) > 122] == []


@pytest.mark.parametrize("name", sorted(LIBRARY_TEXTS))
def test_a_runbook_names_only_runbooks_that_exist(name: str) -> None:
    named = re.findall(r"(?:runbook|[Ss]ee|look at|as) `([a-z_-]+)`", LIBRARY_TEXTS[name])
    assert [other for other in named if other not in LIBRARY_TEXTS] == []
