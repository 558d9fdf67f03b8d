"""What an alarm's actions send to a topic, in the form of the e-mail and JSON that CloudWatch sends."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from simulator.cloudwatch.alarms import State
from simulator.cloudwatch.values import moment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulator.cloudwatch.alarms import Rule
    from simulator.cloudwatch.evaluation import Transition

#: What an SNS subject may hold at most [SNS Publish].
SUBJECT_MAX = 100


@dataclass(frozen=True, slots=True)
class Notice:
    """A message on its way to a topic."""

    topic: str
    subject: str
    body: str


def notices(transition: Transition) -> Iterator[Notice]:
    """Yield a notice for each topic among the actions; other actions have nobody to tell."""
    for action in transition.actions:
        if action.split(":")[2:3] == ["sns"]:
            subject = f'{transition.state}: "{transition.name}" in {transition.region}'
            yield Notice(action, subject[:SUBJECT_MAX], json.dumps(_told(transition)))


def _told(transition: Transition) -> dict[str, Any]:
    """Return the message [CloudWatch user guide, "Notifying users on alarm changes"]."""
    rule, state = transition.rule, transition.detail["state"]
    return {
        "AlarmName": transition.name,
        "AlarmDescription": rule.description or None,
        "AWSAccountId": transition.account,
        "NewStateValue": transition.state,
        "NewStateReason": state["reason"],
        "StateChangeTime": f"{moment(transition.at):%Y-%m-%dT%H:%M:%S.000+0000}",
        "Region": transition.region,
        "AlarmArn": transition.arn,
        "OldStateValue": transition.previous,
        "OKActions": list(rule.actions.get(State.OK, ())),
        "AlarmActions": list(rule.actions.get(State.ALARM, ())),
        "InsufficientDataActions": list(rule.actions.get(State.INSUFFICIENT_DATA, ())),
        "Trigger": _trigger(rule),
    }


def _trigger(rule: Rule) -> dict[str, Any]:
    return {
        "MetricName": rule.series.metric,
        "Namespace": rule.series.namespace,
        "StatisticType": "Statistic",
        "Statistic": rule.series.stat.upper(),
        "Dimensions": [{"name": name, "value": value} for name, value in rule.series.dimensions],
        "Period": rule.period_s,
        "EvaluationPeriods": rule.periods,
        "DatapointsToAlarm": rule.to_alarm,
        "ComparisonOperator": rule.comparison,
        "Threshold": rule.threshold,
        "TreatMissingData": rule.missing,
    }
