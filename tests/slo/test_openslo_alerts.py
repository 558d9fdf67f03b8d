"""Alert policies, composites, and what lenient reading forgives."""

from __future__ import annotations

from copy import deepcopy
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from slo.calendars import Calendar, Unit
from slo.conditions import Condition, Op
from slo.objectives import Budgeting, CalendarMonth, Rolling
from slo.openslo.alerts import SEVERITIES
from slo.openslo.reader import Reading, read


def source(**spec: object) -> dict[str, Any]:
    return {"metricSource": {"type": "fournines", "spec": {"indicator": "availability", **spec}}}


def document(kind: str, name: str, **spec: object) -> dict[str, Any]:
    return {"apiVersion": "openslo/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def inline(kind: str, name: str, **spec: object) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"name": name}, "spec": spec}


def slo(**changes: object) -> dict[str, Any]:
    return document(
        "SLO",
        "checkout",
        **{
            "service": "checkout",
            "indicator": {"spec": {"ratioMetric": {"bad": source(), "total": source()}}},
            "timeWindow": [{"duration": "30d", "isRolling": True}],
            "budgetingMethod": "Occurrences",
            "objectives": [{"target": "0.9999"}],
            **changes,
        },
    )


BURN = {"kind": "burnrate", "op": "gt", "threshold": "2", "lookbackWindow": "1h", "alertAfter": "5m"}
FAST = {"severity": "page", "condition": BURN}
POLICY = {
    "alertWhenBreaching": True,
    "alertWhenResolved": False,
    "conditions": [{"conditionRef": "fast"}],
    "notificationTargets": [{"targetRef": "mail"}],
}
CONDITION = document("AlertCondition", "fast", **FAST)
MAIL = document("AlertNotificationTarget", "mail", target="email", description="To on-call.")
REFERRED = slo(alertPolicies=[{"alertPolicyRef": "burns"}])
ASKED = Condition(name="fast", severity="page", op=Op.GT, threshold=Decimal(2), lookback=60, after=5)


def remarks(reading: Reading) -> list[str]:
    assert [str(problem) for problem in reading.problems] == []
    return [str(remark) for remark in reading.remarks]


def complaints(*documents: object) -> list[str]:
    return [str(problem) for problem in read(documents).problems]


def with_condition(**changes: object) -> list[dict[str, Any]]:
    condition = document("AlertCondition", "fast", **(FAST | {"condition": BURN | changes}))
    return [REFERRED, document("AlertPolicy", "burns", **POLICY), condition, MAIL]


def test_a_policy_becomes_a_condition_of_the_objective_in_whatever_order_documents_come() -> None:
    documents = [REFERRED, document("AlertPolicy", "burns", **POLICY), CONDITION, MAIL]
    for order in (documents, documents[::-1]):
        (objective,) = read(order).objectives
        assert objective.conditions == (ASKED,)


def test_policy_condition_and_target_may_stand_inline() -> None:
    target = inline("AlertNotificationTarget", "slack", target="slack")
    condition = inline("AlertCondition", "fast", **FAST)
    policy = inline(
        "AlertPolicy", "burns", **(POLICY | {"conditions": [condition], "notificationTargets": [target]})
    )
    reading = read([slo(alertPolicies=[policy])])
    assert reading.objectives[0].conditions == (ASKED,)
    unused = "not used: fournines tells whom its configuration names"
    targets = "0.spec.alertPolicies.0.spec.notificationTargets"
    assert remarks(reading) == [f"{targets}.0.spec: {unused}", f"{targets}: {unused}"]


def test_what_a_policy_asks_besides_is_told_in_words() -> None:
    policy = POLICY | {"alertWhenResolved": True, "alertWhenNoData": True, "alertWhenBreaching": False}
    reading = read([REFERRED, document("AlertPolicy", "burns", **policy), CONDITION, MAIL])
    told = remarks(reading)
    assert "1.spec.alertWhenResolved: covered: the end of every incident is told" in told
    assert any(one.startswith("1.spec.alertWhenNoData: covered by region") for one in told)
    assert "1.spec.alertWhenBreaching: is not true, so that its condition never alerts" in told
    assert reading.objectives[0].conditions == ()


@pytest.mark.parametrize("word", sorted(SEVERITIES))
def test_every_word_of_severity_pages_or_makes_a_ticket(word: str) -> None:
    condition = document("AlertCondition", "fast", **(FAST | {"severity": word.upper()}))
    reading = read([REFERRED, document("AlertPolicy", "burns", **POLICY), condition, MAIL])
    assert reading.objectives[0].conditions[0].severity == SEVERITIES[word]


WRONG: list[tuple[list[Any], str]] = [
    ([REFERRED], "0.spec.alertPolicies.0.alertPolicyRef: no AlertPolicy 'burns' is among the documents"),
    (
        [document("AlertPolicy", "burns", **POLICY), MAIL],
        "0.spec.conditions.0.conditionRef: no AlertCondition",
    ),
    (
        [document("AlertPolicy", "burns", **POLICY), CONDITION],
        "notificationTargets.0.targetRef: no AlertNotification",
    ),
    (
        [document("AlertPolicy", "p", conditions=[])],
        "0.spec.conditions: expected exactly one condition, got 0",
    ),
    ([document("AlertPolicy", "p")], "0.spec.conditions: is missing"),
    (
        [document("AlertPolicy", "p", **(POLICY | {"alertWhenNoData": "yes"})), CONDITION, MAIL],
        "0.spec.alertWhenNoData: expected true or false, got 'yes'",
    ),
    (
        [slo(alertPolicies=[inline("AlertCondition", "x", **FAST)])],
        "0.spec.alertPolicies.0.kind: expected AlertPolicy, got 'AlertCondition'",
    ),
    (with_condition(kind="budget"), "2.spec.condition.kind: expected burnrate, got 'budget'"),
    (with_condition(op="over"), "2.spec.condition.op: expected gt or gte or lt or lte, got 'over'"),
    (with_condition(op=None), "2.spec.condition.op: is missing; expected one of gt, gte, lt, lte"),
    (with_condition(threshold="much"), "2.spec.condition.threshold: expected a burn rate such as 2"),
    (with_condition(threshold="-1"), "2.spec.condition.threshold: a burn rate is 0 or more"),
    (
        with_condition(lookbackWindow="1M"),
        "2.spec.condition.lookbackWindow: expected a number with m, h, d or w",
    ),
    (
        with_condition(lookbackWindow="32d"),
        "2.spec.condition.lookbackWindow: the ledger holds 44,700 minutes",
    ),
    (with_condition(alertAfter="0m"), "2.spec.condition.alertAfter: expected a number of at least 1"),
    (with_condition(alertAfter="90s"), "2.spec.condition.alertAfter: expected a number of at least 1"),
    (
        [document("AlertCondition", "c", **(FAST | {"severity": "loud"}))],
        "0.spec.severity: expected one of page,",
    ),
    ([document("AlertCondition", "c", severity="page")], "0.spec.condition: is missing"),
    ([document("AlertNotificationTarget", "t")], "0.spec.target: is missing"),
    ([document("DataSource", "d")], "0.spec.type: is missing"),
    ([document("Service", "s", description="x" * 1051)], "0.spec.description: expected at most 1050"),
]


@pytest.mark.parametrize(("documents", "expected"), WRONG)
def test_each_mistake_of_an_alert_is_named_with_its_path(documents: list[Any], expected: str) -> None:
    told = complaints(*documents)
    assert any(expected in one for one in told), told


@pytest.mark.parametrize(
    ("kind", "name", "expected"),
    [
        ("alertNotificationTarget", "mail", "3.kind: expected one of"),
        ("AlertNotificationTarget", "OnCallMail", "3.metadata.name: expected at most 63 of a-z"),
    ],
)
def test_what_is_refused_for_its_kind_or_name_is_not_said_to_be_missing_too(
    kind: str, name: str, expected: str
) -> None:
    policy = document("AlertPolicy", "burns", **(POLICY | {"notificationTargets": [{"targetRef": name}]}))
    (told,) = complaints(REFERRED, policy, CONDITION, document(kind, name, target="email"))
    assert told.startswith(expected)
    (told,) = complaints(REFERRED, policy, CONDITION)
    assert told.startswith("1.spec.notificationTargets.0.targetRef: no AlertNotificationTarget")


def test_two_conditions_of_one_name_are_refused_unless_they_ask_the_same() -> None:
    slow = inline("AlertCondition", "fast", **(FAST | {"severity": "ticket"}))
    other = inline("AlertPolicy", "slow", **(POLICY | {"conditions": [slow]}))
    twice = slo(alertPolicies=[{"alertPolicyRef": "burns"}, {"alertPolicyRef": "burns"}])
    policy = document("AlertPolicy", "burns", **POLICY)
    assert read([twice, policy, CONDITION, MAIL]).objectives[0].conditions == (ASKED,)
    both = slo(alertPolicies=[{"alertPolicyRef": "burns"}, other])
    assert complaints(both, policy, CONDITION, MAIL) == [
        "0.spec.alertPolicies.1: a condition 'fast' asks for something else already; expected another name"
    ]


def test_a_condition_looks_at_whole_slices() -> None:
    slices = slo(
        alertPolicies=[{"alertPolicyRef": "burns"}],
        budgetingMethod="RatioTimeslices",
        objectives=[{"target": "0.99", "timeSliceWindow": "2h"}],
    )
    (told,) = complaints(slices, document("AlertPolicy", "burns", **POLICY), CONDITION, MAIL)
    assert told == "0.spec.alertPolicies: fast looks back 60 minutes; expected whole slices of the objectives"


def test_a_condition_that_holds_while_all_is_well_is_taken_literally_and_told() -> None:
    reading = read(with_condition(op="lte"))
    assert reading.objectives[0].conditions[0].op is Op.LTE
    assert any("holds while little is spent" in one for one in remarks(reading))


# -- metadata


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({"labels": {"team": ["a", 1]}}, "0.metadata.labels.team: expected a text or a list of texts"),
        ({"labels": {"-team": "a"}}, "0.metadata.labels.-team: expected a key of at most 63"),
        ({"labels": "team"}, "0.metadata.labels: expected a mapping of texts"),
        ({"annotations": {"a/b/c": "x"}}, "0.metadata.annotations.a/b/c: expected a key such as"),
        ({"annotations": {"a": 1}}, "0.metadata.annotations.a: expected a text, got 1"),
        ({"annotations": {"openslo.com/a": "x"}}, "openslo.com/ is reserved for OpenSLO"),
        ({"displayName": 7}, "0.metadata.displayName: expected a text, got 7"),
    ],
)
def test_metadata_is_checked_too(metadata: dict[str, Any], expected: str) -> None:
    wrong = document("Service", "s")
    wrong["metadata"] |= metadata
    (told,) = complaints(wrong)
    assert expected in told


def test_sound_labels_and_annotations_are_accepted() -> None:
    sound = document("Service", "s")
    sound["metadata"] |= {
        "labels": {"team": "web", "tags": ["a", "b"]},
        "annotations": {"example.com/dashboard": "x", "plain": "y"},
    }
    assert remarks(read([sound])) == []


# -- windows


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        ({"duration": "90d", "isRolling": True}, Rolling(timedelta(days=90))),
        ({"duration": "52w", "isRolling": True}, Rolling(timedelta(weeks=52))),
        (
            {"duration": "1Q", "calendar": {"startTime": "2026-01-01 00:00:00", "timeZone": "UTC"}},
            Calendar(1, Unit.QUARTER, datetime(2026, 1, 1), "UTC"),  # noqa: DTZ001
        ),
        (
            {"duration": "1M", "calendar": {"startTime": "2026-01-15 12:30:00", "timeZone": "Asia/Kolkata"}},
            Calendar(1, Unit.MONTH, datetime(2026, 1, 15, 12, 30), "Asia/Kolkata"),  # noqa: DTZ001
        ),
        (
            {"duration": "1M", "calendar": {"startTime": datetime(2026, 1, 1), "timeZone": "UTC"}},  # noqa: DTZ001
            CalendarMonth("UTC"),
        ),
    ],
)
def test_windows_of_any_length(window: dict[str, Any], expected: object) -> None:
    (objective,) = read([slo(timeWindow=[window])]).objectives
    assert objective.window == expected


def test_a_calendar_does_not_roll() -> None:
    calendar = {"startTime": "2026-01-01", "timeZone": "UTC"}
    window = {"duration": "1M", "isRolling": True, "calendar": calendar}
    assert complaints(slo(timeWindow=[window])) == [
        "0.spec.timeWindow.0.isRolling: expected false beside a calendar"
    ]


# -- composites


def member(service: str, **changes: object) -> dict[str, Any]:
    ratio = {"bad": source(service=service), "total": source(service=service)}
    return {"target": "0.999", "indicator": {"spec": {"ratioMetric": ratio}}, **changes}


def composite(*members: dict[str, Any], **changes: object) -> dict[str, Any]:
    made = slo(objectives=list(members), **changes)
    del made["spec"]["indicator"]
    return made


def test_objectives_with_indicators_of_their_own_make_a_composite() -> None:
    sli = document(
        "SLI", "paid", ratioMetric={"bad": source(service="payment"), "total": source(service="payment")}
    )
    referred = {"target": "0.99", "indicatorRef": "paid", "compositeWeight": "2.5", "displayName": "Paying"}
    (found,) = read([composite(member("checkout"), referred), sli]).composites
    assert (found.name, found.budgeting) == ("checkout", Budgeting.OCCURRENCES)
    told = [(one.objective.name, one.objective.service, one.weight) for one in found.members]
    assert told == [("checkout-1", "checkout", 1), ("checkout-2", "payment", Decimal("2.5"))]
    assert found.members[1].objective.display_name == "Paying"


def test_members_of_a_composite_are_objectives_of_their_own_with_its_conditions() -> None:
    documents = [document("AlertPolicy", "burns", **POLICY), CONDITION, MAIL]
    made = composite(member("checkout"), member("payment"), alertPolicies=[{"alertPolicyRef": "burns"}])
    reading = read([made, *documents])
    assert [one.conditions for one in reading.objectives] == [(ASKED,), (ASKED,)]


COMPOSITES: list[tuple[dict[str, Any], str]] = [
    (
        composite(member("a", compositeWeight=0)),
        "objectives.0.compositeWeight: expected a number above 0, got 0",
    ),
    (composite(member("a"), {"target": "0.9"}), "objectives.1: expected either indicator or indicatorRef"),
    (slo(objectives=[member("a")]), "objectives.0.indicator: belongs to a composite"),
    (
        composite(
            member("a", timeSliceTarget="0.9", timeSliceWindow="1m"),
            budgetingMethod="Timeslices",
            timeWindow=[{"duration": "90d", "isRolling": True}],
        ),
        "timeWindow: a composite of Timeslices is judged slice by slice; expected at most 31 d",
    ),
    (
        composite(
            member("a", timeSliceWindow="1m"),
            member("b", timeSliceWindow="5m"),
            budgetingMethod="RatioTimeslices",
        ),
        "objectives: the members of a composite have one slice; expected the same timeSliceWindow in each",
    ),
]


@pytest.mark.parametrize(("wrong", "expected"), COMPOSITES)
def test_a_composite_that_makes_no_sense_is_refused_with_its_path(
    wrong: dict[str, Any], expected: str
) -> None:
    (told,) = complaints(wrong)
    assert told.startswith("0.spec.")
    assert expected in told


# -- lenient

THRESHOLD = {"spec": {"thresholdMetric": source(indicator="latency", threshold_s="0.5")}}
FORGIVEN: list[tuple[list[Any], str]] = [
    ([document("Service", "FooBar")], "metadata.name: 'FooBar' is taken as it is"),
    (with_condition(alertAfter="0m"), "condition.alertAfter: it alerts at once"),
    (with_condition(op=None), "condition.op: gt is taken: above the threshold"),
    (
        [
            document(
                "AlertCondition", "c", description="burn rate exceeds 2", severity="page",
                condition=BURN | {"op": "lte"},
            )
        ],
        "condition.op: lte holds while little is spent",
    ),
    (
        [slo(indicator=THRESHOLD, objectives=[{"target": "0.9", "op": "lte"}])],
        "objectives.0.value: threshold_s of the metric is taken, 0.5",
    ),
    ([slo(objectives=[{"target": "0.9", "op": "lte", "value": "1"}])], "objectives.0.op: not used"),
    (
        [
            slo(
                budgetingMethod="Timeslices",
                objectives=[{"target": "0.9", "timeSliceTarget": 0, "timeSliceWindow": "1m"}],
            )
        ],
        "timeSliceTarget: no slice is ever bad",
    ),
    (
        [slo(budgetingMethod="Timeslices", objectives=[{"target": "0.9", "timeSliceTarget": "0.95"}])],
        "timeSliceWindow: slices are a minute",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("documents", "expected"), FORGIVEN)
def test_where_openslo_contradicts_itself_strict_reading_refuses_and_lenient_tells_what_it_takes(
    documents: list[Any], expected: str
) -> None:
    assert complaints(*documents)
    assert any(expected in one for one in remarks(read(documents, lenient=True)))


def test_what_strict_reading_refuses_says_what_lenient_reading_would_take() -> None:
    (told,) = complaints(*with_condition(alertAfter="0m"))
    assert told.startswith("2.spec.condition.alertAfter: expected a number of at least 1 with m, h, d or w")
    assert told.endswith("got '0m' (lenient reading would go on: it alerts at once)")


@pytest.mark.parametrize("target", ["0", "1", "99.99"])
def test_lenient_reading_forgives_no_target_of_nothing_or_everything(target: str) -> None:
    assert read([slo(objectives=[{"target": target}])], lenient=True).problems


def test_nothing_of_a_document_is_changed_by_reading_it() -> None:
    documents = with_condition()
    before = deepcopy(documents)
    read(documents)
    assert documents == before
