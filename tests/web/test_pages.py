"""The pages and their JSON, by Flask's own client, over a known state and over a life."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from markupsafe import escape

from collector.doubts import Doubted
from collector.estate import Belonging, Entrance, LaunchType, RegionEstate, TaskDefinition
from collector.indicators import Doubt, DoubtName
from fournines import telemetry
from fournines.clock import Health, Record, Stepped
from fournines.desk import Desk
from fournines.known import Known
from fournines.overriding import give
from fournines.store.books import Books
from fournines.web.app import app
from remediation.incidents import Symptom
from remediation.journal import Entry, EntryKind
from remediation.quarantine import Quarantined
from runbooks import shelf
from slo.burn import Severity
from slo.cells import Placement
from slo.gate import Override
from tests.collector.reading import view
from tests.telemetry.state import IRELAND, NOON, OBJECTIVES, HandMade, board, fill, happen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask.testing import FlaskClient

HOSTILE = '<script>alert("x")</script>'


class Site:
    """A board over a known state, its record of jobs, and a browser."""

    def __init__(self, books: Books) -> None:
        fill(books)
        self.books, self.incident = books, happen(books)
        self.clock, self.record, self.known = Stepped(NOON), Record(), Known(books, lambda _: 1.0)
        self.record.note("collect", lambda h: replace(h, last_success=NOON))
        self.board = board(books, self.known, self.record, self.clock, shelf.shipped())
        samples = HandMade(
            clock=self.clock, books=books, known=self.known, objectives=OBJECTIVES, record=self.record,
            board=self.board,
        )  # fmt: skip
        self.browser: FlaskClient = app(self.board, telemetry.registry(samples)).test_client()

    def get(self, path: str, status: int = 200) -> str:
        answer = self.browser.get(path)
        assert answer.status_code == status, answer.text
        return answer.text


@pytest.fixture
def site() -> Iterator[Site]:
    with Books.open("sqlite://") as books:
        yield Site(books)


PAGES = (
    *("/", "/budgets/availability/course-catalog", "/incidents", "/runbooks", "/runbooks/dependency"),
    *("/style.css", "/metrics", "/healthz", "/api/budgets", "/api/gate?service=course-catalog"),
    *("/api/spent", "/api/placements", "/api/incidents", "/api/journal", "/nowhere"),
)


@pytest.mark.parametrize("path", PAGES)
def test_every_answer_forbids_scripts_frames_and_sniffing(site: Site, path: str) -> None:
    headers = site.browser.get(path).headers
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert "Server" not in headers


def test_the_first_page_shows_what_needs_attention_first_and_folds_the_rest(site: Site) -> None:
    page = site.get("/")
    attention, _, folded = page.partition("<details>")
    assert "1 of 2 budgets needs attention" in attention
    assert "spent 41.7 times" in attention
    link = '<a href="/budgets/availability/course-catalog">course-catalog</a>'
    assert (attention.count(link), folded.count(link)) == (1, 0)
    assert "Acme" in attention
    assert "spent 83.4 times" in folded
    assert "<script" not in page


DETAIL = "/budgets/availability/course-catalog"


def test_composites_stand_below_the_budgets_of_which_they_are_made(site: Site) -> None:
    page = site.get("/")
    assert page.index("Composites") > page.index("Contracts, this month")
    told = [row for row in json.loads(site.get("/api/budgets")) if row["scope"] == "composite"]
    assert [(row["composite"], row["region"]) for row in told] == [
        ("learning", "eu-west-1"), ("learning", "us-east-1"),
    ]  # fmt: skip
    assert all(row["sentence"] in page for row in told)


def test_a_budget_has_a_page_with_how_it_went_and_who_spent_it(site: Site) -> None:
    page = site.get(DETAIL)
    assert "spent 41.7 times" in page
    assert "10 of 8.64 bad minutes that the period allows" in page
    assert f'<a href="/incidents/{site.incident}">incident {site.incident}</a>' in page
    for name in ("course", "heat", "regions"):
        assert f'aria-labelledby="{name}-title {name}-words"' in page
    assert "Thu 1 Oct, 11 h: 10 of 60 minutes down, 50 unknown" not in page
    assert "Thu 1 Oct, 11 h: 10 of 60 minutes down, 1,000 of 120,000 bad" in page


def test_a_budget_says_whether_its_service_may_be_deployed_as_the_gate_does(site: Site) -> None:
    told = json.loads(site.get("/api/gate?service=course-catalog"))
    word = "not known" if told["answer"] == "unknown" else told["answer"]
    for page, shown in (
        (site.get(DETAIL), f"deploy: {word}</span>"),
        (site.get("/"), f">{word}</span></td>"),
    ):
        assert escape(told["sentence"]) in page
        assert shown in page


def test_a_service_that_has_vanished_still_has_the_page_of_its_budget(site: Site) -> None:
    for estate in site.books.estates():
        site.known.saw(estate)
        for later in range(1, 4):
            site.known.saw(replace(estate, seen_at=NOON + timedelta(minutes=5 * later), services=()))
    assert "course-catalog" not in site.board.gates_by_service()
    assert "not known</span>" not in site.get("/")
    assert "The service is not there any more" in site.get(DETAIL)


def test_a_budget_of_nobody_is_a_page_that_says_so(site: Site) -> None:
    for path in ("/budgets/nothing/course-catalog", "/budgets/availability/nobody"):
        assert "There is nothing here" in site.get(path, 404)


def test_who_spent_a_budget_is_told_to_programs_as_well(site: Site) -> None:
    views = json.loads(site.get("/api/spent"))
    spent = next(view for view in views if view["scope"] == "service")
    assert [(one["kind"], one["bad"]) for one in spent["spenders"]] == [("incident", 1000.0)]
    assert [(one["name"], one["bad"]) for one in spent["regions"]] == [("eu-west-1", 1000.0)]


def test_numbers_that_do_not_add_up_are_marked_beside_the_budget(site: Site) -> None:
    assert "doubtful" not in site.get("/")
    doubt = Doubt(DoubtName.COUNTED_TOO_FEW, IRELAND, 0, 5, 1000, 900)
    counted = replace(view(IRELAND.service), placement=IRELAND)
    site.known.saw(RegionEstate(IRELAND.account, IRELAND.region, NOON, (counted,)))
    site.known.doubted = {IRELAND: Doubted(doubt, NOON - timedelta(minutes=10))}
    assert "doubtful" in site.get("/")
    assert "do not add up" in site.get(DETAIL)


def test_an_incident_says_what_users_feel_in_numbers_that_close(site: Site) -> None:
    page = site.get(f"/incidents/{site.incident}")
    assert (
        "500 of 5,000 requests failed in the last 5 min: 10.000 %, 1,000.0 times what 99.99 % allows" in page
    )
    assert "Spot has no room." in page
    assert 'datetime="2026-10-01T12:00:00+00:00"' in page
    assert "2026-10-01 12:00:00 UTC" in page


def test_what_is_not_known_is_a_page_that_says_so(site: Site) -> None:
    for path in ("/incidents/nobody", "/runbooks/nobody", "/runbooks/../secret", "/nowhere"):
        assert "There is nothing here" in site.get(path, 404)
    assert json.loads(site.get("/api/incidents/nobody", 404)) == {
        "error": "/api/incidents/nobody is not known"
    }


def test_nothing_can_be_changed_through_the_pages(site: Site) -> None:
    for path in PAGES[:-1]:
        assert site.browser.post(path).status_code == 405


def test_names_and_sentences_from_outside_are_only_text(site: Site) -> None:
    place = Placement("123456789012", "eu-west-1", "mylearning", HOSTILE.replace("/", "|"))
    sign = Symptom(
        placement=place, name="it", severity=Severity.PAGE, sentence=HOSTILE, first_seen=NOON, last_seen=NOON
    )
    Desk(site.books).fold([sign], NOON)
    hostile = next(i for i in site.books.open_incidents() if i.service == place.service)
    broken = {"findings": [{"name": HOSTILE, "holds": HOSTILE, "sentence": HOSTILE}]}
    site.books.append(
        [
            Entry(
                EntryKind.DIAGNOSED,
                NOON,
                HOSTILE,
                incident=hostile.id,
                placement=str(place),
                actor=HOSTILE,
                data=broken,
            )
        ]
    )
    for path in ("/", "/incidents", f"/incidents/{hostile.id}"):
        page = site.get(path)
        assert "<script" not in page
        assert "&lt;script&gt;" in page


def test_a_runbook_is_rendered_without_its_front_matter_and_without_raw_html(site: Site) -> None:
    page = site.get("/runbooks/dependency")
    assert "<h2>Mitigation</h2>" in page
    assert "review_days" not in page
    assert "http-equiv" not in page, "who reads a runbook is not interrupted"


def test_health_is_unavailable_with_the_reason_once_a_job_is_late(site: Site) -> None:
    assert json.loads(site.get("/healthz")) == {"ok": True, "trouble": []}
    site.clock.move(NOON + timedelta(minutes=6))
    site.record.note("collect", lambda h: replace(h, last_error="UnreachableError: no answer"))
    told = json.loads(site.get("/healthz", 503))
    assert told["trouble"] == ["collect has not succeeded since 12:00:00: UnreachableError: no answer"]
    assert "fournines itself is in trouble" in site.get("/")


def test_a_job_that_never_succeeded_is_in_trouble_from_its_first_failure(site: Site) -> None:
    site.record.note("collect", lambda _: Health(runs=1, failures=1, last_error="DeniedError: no"))
    assert site.board.trouble() == ["collect has not succeeded since the start: DeniedError: no"]


def test_a_region_that_cannot_be_read_is_trouble_until_it_can(site: Site) -> None:
    site.known.could_not_read("123456789012", "us-east-1", "AccessDenied")
    assert site.board.trouble() == ["us-east-1 of account 123456789012 cannot be read: AccessDenied"]
    site.known.saw(site.books.estates()[1])
    assert site.board.trouble() == []


def test_a_schedule_whose_runs_cannot_be_read_is_trouble(site: Site) -> None:
    site.known.unwatched[Placement("123456789012", "eu-west-1", "nowhere", "reports")] = "no such cluster"
    told = "the runs of 123456789012/eu-west-1/nowhere/reports cannot be read: no such cluster"
    assert site.board.trouble() == [told]


def test_a_placement_is_listed_as_it_is_and_as_vanished_when_it_is_gone(site: Site) -> None:
    ireland, virginia = (estate.services[0] for estate in site.books.estates())
    told = replace(
        ireland,
        belonging=Belonging(tenant="acme"),
        launch_types=(LaunchType.FARGATE,),
        definition=TaskDefinition("course-catalog", 2, ("catalog:2",)),
        entrances=(Entrance("targetgroup/a/1", "HTTPS", 443, hosts=("a.example.com",)),),
    )
    there, empty = site.books.estates()
    site.known.saw(replace(there, services=(told,)))
    for minutes in (5, 10):
        seen_at = NOON + timedelta(minutes=minutes)
        site.known.saw(replace(empty, services=(), seen_at=seen_at))
    here, gone = json.loads(site.get("/api/placements"))
    assert (here["service"], here["vanished_since"], here["tenant"]) == ("course-catalog", None, "acme")
    assert here["launch_types"] == ["fargate"]
    assert here["task_definition"]["images"] == ["catalog:2"]
    assert here["entrances"][0]["hosts"] == ["a.example.com"]
    assert gone["region"] == virginia.placement.region
    assert gone["vanished_since"] == "2026-10-01T12:05:00+00:00"
    assert "launch_types" not in gone
    assert "1 vanished" in site.get("/")


def test_json_says_the_same_as_the_page(site: Site) -> None:
    *budgets, _, composite = json.loads(site.get("/api/budgets"))
    assert composite["scope"] == "composite"
    shown = [(row.objective, row.where) for row in site.board.overview().rows]
    assert [(row["objective"], row["where"]) for row in budgets] == shown
    scopes = [row["scope"] for row in budgets]
    assert scopes == ["contract", *["service"] * 2, *["placement"] * 4]
    worst = budgets[3]
    assert (worst["left"], worst["state"], worst["target"]) == ("spent 83.4 times", "page", "99.99 %")
    (incident,) = json.loads(site.get("/api/incidents"))
    assert json.loads(site.get(f"/api/incidents/{incident['id']}")) == incident
    assert incident["impact"][0]["sentence"] in site.get(f"/incidents/{incident['id']}")
    lines = [json.loads(line) for line in site.get("/api/journal").splitlines()]
    assert [line["n"] for line in lines] == list(range(1, len(lines) + 1))


@pytest.mark.parametrize(
    ("question", "answer", "strict"),
    [
        ("service=course-catalog", "freeze", 409),
        ("service=course-catalog&region=", "freeze", 409),
        ("service=course-catalog&region=eu-west-1", "freeze", 409),
        ("service=course-catalog&region=us-east-1", "unknown", 503),
    ],
)
def test_the_gate_answers_with_200_or_with_a_status_of_its_own_for_who_reads_nothing_else(
    site: Site, question: str, answer: str, strict: int
) -> None:
    told = json.loads(site.get(f"/api/gate?{question}"))
    assert told["answer"] == answer
    assert json.loads(site.get(f"/api/gate?{question}&strict=1", strict)) == told


def test_an_override_opens_the_gate_and_what_asks_sees_whose_it_is(site: Site) -> None:
    word = Override(
        service="course-catalog", region=None, who="ana", why="mends it", since=NOON,
        until=NOON + timedelta(hours=1),
    )  # fmt: skip
    give(site.books, word)
    told = json.loads(site.get("/api/gate?service=course-catalog&strict=1"))
    assert (told["answer"], told["exit_status"]) == ("warn", 0)
    assert told["overrides"][0]["who"] == "ana"
    assert "overridden by ana until 2026-10-01 13:00 UTC: mends it" in told["sentence"]


def test_a_gate_refuses_a_digest_from_quarantine_and_a_name_that_is_none(site: Site) -> None:
    digest = "sha256:" + "b" * 64
    bad = Quarantined(
        id="run", placement=IRELAND, task_definition="arn:td/reports:7", digests=(digest,), at=NOON,
        who="ECS", why="ECS turned it back: catalog-5xx.",
    )  # fmt: skip
    site.books.revisions.quarantine(bad, [])
    told = json.loads(site.get(f"/api/gate?service=reports&digest={digest}&strict=1", 409))
    assert (told["findings"][0]["reason"], told["names"]) == ("quarantined", [digest])
    wrong = json.loads(site.get("/api/gate?service=reports&digest=latest", 400))
    assert wrong["error"].startswith("expected a digest")


def test_a_gate_of_nothing_is_no_answer(site: Site) -> None:
    nobody = json.loads(site.get("/api/gate?service=nobody&strict=1", 404))
    assert nobody == {"error": "there is no service 'nobody': there are course-catalog, reports"}
    assert json.loads(site.get("/api/gate", 400)) == {"error": "name a service: /api/gate?service=NAME"}


def test_a_gate_asks_nothing_of_what_has_vanished(site: Site) -> None:
    _, empty = site.books.estates()
    for minutes in (5, 10):
        site.known.saw(replace(empty, services=(), seen_at=NOON + timedelta(minutes=minutes)))
    told = json.loads(site.get("/api/gate?service=course-catalog&region=us-east-1", 404))
    assert told == {"error": "course-catalog is not in 'us-east-1': there are eu-west-1"}
