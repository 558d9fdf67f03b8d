from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

import pytest

from fournines.store.books import Books

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Command

HEADER = "minute,account,region,cluster,service,indicator,good,bad,total,state\n"


def rows(count: int, *, day: int = 1, month: int = 10) -> str:
    return HEADER + "".join(
        f"2026-{month:02}-{day:02}T{minute // 60:02}:{minute % 60:02}:00Z,123456789012,{region},mylearning,"
        "course-catalog,availability,999,1,1000,observed\n"
        for minute in range(count)
        for region in ("eu-west-1", "us-east-1")
    )


def test_what_is_exported_can_be_imported_and_is_the_same(kept: Path, fournines: Command) -> None:
    assert fournines("export", "--out", "all.csv").out == "240 cells were written to all.csv.\n"
    first = (kept / "all.csv").read_text(encoding="utf-8")
    (kept / "books.db").unlink()
    said = fournines("import", "all.csv", "--label", "before")
    assert said.code == 0
    assert said.out == (
        "230 cells were taken from 240 rows, 2026-11-23 10:45 to 2026-11-23 12:44 UTC, labelled 'before'.\n"
        "10 rows say that nothing is known, which changes nothing.\n"
    )
    assert fournines("export").out == first


@pytest.mark.usefixtures("kept")
def test_a_time_is_cut_out_and_an_empty_one_says_what_there_is(fournines: Command) -> None:
    lines = fournines("export", "--from", "2026-11-23T12:00Z", "--to", "2026-11-23T12:02Z").out.splitlines()
    assert len(lines) == 1 + 2 * 2
    said = fournines("export", "--from", "2026-11-24")
    assert said.code == 1
    assert "there are minutes from 2026-11-23T10:45Z to 2026-11-23T12:45Z" in said.err


@pytest.mark.usefixtures("kept")
def test_what_was_measured_stays_as_it_was(fournines: Command) -> None:
    fournines("export", "--out", "all.csv")
    assert "230 cells stay as fournines measured them itself.\n" in fournines("import", "all.csv").out


def test_rows_of_a_region_that_nobody_watches_are_taken_and_noted(folder: Path, fournines: Command) -> None:
    strange = rows(3).replace("us-east-1", "us-est-1") + rows(1, day=2).removeprefix(HEADER)
    (folder / "cells.csv").write_text(strange, encoding="utf-8")
    note = "3 rows of us-est-1: none of the regions that are watched, eu-west-1, us-east-1"
    assert f"note: {note}\n" in fournines("import", "cells.csv").out
    told = json.loads(fournines("import", "cells.csv", "--json").out)
    assert (told["cells"], told["notes"]) == (8, [note])
    (folder / "cells.csv").write_text(rows(1), encoding="utf-8")
    assert "note" not in fournines("import", "cells.csv").out


def test_an_empty_file_is_told_by_its_missing_header(folder: Path, fournines: Command) -> None:
    (folder / "cells.csv").write_text("", encoding="utf-8")
    said = fournines("import", "cells.csv")
    assert (said.code, said.err.count("\n")) == (1, 1)
    assert said.err.startswith("cells.csv:1: expected the header minute,account,")


def test_one_wrong_row_and_nothing_is_imported(folder: Path, fournines: Command) -> None:
    text = rows(3).replace("999,1,1000", "998,1,1000", 1)
    (folder / "cells.csv").write_text(text, encoding="utf-8")
    said = fournines("import", "cells.csv")
    assert said.code == 1
    assert said.err.startswith(
        "cells.csv:2: expected good and bad to add up to total, got '2026-10-01T00:00:00Z,"
    )
    assert said.err.endswith("1 of 6 rows cannot be taken, so nothing was imported\n")
    with Books.visit(str(folder / "books.db")) as books:
        assert not books.extent()
        assert books.imports() == ()


def test_many_wrong_rows_are_counted_and_some_shown(folder: Path, fournines: Command) -> None:
    (folder / "cells.csv").write_text(rows(50).replace("observed", "seen"), encoding="utf-8")
    told = fournines("import", "cells.csv").err.splitlines()
    assert len(told) == 23
    assert told[-3:-1] == ["and 80 more", "100 x expected a state: unknown, no_traffic, observed, excluded"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "expected the header"),
        (HEADER.encode(), "holds no cells below its header"),
        (b"\xff\xfe", "not UTF-8 text"),
        (None, "No such file or directory"),
    ],
)
def test_what_is_no_file_of_cells_is_told(
    folder: Path, fournines: Command, content: bytes | None, told: str
) -> None:
    if content is not None:
        (folder / "cells.csv").write_bytes(content)
    said = fournines("import", "cells.csv")
    assert said.code == 1
    assert told in said.err


def test_every_rejected_row_is_written_where_it_is_asked_for(folder: Path, fournines: Command) -> None:
    text = rows(30).replace("observed", "seen", 2).replace("999,1,1000,observed", '"998",1,1000,observed', 2)
    (folder / "cells.csv").write_text(text, encoding="utf-8")
    said = fournines("import", "cells.csv", "--rejected", "rejected.csv")
    assert said.err.splitlines()[-4:] == [
        "2 x expected a state: unknown, no_traffic, observed, excluded",
        "2 x expected good and bad to add up to total",
        "4 of 60 rows cannot be taken, so nothing was imported",
        "each of them is in rejected.csv",
    ]
    with (folder / "rejected.csv").open(encoding="utf-8") as lines:
        report = list(csv.DictReader(lines))
    assert [int(one["line"]) for one in report] == [2, 3, 4, 5]
    assert [one["row"] for one in report] == text.splitlines()[1:5]
    assert report[3]["reason"] == "expected good and bad to add up to total"


def test_a_minute_that_stands_in_two_files_counts_as_the_last_one_tells_it(
    folder: Path, fournines: Command
) -> None:
    (folder / "one.csv").write_text(rows(3), encoding="utf-8")
    (folder / "two.csv").write_text(rows(2).replace("999,1,", "990,10,"), encoding="utf-8")
    assert [fournines("import", name).code for name in ("one.csv", "two.csv")] == [0, 0]
    exported = fournines("export").out.splitlines()[1:]
    assert [line.split(",")[7] for line in exported] == ["10", "10", "10", "10", "1", "1"]
    with Books.open(str(folder / "books.db")) as books:
        (kept,) = books.entries()
        assert kept.entry.sentence.startswith("4 settled cells of 2 indicators between 2026-10-01 00:00")


def test_the_past_of_a_service_that_discovery_never_saw_is_kept_and_comes_out_again(
    folder: Path, fournines: Command
) -> None:
    text = rows(3).replace("course-catalog", "long-gone")
    (folder / "cells.csv").write_text(text, encoding="utf-8")
    assert fournines("import", "cells.csv").code == 0
    assert fournines("export").out == text


def test_nothing_is_imported_under_a_running_service(kept: Path, fournines: Command) -> None:
    (kept / "cells.csv").write_text(rows(1), encoding="utf-8")
    with Books.open(str(kept / "books.db")):
        said = fournines("import", "cells.csv")
    assert said.code == 1
    assert "in use by another fournines: stop that one" in said.err


def test_a_month_that_is_not_over_is_reported_and_not_issued(kept: Path, fournines: Command) -> None:
    said = fournines(
        "report", "--month", "2026-11", "--tenant", "acme", "--out", "statements", "--format", "csv,json"
    )
    assert said.code == 0
    assert said.out.startswith("Not final, the month has not ended: so far ")
    assert said.out.endswith(
        "Not issued: the month is not over.\nstatements/acme-2026-11.csv\nstatements/acme-2026-11.json\n"
    )
    statement = json.loads((kept / "statements/acme-2026-11.json").read_text(encoding="utf-8"))
    assert statement["verdict"] == "not_final"
    assert [(one["id"], one["cause"], one["action"]) for one in statement["incidents"]] == [
        ("course-catalog-20261123-1216", "deployment", "")
    ], "what was only proposed is no action"
    with Books.visit(str(kept / "books.db")) as books:
        assert books.statements.issued("acme-sla", "2026-11") == ()


def test_a_month_that_is_over_is_issued_once_with_its_imports(folder: Path, fournines: Command) -> None:
    (folder / "october.csv").write_text(rows(1440), encoding="utf-8")
    fournines("import", "october.csv")
    arguments = ("report", "--month", "2026-10", "--tenant", "acme", "--format", "json", "--json")
    (first,) = json.loads(fournines(*arguments).out)
    assert (first["verdict"], first["revision"], first["files"]) == ("breached", 1, ["acme-2026-10.json"])
    written = (folder / "acme-2026-10.json").read_bytes()
    assert json.loads(written)["totals"]["imported"]["exact"] == 2 * 1440
    (again,) = json.loads(fournines(*arguments).out)
    assert again["revision"] == 1
    assert (folder / "acme-2026-10.json").read_bytes() == written
    (folder / "late.csv").write_text(rows(60, day=2), encoding="utf-8")
    fournines("import", "late.csv")
    (late,) = json.loads(fournines(*arguments).out)
    assert (late["revision"], (folder / "acme-2026-10.json").read_bytes()) == (1, written)
    (late,) = json.loads(fournines(*arguments, "--restate").out)
    assert late["revision"] == 2
    restated = json.loads((folder / "acme-2026-10.json").read_bytes())
    changed = {one["what"]: (one["before"], one["after"]) for one in restated["changes"]}
    assert changed["imported minutes"] == ("2,880", "3,000")
    (again,) = json.loads(fournines(*arguments, "--restate").out)
    assert again["revision"] == 2


def test_every_format_is_written(kept: Path, fournines: Command) -> None:
    assert fournines("report", "--month", "2026-11", "--tenant", "acme", "--out", "x").code == 0
    assert sorted(path.name for path in (kept / "x").iterdir()) == [
        "acme-2026-11.csv",
        "acme-2026-11.html",
        "acme-2026-11.json",
        "acme-2026-11.pdf",
    ]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--month", "2026-13", "--tenant", "acme"], "a month is YYYY-MM"),
        (
            ["--month", "2026-12", "--tenant", "acme"],
            "has not begun: it starts 2026-11-30 23:00 UTC (Europe/Berlin)",
        ),
        (
            ["--month", "2026-11", "--tenant", "emca"],
            "no contract is with a tenant 'emca': the configuration knows acme",
        ),
        (
            ["--month", "2026-11", "--tenant", "acme", "--format", "doc"],
            "--format takes html, pdf, csv, json",
        ),
        (["--month", "2026-11", "--tenant", "acme", "--out", "books.db"], "name another place with --out"),
    ],
)
@pytest.mark.usefixtures("kept")
def test_a_report_that_cannot_be_made_says_why(fournines: Command, arguments: list[str], told: str) -> None:
    said = fournines("report", *arguments)
    assert said.code in (1, 2)
    assert told in said.err or "is a file" in said.err


def test_a_month_of_which_nothing_is_known_is_not_issued_by_mistake(kept: Path, fournines: Command) -> None:
    arguments = ("report", "--month", "2026-10", "--tenant", "acme", "--format", "json")
    said = fournines(*arguments)
    assert said.code == 0
    assert "nothing was counted over all placements pooled" in said.out
    assert "Not issued: no minute of the month is known." in said.out
    with Books.visit(str(kept / "books.db")) as books:
        assert books.statements.issued("acme-sla", "2026-10") == ()
    assert "Issued as revision 1." in fournines(*arguments, "--restate").out


def test_it_is_said_whether_a_month_was_issued_now_or_before(folder: Path, fournines: Command) -> None:
    (folder / "cells.csv").write_text(rows(1440), encoding="utf-8")
    fournines("import", "cells.csv")
    arguments = ("report", "--month", "2026-10", "--tenant", "acme", "--format", "json")
    assert "\nIssued as revision 1.\n" in fournines(*arguments).out
    (folder / "late.csv").write_text(rows(60, day=2), encoding="utf-8")
    assert "\nRevision 1 as it was issued 20" in fournines(*arguments).out
    assert "; --restate closes the month again.\n" in fournines(*arguments).out
    assert "\nNothing has changed: revision 1 stays" in fournines(*arguments, "--restate").out
    fournines("import", "late.csv")
    assert "\nIssued as revision 2.\n" in fournines(*arguments, "--restate").out


def test_dashboards_are_written_as_a_tree(folder: Path, fournines: Command) -> None:
    said = fournines("dashboards", "--out", "grafana", "--web-url", "https://nines.example")
    assert said.code == 0
    assert "grafana/provisioning/dashboards/fournines.yaml" in said.out.splitlines()
    assert "https://nines.example" in (folder / "grafana/dashboards/fournines/service.json").read_text(
        encoding="utf-8"
    )


def test_what_cannot_be_written_leaves_nothing_behind(kept: Path, fournines: Command) -> None:
    (kept / "file").write_text("", encoding="utf-8")
    said = fournines("export", "--out", "file/x.csv")
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith("file/x.csv cannot be written: ")


def test_a_script_can_read_what_was_imported(folder: Path, fournines: Command) -> None:
    (folder / "cells.csv").write_text(rows(2), encoding="utf-8")
    done = json.loads(fournines("import", "cells.csv", "--json").out)
    assert (done["label"], done["cells"], done["first"]) == ("cells.csv", 4, "2026-10-01T00:00:00+00:00")
