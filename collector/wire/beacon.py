"""The Beacon seam on AWS itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from collector.beacon import DIMENSION, METRIC, NAMESPACE
from collector.wire.failures import translated

if TYPE_CHECKING:
    from collector.wire.session import Sessions


class AwsBeacon:
    """Writes into the CloudWatch of one account; AWS's own clock says when."""

    def __init__(self, sessions: Sessions, account: str) -> None:
        self._sessions, self._account = sessions, account

    def beat(self, region: str, instance: str) -> None:
        """Leave one sign of life of this instance in a region.  Raises CollectError."""
        with translated("cloudwatch"):
            self._sessions.beating_cloudwatch(self._account, region).put_metric_data(
                Namespace=NAMESPACE,
                MetricData=[
                    {
                        "MetricName": METRIC,
                        "Dimensions": [{"Name": DIMENSION, "Value": instance}],
                        "Value": 1.0,
                        "Unit": "Count",
                    }
                ],
            )
