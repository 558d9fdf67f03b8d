"""The sign of life in CloudWatch: how its metric is called, and the seam that writes it."""

from __future__ import annotations

from typing import Protocol

#: A beat is a count of 1 under these names; the dimension's value tells one fournines from another.
NAMESPACE, METRIC, DIMENSION = "fournines", "Heartbeat", "Instance"


class Beacon(Protocol):
    """Where signs of life are left: CloudWatch, or that of the simulated world."""

    def beat(self, region: str, instance: str) -> None:
        """Leave one sign of life of this instance in a region.  Raises CollectError."""
        ...
