"""Metric alarms: their configuration and state, and the operations on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, TypeVar

from simulator.cloudwatch.reading import Series, statistic
from simulator.cloudwatch.statistics import parse
from simulator.cloudwatch.store import MINUTE_S
from simulator.cloudwatch.values import dimensions_of, listed, moment, position, token
from simulator.refusal import Refusal

Choice = TypeVar("Choice", bound=StrEnum)

PAGE_MAX = 100
EVALUATED_MAX_S = 86_400


class State(StrEnum):
    """What an alarm says."""

    OK = "OK"
    ALARM = "ALARM"
    INSUFFICIENT_DATA = "INSUFFICIENT_DATA"


class Missing(StrEnum):
    """How an alarm treats periods without data."""

    MISSING = "missing"
    IGNORE = "ignore"
    BREACHING = "breaching"
    NOT_BREACHING = "notBreaching"


class Comparison(StrEnum):
    """When a point breaches the threshold."""

    AT_LEAST = "GreaterThanOrEqualToThreshold"
    ABOVE = "GreaterThanThreshold"
    BELOW = "LessThanThreshold"
    AT_MOST = "LessThanOrEqualToThreshold"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What an alarm watches, and when it changes."""

    name: str
    series: Series
    period_s: int
    periods: int
    to_alarm: int
    threshold: float
    comparison: Comparison
    missing: Missing
    description: str = ""
    actions: Mapping[State, tuple[str, ...]] = field(default_factory=dict)
    actions_enabled: bool = True

    @property
    def arn(self) -> str:
        """The alarm's ARN."""
        return f"arn:aws:cloudwatch:{self.series.region}:{self.series.account}:alarm:{self.name}"


@dataclass(frozen=True, slots=True)
class Standing:
    """An alarm's state, since when, and why."""

    state: State
    at: float
    reason: str
    reason_data: str = "{}"


@dataclass(frozen=True, slots=True)
class Alarm:
    """A rule with its standing, and when it was configured."""

    rule: Rule
    standing: Standing
    configured_at: float

    def told(self) -> dict[str, Any]:
        """Return the alarm as DescribeAlarms does."""
        rule, standing = self.rule, self.standing
        statistic = "ExtendedStatistic" if parse(rule.series.stat).sampled else "Statistic"
        return {
            "AlarmName": rule.name,
            "AlarmArn": rule.arn,
            "AlarmDescription": rule.description,
            "AlarmConfigurationUpdatedTimestamp": moment(self.configured_at),
            "ActionsEnabled": rule.actions_enabled,
            "OKActions": list(rule.actions.get(State.OK, ())),
            "AlarmActions": list(rule.actions.get(State.ALARM, ())),
            "InsufficientDataActions": list(rule.actions.get(State.INSUFFICIENT_DATA, ())),
            "StateValue": standing.state.value,
            "StateReason": standing.reason,
            "StateReasonData": standing.reason_data,
            "StateUpdatedTimestamp": moment(standing.at),
            "StateTransitionedTimestamp": moment(standing.at),
            "MetricName": rule.series.metric,
            "Namespace": rule.series.namespace,
            statistic: rule.series.stat,
            "Dimensions": listed(rule.series.dimensions),
            "Period": rule.period_s,
            "EvaluationPeriods": rule.periods,
            "DatapointsToAlarm": rule.to_alarm,
            "Threshold": rule.threshold,
            "ComparisonOperator": rule.comparison.value,
            "TreatMissingData": rule.missing.value,
        }


class Alarms:
    """All alarms by account, region and name; `version` moves whenever a rule does."""

    def __init__(self) -> None:
        self.all: dict[tuple[str, str, str], Alarm] = {}
        self.version = 0

    def put(self, params: Mapping[str, Any], account: str, region: str, now: float) -> None:
        """Create an alarm, or configure it anew; its state stays until it is evaluated."""
        rule = rule_of(params, account, region)
        key = (account, region, rule.name)
        unchecked = Standing(State.INSUFFICIENT_DATA, now, "Unchecked: Initial alarm creation")
        known = self.all.get(key)
        self.all[key] = Alarm(rule, known.standing if known else unchecked, now)
        self.version += 1

    def delete(self, params: Mapping[str, Any], account: str, region: str) -> None:
        """Delete alarms: all that are named, or none if one is not there."""
        names = params.get("AlarmNames") or []
        keys = [(account, region, name) for name in names]
        absent = [key[2] for key in keys if key not in self.all]
        if absent:
            raise Refusal("ResourceNotFound", f"Alarms {absent} do not exist.", 404)
        for key in keys:
            del self.all[key]
        self.version += 1

    def describe(self, params: Mapping[str, Any], account: str, region: str) -> dict[str, Any]:
        """Answer a page of the alarms that the filters leave, by name."""
        names, prefix = params.get("AlarmNames"), params.get("AlarmNamePrefix", "")
        if names and prefix:
            message = "AlarmNames and AlarmNamePrefix cannot be used together."
            raise Refusal("InvalidParameterCombination", message)
        chosen = [
            alarm
            for (owner, where, name), alarm in sorted(self.all.items())
            if (owner, where) == (account, region)
            and (not names or name in names)
            and name.startswith(prefix)
            and params.get("StateValue", alarm.standing.state) == alarm.standing.state
        ]
        subject = repr((names, prefix, params.get("StateValue")))
        first = position(params.get("NextToken"), subject)
        last = first + min(params.get("MaxRecords", PAGE_MAX), PAGE_MAX)
        answer = {"MetricAlarms": [alarm.told() for alarm in chosen[first:last]], "CompositeAlarms": []}
        return answer | ({"NextToken": token(last, subject)} if last < len(chosen) else {})

    def stand(self, key: tuple[str, str, str], standing: Standing) -> None:
        """Let an alarm say something else."""
        self.all[key] = replace(self.all[key], standing=standing)


def rule_of(params: Mapping[str, Any], account: str, region: str) -> Rule:
    """Read the parameters of PutMetricAlarm.  Raises Refusal."""
    for name in ("Metrics", "ThresholdMetricId"):
        if params.get(name):
            message = f"{name}: alarms on metric math are not simulated yet; name one metric and a statistic."
            raise Refusal("ValidationError", message)
    periods, period_s = params.get("EvaluationPeriods", 0), params.get("Period", 0)
    to_alarm = params.get("DatapointsToAlarm", periods)
    _check_periods(periods, period_s, to_alarm)
    stat = params.get("Statistic") or params.get("ExtendedStatistic") or ""
    series = Series(
        account,
        region,
        _required(params, "Namespace"),
        _required(params, "MetricName"),
        dimensions_of(params.get("Dimensions", ())),
        stat,
    )
    statistic(series)
    return Rule(
        name=_required(params, "AlarmName"),
        series=series,
        period_s=period_s,
        periods=periods,
        to_alarm=to_alarm,
        threshold=float(_required(params, "Threshold")),
        comparison=one_of(Comparison, _required(params, "ComparisonOperator"), "ComparisonOperator"),
        missing=one_of(Missing, params.get("TreatMissingData", "missing"), "TreatMissingData"),
        description=params.get("AlarmDescription", ""),
        actions={
            State.OK: tuple(params.get("OKActions", ())),
            State.ALARM: tuple(params.get("AlarmActions", ())),
            State.INSUFFICIENT_DATA: tuple(params.get("InsufficientDataActions", ())),
        },
        actions_enabled=params.get("ActionsEnabled", True),
    )


def _check_periods(periods: int, period_s: int, to_alarm: int) -> None:
    if period_s <= 0 or period_s % MINUTE_S:
        message = (
            f"Period must be a multiple of 60, got {period_s}; alarms under a minute are not simulated yet."
        )
        raise Refusal("ValidationError", message)
    if periods < 1 or periods * period_s > EVALUATED_MAX_S:
        message = f"EvaluationPeriods ({periods}) times Period must lie between one period and one day."
        raise Refusal("ValidationError", message)
    if not 1 <= to_alarm <= periods:
        message = f"DatapointsToAlarm must be between 1 and EvaluationPeriods ({periods}), got {to_alarm}."
        raise Refusal("ValidationError", message)


def _required(params: Mapping[str, Any], name: str) -> Any:  # noqa: ANN401 - JSON has no better type
    if params.get(name) is None:
        raise Refusal("MissingParameter", f"The parameter {name} is required.")
    return params[name]


def one_of(choices: type[Choice], value: str, name: str) -> Choice:
    """Return the member that a parameter names.  Raises Refusal."""
    try:
        return choices(value)
    except ValueError:
        known = ", ".join(choices)
        message = f"The value {value} for parameter {name} is not simulated yet: one of {known}."
        raise Refusal("ValidationError", message) from None
