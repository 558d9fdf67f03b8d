"""The one thing of EC2 that is served: which zones a region has for an account, by name and by id.

`call` takes and returns what boto3 would; it raises `simulator.refusal.Refusal`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simulator.estate import zone_ids
from simulator.refusal import Refusal

if TYPE_CHECKING:
    from simulator.calls import Desk, Params


class Network:
    """The zones of every region."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def call(
        self, operation: str, params: Params, *, region: str, account: str, caller: str
    ) -> dict[str, Any]:
        """Answer an operation.  Raises Refusal."""
        return self._desk.answer(
            "ec2",
            operation,
            params,
            lambda: self._answer(operation, params, region, account),
            account=account,
            region=region,
            caller=caller,
        )

    def _answer(self, operation: str, params: Params, region: str, account: str) -> dict[str, Any]:
        self._desk.admit(region)
        if operation != "DescribeAvailabilityZones":
            raise Refusal("InvalidAction", f"ec2:{operation} is not simulated yet.")
        ids = zone_ids(account, region)
        names, wanted = params.get("ZoneNames") or list(ids), params.get("ZoneIds") or list(ids.values())
        if strangers := {*names} - {*ids} | {*wanted} - {*ids.values()}:
            raise Refusal("InvalidParameterValue", f"Invalid availability zones: [{', '.join(strangers)}]")
        zones = [
            {"ZoneName": name, "ZoneId": ids[name], "RegionName": region, "State": "available"}
            | {"ZoneType": "availability-zone", "OptInStatus": "opt-in-not-required", "Messages": []}
            for name in names
            if ids[name] in wanted
        ]
        return {"AvailabilityZones": zones}
