from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from simulator.cloudwatch.alarms import Comparison, Missing, Rule, State
from simulator.cloudwatch.evaluation import STATES, breaching, decide
from simulator.cloudwatch.reading import Series
from simulator.refusal import Refusal

if TYPE_CHECKING:
    from tests.conftest import Golden
    from tests.simulator.cloudwatch.conftest import Bench

GOLDEN = Path(__file__).with_name("golden")
ACCOUNT, REGION = "123456789012", "eu-west-1"


def decided(points: str, to_alarm: int, missing: Missing, current: State = State.OK) -> State:
    """Decide over a row of the user guide's tables: 0 is fine, X breaches, - is missing; 3 periods count."""
    row = np.array([[{"0": 0.0, "X": 10.0, "-": np.nan}[point] for point in points.split()]])
    rule = Rule(
        name="alarm",
        series=Series(ACCOUNT, REGION, "n", "m", (), "Sum"),
        period_s=60,
        periods=3,
        to_alarm=to_alarm,
        threshold=5.0,
        comparison=Comparison.ABOVE,
        missing=missing,
    )
    return STATES[decide(row, breaching(row, (rule,)), (rule,), np.array([STATES.index(current)]))[0]]


OK, ALARM, NO_DATA = State.OK, State.ALARM, State.INSUFFICIENT_DATA


#: "Configuring how CloudWatch alarms treat missing data", CloudWatch user guide: both tables.
@pytest.mark.parametrize(
    ("points", "to_alarm", "missing", "ignore", "breaching", "not_breaching"),
    [
        ("0 - X - X", 3, OK, OK, OK, OK),
        ("- - - - 0", 3, OK, OK, OK, OK),
        ("- - - - -", 3, NO_DATA, None, ALARM, OK),
        ("0 X X - X", 3, ALARM, ALARM, ALARM, ALARM),
        ("- - X - -", 3, ALARM, None, ALARM, OK),
        ("0 - X - X", 2, ALARM, ALARM, ALARM, ALARM),
        ("0 0 X 0 X", 2, ALARM, ALARM, ALARM, ALARM),
        ("0 - X - -", 2, OK, OK, ALARM, OK),
        ("- - - - 0", 2, OK, OK, ALARM, OK),
        ("- - - X -", 2, ALARM, None, ALARM, OK),
    ],
    ids=str,
)
def test_missing_data_is_treated_as_the_user_guide_says(  # noqa: PLR0913, PLR0917 - a row of its table
    points: str,
    to_alarm: int,
    missing: State,
    ignore: State | None,
    breaching: State,
    not_breaching: State,
) -> None:
    assert decided(points, to_alarm, Missing.MISSING) is missing
    assert decided(points, to_alarm, Missing.BREACHING) is breaching
    assert decided(points, to_alarm, Missing.NOT_BREACHING) is not_breaching
    for current in State:  # None: whatever it was
        assert decided(points, to_alarm, Missing.IGNORE, current) is (ignore or current)


@pytest.mark.parametrize(
    ("comparison", "breaches"),
    [
        (Comparison.ABOVE, [False, False, True]),
        (Comparison.AT_LEAST, [False, True, True]),
        (Comparison.BELOW, [True, False, False]),
        (Comparison.AT_MOST, [True, True, False]),
    ],
    ids=str,
)
def test_thresholds_are_compared_strictly_or_not(comparison: Comparison, breaches: list[bool]) -> None:
    series = Series(ACCOUNT, REGION, "n", "m", (), "Sum")
    rule = Rule(
        name="a",
        series=series,
        period_s=60,
        periods=1,
        to_alarm=1,
        threshold=5,
        comparison=comparison,
        missing=Missing.MISSING,
    )
    assert breaching(np.array([[4.0, 5.0, 6.0]]), (rule,))[0].tolist() == breaches


def test_two_of_three_minutes_alarm_once_they_have_arrived(bench: Bench) -> None:
    bench.alarm()
    bench.record(0, 5)
    assert [change.state for change in bench.evaluate(7)] == [State.OK]
    bench.record(5, 1, target_5xx=10)
    bench.record(6, 1)
    bench.record(7, 4, target_5xx=10)
    assert bench.evaluate(9) == []
    # Minute 7 ends at 8, is told at 9, and is seen by the evaluation after the alarm's own lag.
    assert [(change.at / 60 % 60, change.state) for change in bench.evaluate(12)] == [(10, State.ALARM)]
    assert bench.cloudwatch.alarm_state(ACCOUNT, REGION, "errors") is State.ALARM
    bench.record(11, 10)
    assert [(change.previous, change.state) for change in bench.evaluate(22)] == [(State.ALARM, State.OK)]


def test_any_way_to_pass_time_sees_the_same_changes(make_bench: type[Bench]) -> None:
    def lived(steps: list[float]) -> list[tuple[float, State]]:
        bench = make_bench()
        bench.alarm()
        bench.record(0, 5)
        bench.record(5, 5, target_5xx=10)
        bench.record(10, 20)
        return [(change.at, change.state) for now in steps for change in bench.evaluate(now)]

    assert lived([4, 30]) == lived([4, *(4 + i / 12 for i in range(1, 313))])


def test_a_heartbeat_that_stops_breaches(bench: Bench) -> None:
    bench.alarm(
        "heartbeat",
        Namespace="Fleet",
        MetricName="Heartbeat",
        Dimensions=[],
        Statistic="SampleCount",
        Threshold=1.0,
        DatapointsToAlarm=3,
        ComparisonOperator="LessThanThreshold",
        TreatMissingData="breaching",
        AlarmActions=["arn:aws:sns:eu-west-1:123456789012:pager"],
    )
    changes = []
    for minute in range(14):
        if minute < 6:
            data = {"Namespace": "Fleet", "MetricData": [{"MetricName": "Heartbeat", "Value": 1.0}]}
            bench.call("PutMetricData", data, now=minute)
        changes += bench.evaluate(minute + 0.5)
    assert [(change.state, change.at / 60 % 60) for change in changes] == [
        (State.ALARM, 0),
        (State.OK, 2),
        (State.ALARM, 12),  # as on AWS, only when no heartbeat is left in all that it looks back on
    ]
    assert changes[-1].actions == ("arn:aws:sns:eu-west-1:123456789012:pager",)


def test_the_event_has_the_shape_of_eventbridge(bench: Bench, golden: Golden) -> None:
    bench.alarm(AlarmDescription="too many errors")
    bench.record(0, 10, target_5xx=20)
    (change,) = bench.evaluate(10)
    golden(GOLDEN / "alarm_state_change.json", json.dumps(change.detail, indent=2) + "\n")
    data = json.loads(change.detail["state"]["reasonData"])
    assert data["recentDatapoints"] == [20.0, 20.0, 16.0]  # the newest minute is still being counted
    assert change.arn == "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:errors"


def test_a_state_set_by_hand_lasts_until_the_next_evaluation(bench: Bench) -> None:
    bench.alarm()
    bench.record(0, 10)
    bench.evaluate(8)
    bench.call("SetAlarmState", {"AlarmName": "errors", "StateValue": "ALARM", "StateReason": "drill"}, now=8)
    assert bench.cloudwatch.alarm_state(ACCOUNT, REGION, "errors") is State.ALARM
    assert [change.state for change in bench.evaluate(9)] == [State.ALARM, State.OK]


def test_alarms_are_described_configured_anew_and_deleted(bench: Bench) -> None:
    bench.alarm("a")
    bench.alarm("b")
    bench.record(0, 10)
    bench.evaluate(8)
    bench.alarm("a", Threshold=7.0)
    told = bench.call("DescribeAlarms", {"AlarmNames": ["a"]})["MetricAlarms"]
    assert [(a["AlarmName"], a["Threshold"], a["StateValue"]) for a in told] == [("a", 7.0, "OK")]
    page = bench.call("DescribeAlarms", {"MaxRecords": 1})
    rest = bench.call("DescribeAlarms", {"MaxRecords": 1, "NextToken": page["NextToken"]})
    assert [a["AlarmName"] for a in page["MetricAlarms"] + rest["MetricAlarms"]] == ["a", "b"]
    bench.call("DeleteAlarms", {"AlarmNames": ["a", "b"]})
    assert bench.call("DescribeAlarms", {})["MetricAlarms"] == []
    assert bench.evaluate(9) == []
    with pytest.raises(Refusal, match="do not exist"):
        bench.call("DeleteAlarms", {"AlarmNames": ["a"]})


@pytest.mark.parametrize(
    "change",
    [
        {"Metrics": [{"Id": "m"}]},
        {"DatapointsToAlarm": 4},
        {"EvaluationPeriods": 0},
        {"EvaluationPeriods": 25, "Period": 3600},
        {"Period": 10},
        {"ComparisonOperator": "GreaterThanUpperThreshold"},
        {"Statistic": "p100"},
        {"Statistic": "", "ExtendedStatistic": "p99"},
        {"TreatMissingData": "sometimes"},
        {"MetricName": None},
    ],
    ids=str,
)
def test_an_alarm_that_cannot_be_evaluated_is_refused(bench: Bench, change: dict[str, Any]) -> None:
    with pytest.raises(Refusal):
        bench.alarm(**change)
    assert bench.call("DescribeAlarms", {})["MetricAlarms"] == []
