from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from fournines.store.books import Books
from remediation.journal import EntryKind
from remediation.quarantine import Quarantined
from slo.cells import Block, Indicator, Sli, State, minute_of
from tests.cli.conftest import CONFIG, HERE, INCIDENT, NOW, THERE

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import Command

    Golden = Callable[[Path, str], None]

GOLDEN = Path(__file__).parent / "golden"
SERVICE = ("gate", "--service", "course-catalog")
AWAY = (*SERVICE, "--region", "us-east-1")
WORD = ("--override", "--for", "2h", "--who", "ana", "--why", "mends the leak")
MINUTES = 30 * 24 * 60


@pytest.fixture
def month(kept: Path) -> Path:
    """The folder with a store that knows a whole month; only eu-west-1 failed, in its last half hour."""
    with Books.open(str(kept / "books.db")) as books:
        slis = tuple(Sli(place, Indicator.AVAILABILITY) for place in (HERE, THERE))
        before = MINUTES - 100
        total = np.full((before, 2), 1000, np.int64)
        state = np.full(total.shape, State.OBSERVED, np.uint8)
        books.record(Block(slis, minute_of(NOW) - MINUTES, total * 0, total, state), NOW)
    return kept


@pytest.mark.usefixtures("month")
def test_a_gate_reads_well(fournines: Command, golden: Golden) -> None:
    said = fournines(*SERVICE)
    assert (said.code, said.err) == (1, "")
    golden(GOLDEN / "gate.txt", said.out)


@pytest.mark.usefixtures("month")
def test_a_region_that_serves_well_is_a_yes_while_another_burns(fournines: Command) -> None:
    said = fournines(*AWAY)
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith("allow: course-catalog may be deployed in us-east-1. Enough of the budget")


@pytest.mark.usefixtures("kept")
def test_two_hours_of_a_month_are_too_little_to_say_yes(fournines: Command) -> None:
    said = fournines(*AWAY)
    assert said.code == 2
    assert said.out.startswith(
        "unknown: course-catalog is not known to be fit for a deployment in us-east-1."
    )
    assert "`fournines backfill`" in said.out


@pytest.mark.usefixtures("month")
def test_json_says_the_same_with_the_numbers(fournines: Command) -> None:
    said = fournines(*SERVICE, "--json")
    told = json.loads(said.out)
    assert (said.code, told["answer"], told["exit_status"], told["region"]) == (1, "freeze", 1, None)
    reasons = [finding["reason"] for finding in told["findings"]]
    assert reasons == ["being_remediated", "page_firing", "within_budget", "within_budget"]
    lefts = [finding["budget"]["left"] for finding in told["findings"][2:]]
    assert lefts == ["30.5 % left", "100.0 % left"]


@pytest.mark.usefixtures("month")
def test_a_policy_of_your_own_decides_and_is_named(folder: Path, fournines: Command) -> None:
    (folder / "budget.yaml").write_text(
        "budget_policies:\n"
        "  - name: strict\n"
        "    services: [course-*]\n"
        "    thresholds: [{answer: freeze, spent: 0, message: Nothing goes out this month.}]\n",
        encoding="utf-8",
    )
    (folder / "fournines.yaml").write_text(CONFIG + "budget_policies: [budget.yaml]\n", encoding="utf-8")
    said = fournines(*AWAY)
    assert said.code == 1
    assert "Nothing goes out this month. Budget of availability, us-east-1: 100.0 % left" in said.out
    assert "policy strict: freeze from 0 % spent." in said.out


@pytest.mark.usefixtures("month")
def test_what_is_not_there_is_no_answer_and_what_is_there_is_named(fournines: Command) -> None:
    said = fournines("gate", "--service", "nope")
    assert (said.code, said.out) == (2, "")
    assert said.err == "there is no service 'nope': there are course-catalog\n"
    said = fournines(*SERVICE, "--region", "mars")
    assert (said.code, said.out) == (2, "")
    assert said.err == "course-catalog is not in 'mars': there are eu-west-1, us-east-1\n"


@pytest.mark.usefixtures("folder")
def test_without_a_store_nobody_knows(fournines: Command) -> None:
    said = fournines(*SERVICE)
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("there is no store at ")


def test_a_wrong_document_is_no_answer(folder: Path, fournines: Command) -> None:
    (folder / "fournines.yaml").write_text("aws: {}\n", encoding="utf-8")
    assert fournines(*SERVICE).code == 2


def test_an_override_is_a_yes_that_names_who_until_when_and_why(month: Path, fournines: Command) -> None:
    said = fournines(*SERVICE, *WORD)
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith(
        "The gate of course-catalog is overridden by ana until 2026-11-23 14:45 UTC: mends the leak.\n"
        "warn: course-catalog may be deployed with care, overridden by ana until 2026-11-23 14:45 UTC: "
        "mends the leak. It would be refused: An open incident is being remediated there."
    )
    assert fournines(*SERVICE).code == 0
    with Books.visit(str(month / "books.db")) as books:
        *_, last = books.entries(INCIDENT)
        assert (last.entry.kind, last.entry.actor) == (EntryKind.OVERRIDDEN, "ana")
        assert books.overrides(NOW + timedelta(hours=2, minutes=1)) == ()


def test_an_override_is_taken_back_and_only_once(month: Path, fournines: Command) -> None:
    fournines(*SERVICE, *WORD)
    said = fournines(*SERVICE, "--revoke", "--who", "bob")
    assert said.code == 0
    assert said.out.startswith(
        "The gate of course-catalog is no more overridden: bob took it back.\nfreeze: "
    )
    assert fournines(*SERVICE).code == 1
    again = fournines(*SERVICE, "--revoke", "--who", "bob")
    assert again.out.startswith("The gate of course-catalog is not overridden.\n")
    with Books.visit(str(month / "books.db")) as books:
        kinds = [kept.entry.kind for kept in books.entries(INCIDENT)]
        assert kinds.count(EntryKind.OVERRIDDEN) == 2
        assert books.verify_journal() is None


@pytest.mark.usefixtures("month")
def test_an_override_for_one_region_does_not_open_the_others(fournines: Command) -> None:
    fournines(*AWAY, *WORD)
    assert fournines(*SERVICE).code == 1
    assert fournines(*AWAY, "--revoke").out.startswith("The gate of course-catalog in us-east-1 is no more")


@pytest.mark.usefixtures("kept")
def test_who_overrides_what_nobody_knows_is_told_so(fournines: Command) -> None:
    said = fournines(*AWAY, *WORD)
    assert said.code == 0
    assert "Nobody knows whether it should be: Too little of the period is known" in said.out


BAD = Quarantined(
    id="run-1",
    placement=HERE,
    task_definition="arn:aws:ecs:eu-west-1:123456789012:task-definition/course-catalog:3",
    digests=("sha256:" + "b" * 64,),
    at=NOW,
    who="fournines",
    why="it was rolled back.",
    incident=INCIDENT,
)
FREE = ("--release", "--who", "ana", "--why", "it was the cache")


@pytest.fixture
def convicted(month: Path) -> Path:
    """The folder of a month, with a revision in quarantine."""
    with Books.open(str(month / "books.db")) as books:
        books.revisions.quarantine(BAD, [])
    return month


@pytest.mark.usefixtures("convicted")
@pytest.mark.parametrize(
    "name",
    [
        ("--task-definition", BAD.task_definition),
        ("--digest", BAD.digests[0]),
        ("--digest", f"registry.example/catalog@{BAD.digests[0]}"),
    ],
)
def test_what_is_in_quarantine_is_refused_everywhere_and_no_override_helps(
    fournines: Command, name: tuple[str, str]
) -> None:
    said = fournines(*AWAY, *name)
    assert said.code == 1
    assert said.out.startswith(
        "freeze: course-catalog must not be deployed in us-east-1. It was turned back, and is in quarantine "
        "until a person releases it. course-catalog:3 of course-catalog in eu-west-1 is in quarantine since"
    )
    fournines(*AWAY, *WORD)
    assert fournines(*AWAY, *name).code == 1
    assert fournines(*AWAY, "--task-definition", "course-catalog:4").code == 0


@pytest.mark.usefixtures("convicted")
def test_who_does_not_say_what_is_deployed_is_warned(fournines: Command) -> None:
    said = fournines(*AWAY)
    assert said.code == 0
    assert said.out.startswith(
        "warn: course-catalog may be deployed with care in us-east-1. A revision of it is"
    )


def test_a_person_releases_it_with_who_and_why_in_the_journal(convicted: Path, fournines: Command) -> None:
    said = fournines(*AWAY, "--digest", BAD.digests[0], *FREE)
    assert said.code == 0
    assert said.out.startswith(
        "course-catalog:3 is released from quarantine by ana: it was the cache\nallow: course-catalog may be"
    )
    assert json.loads(fournines(*AWAY, "--digest", BAD.digests[0], "--json").out)["names"] == [BAD.digests[0]]
    with Books.visit(str(convicted / "books.db")) as books:
        *_, last = books.entries(INCIDENT)
        assert (last.entry.kind, last.entry.actor) == (EntryKind.QUARANTINED, "ana")
        assert books.verify_journal() is None
    again = fournines(*AWAY, "--digest", BAD.digests[0], *FREE)
    assert again.out.startswith("Nothing of this name is in quarantine.\n")


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--override", "--why", "so"], "an override says --for how long and --why"),
        (["--override", "--for", "2h"], "an override says --for how long and --why"),
        (["--override", "--for", "2h", "--why", " "], "an override says --for how long and --why"),
        (["--override", "--revoke"], "given or taken back, or a quarantine ended"),
        (["--override", "--for", "2h", "--why", "so", "--who", " "], "--who is a name"),
        (["--for", "2h"], "--for and --why belong to --override"),
        (["--override", "--for", "25h", "--why", "so"], "24h at most, got '25h'"),
        (["--override", "--for", "0h", "--why", "so"], "24h at most, got '0h'"),
        (["--digest", "sha256:beef"], "expected a digest such as sha256:... of 64 hexadecimal digits"),
        (["--task-definition", "newest"], "expected a task definition, as ARN or family:revision"),
        (["--release", "--why", "so"], "a release says what"),
        (["--release", "--digest", "sha256:" + "b" * 64], "a release says what"),
    ],
)
def test_a_word_that_lacks_something_is_a_wrong_call(
    fournines: Command, options: list[str], problem: str
) -> None:
    said = fournines(*SERVICE, *options)
    assert said.code == 2
    assert problem in said.err


@pytest.mark.usefixtures("kept")
def test_without_a_name_it_is_who_is_logged_in(fournines: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "carol")
    assert "overridden by carol" in fournines(*AWAY, *WORD[:3], *WORD[5:]).out


def test_a_budget_policy_is_known_by_its_content_and_said_in_a_sentence(
    folder: Path, fournines: Command
) -> None:
    (folder / "b.yaml").write_text(
        "budget_policies:\n"
        "  - name: core\n"
        "    services: [payment]\n"
        "    thresholds:\n"
        "      - {answer: freeze, spent: 1, message: Stop.}\n"
        "      - {answer: warn, spent: 0.5, burn: 6, window: 6h, message: Careful.}\n",
        encoding="utf-8",
    )
    said = fournines("validate", "b.yaml")
    assert (said.code, said.err) == (0, "")
    assert said.out.splitlines() == [
        "b.yaml: budget_policies, sound",
        (
            "core: by the budget of any objective, by the worst placement, deployments of payment in * are "
            "frozen from 100 % spent, warned of from 50 % spent while 6h burn 6 times too fast; "
            "unknown below 90 % known, or without news for 30 minutes."
        ),
    ]


def test_a_mistake_in_a_budget_policy_is_told_at_its_line(folder: Path, fournines: Command) -> None:
    (folder / "b.yaml").write_text(
        "budget_policies:\n"
        "  - name: core\n"
        "    thresholds:\n"
        "      - {answer: maybe, spent: 1, message: So.}\n",
        encoding="utf-8",
    )
    (folder / "fournines.yaml").write_text(CONFIG + "budget_policies: [b.yaml]\n", encoding="utf-8")
    told = (
        "b.yaml:4: budget_policies[0].thresholds[0].answer: expected freeze or warn or allow, got 'maybe'\n"
    )
    assert fournines("validate", "b.yaml").err == told
    assert fournines("validate", "fournines.yaml").err == told


def test_a_name_that_a_budget_policy_misses_is_noted(folder: Path, fournines: Command) -> None:
    (folder / "b.yaml").write_text(
        "budget_policies:\n"
        "  - name: core\n"
        "    regions: [mars-*]\n"
        "    objectives: [latency]\n"
        "    thresholds: [{answer: freeze, spent: 1, message: Stop.}]\n",
        encoding="utf-8",
    )
    (folder / "fournines.yaml").write_text(CONFIG + "budget_policies: [b.yaml]\n", encoding="utf-8")
    said = fournines("validate", "fournines.yaml").out
    assert "note: budget policy core names mars-*, none of the regions that are watched" in said
    assert "note: budget policy core names latency, none of the objectives: availability" in said
