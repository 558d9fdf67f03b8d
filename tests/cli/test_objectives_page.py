"""The example of the page on objectives is what `fournines validate` says of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from slo.openslo.alerts import SEVERITIES

if TYPE_CHECKING:
    from tests.cli.conftest import Command

PAGE = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")
OBJECTIVES = PAGE.split("\n## Objectives\n")[1].split("\n## ")[0]
FILES = dict(re.findall(r"^`(\w+\.yaml)` [^\n]*:\n\n```yaml\n(.*?)```", OBJECTIVES, re.MULTILINE | re.DOTALL))


def test_the_example_of_three_files_is_sound_and_says_what_the_page_says(
    folder: Path, fournines: Command
) -> None:
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    said = fournines("validate", *FILES)
    assert (len(FILES), said.code, said.err) == (3, 0, "")
    shown = re.search(r"\$ fournines validate [^\n]*\n(.*?)```", OBJECTIVES, re.DOTALL)
    assert shown is not None
    assert shown[1].split() == said.out.split()


def test_every_word_of_severity_is_on_the_page() -> None:
    spans = {"sev4", "p4"}
    assert {word for word in SEVERITIES if f"`{word}`" not in OBJECTIVES} == spans
