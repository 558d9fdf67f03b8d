"""How reading each region goes, for people, programs and the doctor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from collector.bundle import Area
from collector.collect import unanswered
from collector.source import Batch, Gap, GapReason, Query
from fournines.doctor import judge
from fournines.doctor.finding import Mark
from fournines.known import Known
from fournines.store.books import Books
from fournines.views.collecting import regions
from tests.living import NOON, Life, small

if TYPE_CHECKING:
    from fournines.views.collecting import RegionRow


def lived(books: Books) -> RegionRow:
    life = Life(small(), books)
    life.until(12)
    return life.service.board.collecting()[0]


def test_a_region_says_how_far_it_is_read_and_what_that_cost() -> None:
    with Books.open("sqlite://") as books:
        row = lived(books)
    assert row.region == "eu-west-1"
    assert row.known_until is not None
    assert row.known_until > NOON
    assert (row.behind, row.throttled, row.gaps, row.missing) == (0, 0, 0, "")
    assert row.metrics > row.calls > 0
    assert row.usd == row.metrics / 100_000


def test_what_is_missing_says_why_and_since_when() -> None:
    with Books.open("sqlite://") as books:
        lived(books)
        known = Known(books, lambda _: 1.0)
        denied = Gap(GapReason.DENIED, "the role needs cloudwatch:GetMetricData")
        batch = Batch("1", "eu-west-1", (Query("AWS/ApplicationELB", "RequestCount", (), "Sum"),))
        refused = unanswered(batch, 0, 1, denied)
        known.gaps.heard(Area("123456789012", "eu-west-1"), refused, NOON)
        row = regions(known)[0]
    assert row.missing == "denied: the role needs cloudwatch:GetMetricData"
    assert row.missing_since == NOON
    (finding,) = judge.collecting(row.as_json())
    assert finding.mark is Mark.WARN
    assert "cloudwatch:GetMetricData" in finding.what
