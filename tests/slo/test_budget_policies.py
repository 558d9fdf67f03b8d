"""Budget policies in, or every problem out; whatever their thresholds, more spent is never milder."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slo.budget_policies import (
    DEFAULT,
    SAYS,
    Answer,
    BudgetPolicy,
    BudgetScope,
    Reading,
    Threshold,
    policy_for,
    read,
)
from slo.cells import Placement

PAYMENT = Placement("1", "eu-west-1", "prod", "payment")
FREEZE = {"answer": "freeze", "spent": 1, "message": "Stop."}
WARN = {"answer": "warn", "spent": Decimal("0.5"), "message": "Careful."}


def written(**changes: object) -> dict[str, Any]:
    return {"budget_policies": [{"name": "core", "thresholds": [FREEZE, WARN], **changes}]}


def problems(document: object) -> list[str]:
    return [str(problem) for problem in read([document]).problems]


def test_a_policy_is_read_whole() -> None:
    reading = read(
        [
            written(
                services=["pay*"],
                regions=["eu-*"],
                objectives=["availability"],
                scope="pooled",
                coverage_min=Decimal("0.5"),
                age_max="2h",
                thresholds=[{**FREEZE, "burn": Decimal("14.4"), "window": "1h"}, WARN],
            )
        ]
    )
    (policy,) = reading.policies
    assert reading.problems == ()
    assert (policy.scope, policy.coverage_min) == (BudgetScope.POOLED, Decimal("0.5"))
    assert policy.age_max == timedelta(hours=2)
    assert [one.said for one in policy.thresholds] == [
        "from 100 % spent while 1h burn 14.4 times too fast",
        "from 50 % spent",
    ]
    assert policy.covers("availability", PAYMENT)
    assert not policy.covers("latency", PAYMENT)


def test_the_first_policy_that_covers_counts_and_ours_where_none_does() -> None:
    one = BudgetPolicy(name="one", thresholds=DEFAULT.thresholds, services=("payment",))
    two = BudgetPolicy(name="two", thresholds=DEFAULT.thresholds)
    assert policy_for([one, two], "availability", PAYMENT) is one
    assert policy_for([two, one], "availability", PAYMENT) is two
    assert policy_for([], "availability", PAYMENT) is DEFAULT


@pytest.mark.parametrize(
    ("spent", "answer"),
    [("0.7499", None), ("0.75", Answer.WARN), ("0.9999", Answer.WARN), ("1", Answer.FREEZE)],
)
def test_without_a_policy_three_quarters_warn_and_the_whole_freezes(
    spent: str, answer: Answer | None
) -> None:
    reached = DEFAULT.reached(Fraction(spent), {})
    assert (reached.answer if reached else None) is answer


def test_a_threshold_with_a_pace_needs_both_and_what_is_not_known_is_no_pace() -> None:
    fast = Threshold(
        answer=Answer.FREEZE, spent=Decimal("0.5"), burn=Decimal(6), window="1h", message="Stop."
    )
    assert fast.holds(Fraction(1, 2), Fraction(6))
    assert not fast.holds(Fraction(1, 2), Fraction("5.99"))
    assert not fast.holds(Fraction(49, 100), Fraction(60))
    assert not fast.holds(Fraction(1), None)


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ([], "0: expected a mapping, got []"),
        ({}, "0.budget_policies: is missing; expected a list of policies"),
        (written(name="default"), "0.budget_policies.0.name: 'default' names a budget policy already"),
        (written(services=[]), "0.budget_policies.0.services: is empty; expected names"),
        (written(coverage_min=2), "0.budget_policies.0.coverage_min: expected a ratio from 0 to 1"),
        (written(age_max="soon"), "0.budget_policies.0.age_max: expected a duration such as 30m, got 'soon'"),
        (written(scope="best"), "0.budget_policies.0.scope: expected pooled or worst, got 'best'"),
        (written(mode="act"), "0.budget_policies.0.mode: is not known here; expected one of age_max,"),
        (written(thresholds=[]), "0.budget_policies.0.thresholds: is empty"),
        (
            written(thresholds=[WARN, FREEZE]),
            "0.budget_policies.0.thresholds.1: freeze stands below a milder answer; expected the strictest",
        ),
        (
            written(thresholds=[FREEZE, {**WARN, "spent": 1}]),
            "0.budget_policies.0.thresholds.1: is never reached: freeze from 100 % spent holds wherever",
        ),
        (
            written(thresholds=[{**FREEZE, "answer": "unknown"}]),
            (
                "0.budget_policies.0.thresholds.0.answer: expected freeze or warn or allow, got 'unknown': "
                "that follows from coverage_min"
            ),
        ),
        (
            written(thresholds=[{**FREEZE, "spent": -1}]),
            "0.budget_policies.0.thresholds.0.spent: expected a share of 0 or more",
        ),
        (
            written(thresholds=[{**FREEZE, "burn": 6}]),
            "0.budget_policies.0.thresholds.0.window: is missing; expected one of 1m, 5m",
        ),
        (
            written(thresholds=[{**FREEZE, "burn": 0, "window": "7m"}]),
            "0.budget_policies.0.thresholds.0.burn: expected a burn rate above 0",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_path_and_what_was_expected(document: object, problem: str) -> None:
    told = problems(document)
    assert told
    assert told[0].startswith(problem)


def test_all_that_is_wrong_comes_at_once_and_a_name_only_once() -> None:
    twice = {"budget_policies": [*written()["budget_policies"], *written(scope=1)["budget_policies"]]}
    assert [problem.rpartition(":")[0] for problem in problems(twice)] == [
        "0.budget_policies.1.name: 'core' names a budget policy already",
        "0.budget_policies.1.scope",
    ]


shares = st.decimals(0, 5, places=2)
thresholds = st.builds(
    lambda answer, spent, pace: Threshold(
        answer=answer, spent=spent, message="It is so.", burn=pace, window="1h" if pace else None
    ),
    st.sampled_from(SAYS),
    shares,
    st.none() | st.decimals("0.1", 20, places=1),
)


def sound(found: list[Threshold]) -> tuple[Threshold, ...]:
    """The thresholds that a document may hold together, in order."""
    kept: list[Threshold] = []
    for one in sorted(found, key=lambda threshold: -threshold.answer.severity):
        if not any(above.hides(one) for above in kept):
            kept.append(one)
    return tuple(kept)


def said(policy: BudgetPolicy, spent: Fraction, burn: Fraction) -> Answer:
    reached = policy.reached(spent, {"1h": burn})
    return reached.answer if reached else Answer.ALLOW


@given(
    st.lists(thresholds, min_size=1, max_size=6).map(sound),
    st.fractions(0, 6),
    st.fractions(0, 25),
    st.fractions(0, 3),
    st.fractions(0, 10),
)
def test_more_spent_or_spent_faster_is_never_answered_more_mildly(
    found: tuple[Threshold, ...], spent: Fraction, burn: Fraction, more: Fraction, faster: Fraction
) -> None:
    policy = BudgetPolicy(name="any", thresholds=found)
    assert said(policy, spent + more, burn + faster).severity >= said(policy, spent, burn).severity


def test_nothing_wrong_can_be_built() -> None:
    for wrong in (
        {"answer": Answer.UNKNOWN},
        {"spent": Decimal(-1)},
        {"burn": Decimal(1)},
        {"burn": Decimal(1), "window": "7m"},
    ):
        sane: dict[str, Any] = {"answer": Answer.WARN, "spent": Decimal(1), "message": "Careful."}
        with pytest.raises(ValueError, match="got"):
            Threshold(**{**sane, **wrong})
    with pytest.raises(ValueError, match="strictest first"):
        BudgetPolicy(name="wrong", thresholds=DEFAULT.thresholds[::-1])
    with pytest.raises(ValueError, match="a policy has a threshold"):
        BudgetPolicy(name="wrong", thresholds=())
    with pytest.raises(ValueError, match="coverage is a ratio"):
        BudgetPolicy(name="wrong", thresholds=DEFAULT.thresholds, coverage_min=Decimal(2))


def test_no_document_is_no_policy() -> None:
    assert read([]) == Reading((), ())
