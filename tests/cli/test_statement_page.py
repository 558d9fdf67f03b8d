"""The page that leads from another tool's history to a statement, lived through as it stands there."""

from __future__ import annotations

import re
import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

    from tests.cli.conftest import Command

PAGE = (Path(__file__).parents[2] / "docs" / "statement.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"^`(\w+\.yaml)` [^\n]*:\n\n```yaml\n(.*?)```", PAGE, re.MULTILINE | re.DOTALL))
COMMANDS = re.findall(r"^\$ fournines (.*)$", PAGE, re.MULTILINE)
CLOCK = "clock: {kind: fast, start: 2026-11-02T09:00Z, epoch: 2020-01-01T00:00Z, speed: 0.0000000001}\n"
#: October in Berlin, where clocks go back.
FIRST, AFTER = datetime(2026, 9, 30, 22, tzinfo=UTC), datetime(2026, 10, 31, 23, tzinfo=UTC)
DOWN = datetime(2026, 10, 14, 8, tzinfo=UTC)
ASKED = {"eu-west-1": 600, "us-east-1": 200}


def month() -> Iterator[str]:
    yield "minute,account,region,cluster,service,indicator,good,bad,total,state\n"
    minute = FIRST
    while minute < AFTER:
        for region, total in ASKED.items():
            down = region == "eu-west-1" and DOWN <= minute < DOWN + timedelta(minutes=4)
            for indicator, bad in (("availability", total if down else 0), ("latency", total // 200)):
                counts = f"{total - bad},{bad},{total}"
                yield (
                    f"{minute:%Y-%m-%dT%H:%MZ},123456789012,{region},shop,checkout,{indicator},"
                    f"{counts},observed\n"
                )
        minute += timedelta(minutes=1)


def test_five_commands_lead_from_three_openslo_files_and_a_csv_to_the_statement(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fournines: Command
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text in FILES.items():
        (tmp_path / name).write_text(text + (CLOCK if name == "fournines.yaml" else ""), encoding="utf-8")
    with (tmp_path / "october.csv").open("w", encoding="utf-8") as file:
        file.writelines(month())
    assert len(COMMANDS) == 5
    said = [fournines(*shlex.split(command)) for command in COMMANDS]
    assert [(one.code, one.err) for one in said] == [(0, "")] * 5
    validated, imported, budget, spent, reported = (one.out for one in said)
    assert "checkout-fast: 99 % of requests to checkout are answered within 1 s" in validated
    assert imported.startswith("178,800 cells were taken from 178,800 rows")
    assert "checkout" in budget
    assert "nobody that we know of" in spent
    shown = re.search(r"failed whole,\n\n```\n(.*?)```", PAGE, re.DOTALL)
    assert shown is not None
    assert reported == shown[1]
    again = fournines(*shlex.split(COMMANDS[-1]))
    reprinted = "Revision 1 as it was issued 2026-11-02 09:00 UTC; --restate closes the month again."
    assert again.out == reported.replace("Issued as revision 1.", reprinted)
