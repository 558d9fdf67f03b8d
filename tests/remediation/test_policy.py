"""What people write down about what may be done."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from remediation.decision.policy import OnTimeout, Policy, may_answer, read
from remediation.vocabulary import Cause, Mode
from tests.remediation.stage import IRELAND, NOON, VIRGINIA


def test_a_policy_observes_until_it_says_otherwise() -> None:
    reading = read({"policies": [{"name": "rollbacks", "cause": "deployment"}]})
    assert reading.problems == ()
    (policy,) = reading.policies.policies
    assert (policy.mode, policy.approvers, policy.on_timeout) == (Mode.OBSERVE, (), OnTimeout.ESCALATE)


def test_durations_and_globs_are_read() -> None:
    document = {
        "policies": [
            {
                "name": "spot",
                "cause": "spot_shortage",
                "services": ["course-*"],
                "regions": ["us-*"],
                "mode": "act",
                "cooldown": "45m",
                "keep_for": "2h",
            }
        ]
    }
    (policy,) = read(document).policies.policies
    assert (policy.cooldown, policy.keep_for) == (timedelta(minutes=45), timedelta(hours=2))
    assert policy.covers(Cause.SPOT_SHORTAGE, VIRGINIA)
    assert not policy.covers(Cause.SPOT_SHORTAGE, IRELAND)
    assert not policy.covers(Cause.SURGE, VIRGINIA)


def test_every_problem_is_told_at_once_and_where_it_is() -> None:
    document = {
        "policies": [
            {"name": "a", "cause": "bad luck", "cooldown": "soon", "daily_max": 0},
            {"cause": "surge", "mode": "often", "colour": "red"},
        ],
        "freezes": [{"start": "2026-12-24T00:00:00", "end": "never", "reason": ""}],
    }
    problems = {problem.path: problem.message for problem in read(document).problems}
    assert set(problems) == {
        ("policies", 0, "cause"),
        ("policies", 0, "cooldown"),
        ("policies", 0, "daily_max"),
        ("policies", 1, "name"),
        ("policies", 1, "mode"),
        ("policies", 1, "colour"),
        ("freezes", 0, "start"),
        ("freezes", 0, "end"),
        ("freezes", 0, "reason"),
    }
    assert problems["policies", 0, "cooldown"] == "expected a duration such as 90s, 30m, 2h or 1d, got 'soon'"
    assert problems["policies", 1, "colour"].startswith("is not known here; expected one of accounts, ")
    assert problems["policies", 1, "mode"] == "expected 'observe', 'propose' or 'act', got 'often'"
    assert problems["policies", 1, "name"] == "is missing"


def test_what_is_unknown_names_what_its_part_of_the_document_knows() -> None:
    document = {"policy": [], "freezes": [{"why": "exams"}], "policies": [{"approvers": "alice"}]}
    problems = {problem.path: problem.message for problem in read(document).problems}
    assert problems["policy",] == "is not known here; expected one of floors, freezes, policies"
    assert problems["freezes", 0, "why"] == "is not known here; expected one of end, reason, services, start"
    assert problems["policies", 0, "approvers"] == "expected a list, got 'alice'"


def test_what_is_well_formed_and_cannot_be_meant_is_a_problem_too() -> None:
    document = {
        "policies": [
            {"name": "a", "cause": "dependency", "mode": "act"},
            {"name": "a", "cause": "surge", "mode": "propose"},
        ],
        "freezes": [{"start": "2026-12-26T00:00:00Z", "end": "2026-12-24T00:00:00Z", "reason": "feast"}],
    }
    assert {problem.path for problem in read(document).problems} == {
        ("policies", 0, "mode"),
        ("policies", 1, "approvers"),
        ("policies", 1, "name"),
        ("freezes", 0, "end"),
    }


def test_a_field_that_cannot_be_read_hides_nothing_else() -> None:
    document = {
        "policies": [
            {"name": "a", "cause": "unknown", "mode": "act", "cooldown": "soon"},
            {"name": "a", "cause": "gremlins", "mode": "propose"},
        ],
        "freezes": [{"start": "soon", "end": "2026-12-24T00:00:00Z", "reason": "feast"}],
    }
    assert {problem.path for problem in read(document).problems} == {
        ("policies", 0, "mode"),
        ("policies", 0, "cooldown"),
        ("policies", 1, "name"),
        ("policies", 1, "cause"),
        ("policies", 1, "approvers"),
        ("freezes", 0, "start"),
    }


def test_what_is_no_document_is_one_problem() -> None:
    assert len(read([1, 2]).problems) == 1


def test_the_first_policy_that_covers_a_case_counts() -> None:
    document = {
        "policies": [
            {"name": "one", "cause": "surge", "regions": ["eu-*"], "mode": "act"},
            {"name": "all", "cause": "surge"},
        ]
    }
    policies = read(document).policies
    found = [policies.find(Cause.SURGE, place) for place in (IRELAND, VIRGINIA)]
    assert [policy.name for policy in found if policy] == ["one", "all"]
    assert policies.find(Cause.DEPLOYMENT, IRELAND) is None


def test_a_freeze_forbids_from_its_start_until_before_its_end() -> None:
    document = {"freezes": [{"start": "2026-10-01T12:00:00Z", "end": "2026-10-01T13:00:00Z", "reason": "x"}]}
    (freeze,) = read(document).policies.freezes
    moments = [NOON - timedelta(seconds=1), NOON, NOON + timedelta(hours=1)]
    assert [freeze.forbids(IRELAND, moment) for moment in moments] == [False, True, False]


def test_an_empty_list_of_approvers_is_nobody() -> None:
    assert not may_answer((), "ana@example.com")
    assert may_answer(("ana@example.com",), "ana@example.com")
    assert may_answer(("*",), "bo@example.com")


def test_a_policy_for_one_cluster_leaves_its_namesake_in_another_alone() -> None:
    policy = Policy(name="p", cause=Cause.DEPLOYMENT, clusters=("production-*",), accounts=("1234*",))
    there = replace(IRELAND, cluster="production-eu")
    assert policy.covers(Cause.DEPLOYMENT, there)
    assert not policy.covers(Cause.DEPLOYMENT, replace(there, cluster="staging-eu"))
    assert not policy.covers(Cause.DEPLOYMENT, replace(there, account="999999999999"))
