from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

from rich.console import Console

from fournines.demo.story import HELD, Story

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
PLACE = "123456789012/{}/mylearning/web-app"


def at(seconds: float) -> str:
    return (NOON + timedelta(seconds=seconds)).isoformat()


def entry(n: int, kind: str, seconds: float, region: str | None = "eu-west-1") -> dict[str, object]:
    place = None if region is None else PLACE.format(region)
    return {
        "n": n, "kind": kind, "at": at(seconds), "sentence": "So it is.", "placement": place,
        "incident": "web-app-20261123-1200",
    }  # fmt: skip


def test_a_fault_is_told_once_whatever_its_place_in_the_list() -> None:
    paper = Console(record=True, width=200, file=io.StringIO())
    story, now = Story(paper), at(360)
    always = {"kind": "events_duplicated", "where": {}}
    bad = {"kind": "bad_deployment", "where": {"service": "web-app", "region": "eu-west-1"}}
    story.hear(now, [always], [])
    story.hear(now, [bad, always], [])
    story.hear(now, [bad, always], [])
    story.end()
    assert paper.export_text().count("web-app in eu-west-1") == 1


def test_lines_come_in_the_order_of_what_happened_however_late_it_was_written_down() -> None:
    paper = Console(record=True, width=200, file=io.StringIO())
    story = Story(paper)
    bad = {"kind": "bad_deployment", "where": {"service": "web-app"}}
    story.hear(at(60), [bad], [entry(1, "opened", 50)])
    story.note(at(80), "the service is killed")
    story.hear(at(90), [bad], [entry(2, "diagnosed", 85), entry(3, "decided", 40)])
    story.hear(at(60 + HELD.total_seconds()), [bad], [])
    assert [line.split()[0] for line in paper.export_text(clear=False).splitlines()] == [
        "12:00:40", "12:00:50", "12:01:00",
    ]  # fmt: skip
    story.end()
    assert "12:01:20  the demo   the service is killed" in paper.export_text()


def test_what_is_over_names_every_region_in_which_it_was_seen() -> None:
    paper = Console(record=True, width=200, file=io.StringIO())
    story = Story(paper)
    joined = entry(2, "joined", 20, "us-east-1")
    story.hear(at(60), [], [entry(1, "opened", 10), joined, entry(3, "resolved", 50, None)])
    story.end()
    assert "web-app/eu-west-1+us-east-1  resolved: So it is." in paper.export_text()
