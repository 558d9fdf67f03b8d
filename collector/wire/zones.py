"""Zones by name and id, and whether load balancers may be shifted away from one, or are.

ARC knows a load balancer only where its integration is switched on [guide of ARC, resources]; it names zones
by their id, and everybody else by their name, which is another one in another account.
"""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, TypedDict

from botocore.exceptions import ClientError

from collector.estate import Balancer, ZonalShift
from collector.source import CollectError
from collector.wire.failures import translated

if TYPE_CHECKING:
    from collections.abc import Mapping

    from collector.estate import ServiceView
    from collector.wire.discovery import Site

#: The IAM prefix of these calls.
API = "arc-zonal-shift"
#: How ARC calls what it does not manage [GetManagedResource].
UNMANAGED = "ResourceNotFoundException"
#: What a shift that was cancelled or has expired is not [ZonalShiftInResource].
APPLIED = "APPLIED"


class Told(TypedDict):
    """The parts of a view that speak of zones."""

    balancers: tuple[Balancer, ...]
    zone_ids: Mapping[str, str]


def told(site: Site, view: ServiceView) -> Told:
    """Return what is known of the zones of a service, and of shifts away from them."""
    dimensions = dict.fromkeys(view.load_balancers)
    prefix = f"{view.placement.arn.partition(':ecs:')[0]}:elasticloadbalancing:{site.region}:{site.account}"
    balancers = tuple(_balancer(site, f"{prefix}:loadbalancer/{name}") for name in dimensions)
    return {"balancers": balancers, "zone_ids": _zone_ids(site) if balancers else {}}


def _zone_ids(site: Site) -> Mapping[str, str]:
    kept = site.memory.zone_ids
    if kept[site.region] is None:
        try:
            with translated("ec2"):
                zones = site.ec2.describe_availability_zones()["AvailabilityZones"]
        except CollectError:
            return {}
        kept.keep({site.region: {zone["ZoneName"]: zone["ZoneId"] for zone in zones}}, site.now)
    return kept[site.region] or {}


def _balancer(site: Site, arn: str) -> Balancer:
    if not site.memory.unmanaged.due([arn], site.now):
        return Balancer(arn, is_shiftable=False)
    try:
        with translated(API):
            return _asked(site, arn)
    except CollectError:
        return Balancer(arn)


def _asked(site: Site, arn: str) -> Balancer:
    try:
        found = site.arc.get_managed_resource(resourceIdentifier=arn)
    except ClientError as error:
        if error.response["Error"].get("Code") != UNMANAGED:
            raise
        site.memory.unmanaged.keep({arn: True}, site.now)
        return Balancer(arn, is_shiftable=False)
    shifts = (
        ZonalShift(
            id=shift["zonalShiftId"],
            zone_id=shift["awayFrom"],
            expires_at=shift["expiryTime"].astimezone(UTC),
            comment=shift["comment"],
        )
        for shift in found["zonalShifts"]
        if shift["appliedStatus"] == APPLIED
    )
    return Balancer(arn, is_shiftable=True, shifts=tuple(shifts))
