"""The alarms that guard deployments: one on server errors per placement, as its owners would set it up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.cloudwatch.catalogue import ALB, ECS, Scope, dimensions
from simulator.cloudwatch.values import listed

if TYPE_CHECKING:
    from simulator.cloudwatch.service import CloudWatch
    from simulator.demand import Row
    from simulator.estate import Estate, Place

#: Errors per minute: this share of the usual requests, and never fewer than a handful.
ERROR_SHARE, ERRORS_LEAST = 0.02, 5
MINUTES = 2


def guarded(place: Place) -> bool:
    """Return whether there is something to guard a placement by: the answers to its users."""
    return place.balanced or place.meshed


def guard(cloudwatch: CloudWatch, estate: Estate, expected: Row, at: int) -> None:
    """Put an alarm on every placement that answers requests."""
    for place in filter(guarded, estate.places):
        alarm = {
            "AlarmName": place.alarm,
            "AlarmDescription": f"{place.service} answers with server errors",
            "Namespace": ECS if place.meshed else ALB,
            "MetricName": "HTTPCode_Target_5XX_Count",
            "Dimensions": listed(
                dimensions(place, Scope.TARGET_DISCOVERY if place.meshed else Scope.TARGET_GROUP)
            ),
            "Statistic": "Sum",
            "Period": 60,
            "EvaluationPeriods": MINUTES,
            "DatapointsToAlarm": MINUTES,
            "Threshold": float(max(ERRORS_LEAST, round(expected[place.index] * ERROR_SHARE))),
            "ComparisonOperator": "GreaterThanThreshold",
            "TreatMissingData": "notBreaching",
        }
        cloudwatch.put_alarm(alarm, region=place.region, account=place.account, now=at)
