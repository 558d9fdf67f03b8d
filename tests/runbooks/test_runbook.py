"""A runbook is read whole or not at all, and says where it is wrong."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from runbooks.front import RunbookError
from runbooks.runbook import SECTIONS, StepKind, parse

FRONT = """---
id: disk-full
causes: [disk]
owner: platform-oncall
severity: page
last_reviewed: 2026-10-01
review_days: 90
steps:
  - id: look
    kind: check
    title: See how full it is
    run: aws ecs describe-services --services web
    timeout: 90s
  - id: free
    kind: action
    title: Free some
    run: clean_up
    undo: Restore from the bin.
---
"""
HEADINGS = ", ".join(f"## {name}" for name in SECTIONS)
BODY = "# The disk is full\n\n" + "\n\n".join(f"## {name}\n\nWords about it." for name in SECTIONS) + "\n"


def problems(text: str) -> list[str]:
    with pytest.raises(RunbookError) as caught:
        parse(text, "disk-full.md")
    return [str(problem) for problem in caught.value.problems]


def test_a_runbook_is_read() -> None:
    book = parse(FRONT + BODY, "disk-full.md")
    assert (book.id, book.title, book.causes, book.severity) == (
        "disk-full",
        "The disk is full",
        ("disk",),
        "page",
    )
    assert [step.kind for step in book.steps] == [StepKind.CHECK, StepKind.ACTION]
    assert book.steps[0].timeout == timedelta(seconds=90)
    assert book.section("Meaning") == "Words about it."
    assert book.markdown.startswith("# The disk is full")


def test_a_review_is_due_after_its_days() -> None:
    book = parse(FRONT + BODY, "disk-full.md")
    assert not book.stale(date(2026, 12, 30))
    assert book.stale(date(2026, 12, 31))


def test_every_problem_is_told_at_once_with_its_line() -> None:
    text = (FRONT + BODY).replace("severity: page", "severity: loud").replace("90s", "soon")
    text = text.replace("    undo: Restore from the bin.\n", "").replace("## Impact", "## Effects")
    assert problems(text) == [
        "disk-full.md:5: severity: Input should be 'page' or 'ticket'",
        "disk-full.md:13: steps.0.timeout: expected a duration such as 90s, 10m or 2h, got 'soon'",
        "disk-full.md:14: steps.1: an action says either how to `undo` it or `irreversible: true`",
        f"disk-full.md:19: the sections are, in this order: {HEADINGS}",
    ]


def test_a_check_that_changes_something_is_refused() -> None:
    text = (FRONT + BODY).replace("describe-services --services web", "delete-service --service web")
    assert problems(text) == [
        "disk-full.md:9: steps.0: a check only looks: `aws ... describe-|list-|get-`, `fournines explain` ..."
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "# no front matter\n",
            "disk-full.md:1: a runbook begins with front matter between two lines of '---'",
        ),
        ("", "disk-full.md:1: a runbook begins with front matter between two lines of '---'"),
        ("---\n- a list\n---\n", "disk-full.md:2: front matter is `key: value` lines, beginning with `id:`"),
        ("---\nid: a\nid: b\n---\n", "disk-full.md:3: 'id' stands here twice; keep one"),
        (
            "---\nid: [a\n---\n",
            "disk-full.md:2: this is no YAML: expected ',' or ']', but got '<stream end>'",
        ),
    ],
    ids=["no-front", "empty", "list", "twice", "no-yaml"],
)
def test_front_matter_that_cannot_be_read_is_named(text: str, expected: str) -> None:
    assert problems(text) == [expected]


def test_a_heading_inside_a_code_block_is_no_section() -> None:
    body = BODY.replace("Words about it.", "```bash\n## not a section\n```", 1)
    assert "## not a section" in parse(FRONT + body, "disk-full.md").section("Meaning")


def test_an_empty_section_is_refused() -> None:
    body = BODY.replace("## Escalation\n\nWords about it.", "## Escalation")
    assert problems(FRONT + body) == ["disk-full.md:20: the section Escalation is empty"]


def test_a_body_without_a_title_is_refused() -> None:
    assert problems(FRONT + BODY.removeprefix("# The disk is full\n\n"))[0].startswith(
        "disk-full.md:20: after the front matter comes the title"
    )
