"""The alarms that guard deployments: one on server errors per placement, as its owners would set it up."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulator.cloudwatch.service import CloudWatch
    from simulator.demand import Row
    from simulator.estate import Estate

#: Errors per minute: this share of the usual requests, and never fewer than a handful.
ERROR_SHARE, ERRORS_LEAST = 0.02, 5
MINUTES = 2


def guard(cloudwatch: CloudWatch, estate: Estate, expected: Row, at: int) -> None:
    """Put an alarm on every placement."""
    for place in estate.places:
        alarm = {
            "AlarmName": place.alarm,
            "AlarmDescription": f"{place.service} answers with server errors",
            "Namespace": "AWS/ApplicationELB",
            "MetricName": "HTTPCode_Target_5XX_Count",
            "Dimensions": [
                {"Name": "LoadBalancer", "Value": place.load_balancer},
                {"Name": "TargetGroup", "Value": place.target_group},
            ],
            "Statistic": "Sum",
            "Period": 60,
            "EvaluationPeriods": MINUTES,
            "DatapointsToAlarm": MINUTES,
            "Threshold": float(max(ERRORS_LEAST, round(expected[place.index] * ERROR_SHARE))),
            "ComparisonOperator": "GreaterThanThreshold",
            "TreatMissingData": "notBreaching",
        }
        cloudwatch.put_alarm(alarm, region=place.region, account=place.account, now=at)
