"""A statement on paper: the same numbers in every form, the same bytes each time, safe to open."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import fields, is_dataclass, replace
from fractions import Fraction
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import pytest
from pypdf import PdfReader

from fournines.paper import charts, sheet, spreadsheet
from fournines.paper.palette import PRINT
from fournines.paper.statement import html, pdf
from slo.contracts import Measure, Scope
from slo.figures import Figure
from slo.months import Month
from slo.operations import Facts, operations
from slo.statement import Statement, Verdict, from_json, to_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

OCTOBER = Month(2026, 10)
GOLDEN = Path(__file__).parent / "golden"
TEMPLATES = Path(sheet.__file__).parent / "templates"


def figures(value: object) -> Iterator[Figure]:
    """Every number of a statement."""
    if isinstance(value, Figure):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from figures(item)
    elif is_dataclass(value):
        for field in fields(value):
            yield from figures(getattr(value, field.name))


class Page(HTMLParser):
    """What a browser makes of HTML: its words, its tags, and whether they close."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data.strip())


def test_html_is_the_golden_one(breached: Statement, golden: Callable[[Path, str], None]) -> None:
    golden(GOLDEN / "breached.html", html(breached))


def test_csv_is_the_golden_one(breached: Statement, golden: Callable[[Path, str], None]) -> None:
    golden(GOLDEN / "breached.csv", spreadsheet.text(breached).replace("\r\n", "\n"))


def test_every_number_stands_in_html_csv_and_json_as_the_statement_says_it(breached: Statement) -> None:
    page = Page(html(breached))
    records = list(csv.DictReader(io.StringIO(spreadsheet.text(breached), newline="")))
    cells = {cell for record in records for cell in record.values()}
    for figure in figures(breached):
        assert figure.text in page.words
        assert (figure.text in cells) or (figure.text.replace(",", "") in cells)
        assert f'"text":"{figure.text}"' in to_json(breached)


@pytest.mark.parametrize("name", ["statement.html.j2", "statement.typ"])
def test_both_layouts_print_every_part_of_the_sheet(name: str) -> None:
    template = (TEMPLATES / name).read_text(encoding="utf-8")
    assert [part.name for part in fields(sheet.Sheet) if f"sheet.{part.name}" not in template] == []


def test_every_number_but_a_target_per_line_is_on_the_sheet(breached: Statement) -> None:
    text = json.dumps(sheet.lay(breached).plain())
    assert [figure.text for figure in figures(breached) if figure.text not in text] == []


def test_html_is_whole_and_needs_nothing_from_elsewhere(breached: Statement) -> None:
    text = html(breached)
    page = Page(text)
    assert page.open == []
    assert not {"script", "img", "link", "iframe"} & {tag for tag, _ in page.tags}
    assert "Content-Security-Policy" in text
    assert re.findall(r"(?:src|href)=|url\((?!#)", text) == []


def test_html_can_be_heard(breached: Statement) -> None:
    page = Page(html(breached))
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    named = [
        name for _, attributes in page.tags for name in (attributes.get("aria-labelledby") or "").split()
    ]
    assert set(named) <= set(ids)
    assert ("html", {"lang": "en"}) in page.tags
    headings = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h[1-6]", tag)]
    assert headings[0] == 1
    assert set(headings[1:]) == {2}
    assert all(attributes.get("scope") for tag, attributes in page.tags if tag == "th")


def test_foreign_text_is_text(breached: Statement) -> None:
    evil = replace(breached, display_name="<script>alert(1)</script>", tenant="+cmd|' /C calc'!A0")
    assert "<script>" not in html(evil)
    assert ",'+cmd|' /C calc'!A0," in spreadsheet.text(evil)
    assert "'=HYPERLINK(payment)" in spreadsheet.text(breached)
    assert pdf(evil).startswith(b"%PDF")


def test_csv_keeps_the_rules_of_its_kind(breached: Statement) -> None:
    text = spreadsheet.text(breached)
    assert text.count("\r\n") == text.count("\n") == len(text.splitlines())
    records = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    assert {len(record) for record in records} == {len(spreadsheet.COLUMNS)}
    assert {record[0] for record in records} == {
        "record", "line", "region", "total", "both", "exclusion", "day", "incident", "credit", "latency",
        "operations", "action", "month", "change", "figure", "word",
    }  # fmt: skip


def _run_together(words: str) -> str:
    """Return words without the space between them: lines break elsewhere in a PDF."""
    return "".join(words.split())


def test_a_pdf_read_back_says_every_number_and_fact_and_every_row_whole(breached: Statement) -> None:
    pages = PdfReader(io.BytesIO(pdf(breached))).pages
    text = _run_together("".join(page.extract_text() for page in pages))
    laid = sheet.lay(breached)
    parts = [getattr(laid, part.name) for part in fields(laid)]
    rows = ["".join(row.cells) for part in parts if isinstance(part, sheet.Table) for row in part.rows]
    facts = [
        fact for part in parts if isinstance(part, tuple) for fact in part if isinstance(fact, sheet.Fact)
    ]
    said = [
        *(figure.text for figure in figures(breached)),
        *rows,
        *(one.label for one in facts),
        *(one.text for one in facts),
    ]
    assert [one for one in said if _run_together(one) not in text] == []


def test_a_pdf_has_the_same_bytes_each_time_and_is_tagged(breached: Statement) -> None:
    made = pdf(breached)
    assert made == pdf(breached)
    for mark in (b"/StructTreeRoot", b"/Lang", b"pdfuaid", b"/Marked true"):
        assert mark in made
    assert b"CreationDate" not in made


def test_another_number_is_another_pdf(breached: Statement, met: Statement) -> None:
    assert pdf(breached) != pdf(met)


@pytest.mark.parametrize("verdict", list(Verdict))
def test_each_verdict_is_said_in_words_and_has_its_colour(met: Statement, verdict: Verdict) -> None:
    text = html(replace(met, verdict=verdict))
    assert f'<section class="verdict {verdict}"' in text
    assert f"<strong>{sheet.WORDS[verdict]}</strong>" in text
    assert f".{verdict} {{" in (TEMPLATES / "statement.css").read_text(encoding="utf-8")
    assert pdf(replace(met, verdict=verdict)).startswith(b"%PDF")


def test_a_line_with_unknown_minutes_is_not_proven_and_one_over_budget_not_met(breached: Statement) -> None:
    rows = {row.cells[:2]: row for row in sheet.lay(breached).lines.rows}
    assert rows["web-app", "us-east-1"].cells[2] == "not proven"
    assert rows["course-catalog", "eu-west-1"].cells[2] == "not met"
    assert (rows["web-app", "eu-west-1"].cells[2], rows["web-app", "eu-west-1"].marked) == ("met", False)


def test_an_unfinished_month_says_so_far_and_leaves_its_future_blank(unfinished: Statement) -> None:
    assert {row.cells[2] for row in sheet.lay(unfinished).lines.rows} == {"met so far"}
    heat = charts.heat_map(unfinished, PRINT)
    assert ("Mon 12 Oct, 00 h to 10 h" in heat, "Tue 13 Oct, " in heat) == (True, False)
    assert unfinished.days[11].budget_left.text in charts.burn_down(unfinished, PRINT)


def test_an_even_pace_is_drawn_beside_every_budget(met: Statement) -> None:
    assert "stroke-dasharray" in charts.burn_down(met, PRINT)
    assert "even pace" in sheet.lay(met).course
    assert "win some of it back" in sheet.lay(replace(met, measure=Measure.REQUESTS)).course


def test_what_was_issued_prints_again_byte_by_byte(breached: Statement) -> None:
    again = from_json(to_json(breached))
    assert again == breached
    assert to_json(again) == to_json(breached)
    assert html(again) == html(breached)
    assert spreadsheet.text(again) == spreadsheet.text(breached)
    assert pdf(again) == pdf(breached)


def test_a_budget_that_is_drawn_less_deep_than_it_fell_says_so(breached: Statement, met: Statement) -> None:
    deep = tuple(replace(day, budget_left=Figure(-7, "-700.0 %")) for day in breached.days)
    assert "≤ -100 %" in charts.burn_down(replace(breached, days=deep), PRINT)
    assert "≤" not in charts.burn_down(met, PRINT)


def test_charts_are_wellformed_and_stay_inside(breached: Statement) -> None:
    deep = tuple(replace(day, budget_left=Figure(-7, "-700.0 %")) for day in breached.days)
    for svg in (
        charts.heat_map(breached, PRINT),
        charts.region_strips(breached, PRINT),
        charts.burn_down(breached, PRINT),
        charts.burn_down(replace(breached, days=deep), PRINT),
    ):
        root = ET.fromstring(svg)  # noqa: S314 - we wrote it
        height = float(root.attrib["viewBox"].split()[3])
        for rect in root.iter("{http://www.w3.org/2000/svg}rect"):
            if "y" in rect.attrib:
                assert (
                    0
                    <= float(rect.attrib["y"])
                    <= float(rect.attrib["y"]) + float(rect.attrib["height"])
                    <= height
                )
        points = [
            point
            for line in root.iter("{http://www.w3.org/2000/svg}polyline")
            for point in line.attrib["points"].split()
        ]
        assert all(0 <= float(point.split(",")[1]) <= height for point in points)


def test_a_month_without_lines_days_of_trouble_or_incidents_is_still_a_statement(met: Statement) -> None:
    bare = replace(met, lines=(), incidents=())
    assert "No incident is recorded of this month." in html(bare)
    assert pdf(bare).startswith(b"%PDF")


def test_the_headline_is_of_what_is_compared_in_the_contract_s_own_measure(breached: Statement) -> None:
    by_region = replace(breached, scope=Scope.PER_REGION)
    said = {fact.label: fact.text for fact in sheet.lay(by_region).headline}
    least = max(breached.regions, key=lambda line: line.budget_spent.exact or 0)
    assert said[f"budget spent, {least.region}"] == least.budget_spent.text
    worst = breached.worst
    assert said[f"worst, {worst.service} {worst.region}"] == worst.uptime.text
    told = {fact.label: fact.text for fact in sheet.lay(replace(breached, scope=Scope.WORST)).headline}
    assert told["budget spent, worst"] == worst.budget_spent.text
    assert "all placements together" in sheet.lay(by_region).course
    assert "budget spent" in {fact.label for fact in sheet.lay(breached).headline}


def test_what_keeps_a_promise_and_is_not_wholly_known_is_not_called_broken(breached: Statement) -> None:
    latency = breached.latency
    assert latency is not None
    kept = Figure(latency.target.exact, latency.target.text)
    gap = replace(breached, latency=replace(latency, attained=kept, met=False))
    assert ("met", "not proven") in [(fact.label, fact.text) for fact in sheet.lay(gap).latency]
    short = replace(
        breached, latency=replace(latency, attained=Figure(Fraction(1, 2), "50.0000 %"), met=False)
    )
    assert ("met", "no") in [(fact.label, fact.text) for fact in sheet.lay(short).latency]
    assert {row.cells[2] for row in sheet.lay(breached).both.rows} <= {"yes", "no", "not proven"}


def test_of_a_month_that_nobody_watched_no_zeroes_are_told(met: Statement) -> None:
    month = OCTOBER.stretch(ZoneInfo("Europe/Berlin"))
    imported = sheet.lay(replace(met, operations=operations(month, Facts())))
    assert (imported.operations.rows, imported.operations_method) == ((), ())
    assert imported.operations.empty == "Nothing is recorded: nobody watched it run."
    assert sheet.lay(met).operations.rows
