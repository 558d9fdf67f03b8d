"""The tagging API as a reader sees it: the tags of services, load balancers and target groups.

A load balancer that services share bears no tags: it is nobody's alone.
`call` takes and returns what boto3 would; it raises `simulator.refusal.Refusal`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simulator.balancing import fronts
from simulator.estate import Site
from simulator.paging import page
from simulator.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulator.calls import Desk, Params
    from simulator.estate import Estate, Place

SERVICE, BALANCER, GROUP = (
    "ecs:service",
    "elasticloadbalancing:loadbalancer",
    "elasticloadbalancing:targetgroup",
)
LISTED_DEFAULT = 50


class Tagging:
    """What owners wrote on the resources of the estate; nobody can write on them anew."""

    def __init__(self, estate: Estate, desk: Desk) -> None:
        self._estate = estate
        self._desk = desk

    def call(
        self, operation: str, params: Params, *, region: str, account: str, caller: str
    ) -> dict[str, Any]:
        """Answer an operation.  Raises Refusal."""
        return self._desk.answer(
            "resourcegroupstaggingapi",
            operation,
            params,
            lambda: self._answer(operation, params, region, account),
            account=account,
            region=region,
            caller=caller,
        )

    def _answer(self, operation: str, params: Params, region: str, account: str) -> dict[str, Any]:
        self._desk.admit(region)
        if operation != "GetResources":
            raise Refusal("UnknownOperationException", f"tagging:{operation} is not simulated yet.")
        site = Site(account, region)
        shared = {arn for arn, sharers in fronts(self._estate.places, site).items() if len(sharers) > 1}
        found = [
            each
            for place in self._estate.places
            if place.site == site
            for each in resources(place)
            if each[1] not in shared and asked_for(params, *each)
        ]
        turn = {"maxResults": params.get("ResourcesPerPage", LISTED_DEFAULT)}
        listed, rest = page(found, turn | {"nextToken": params.get("PaginationToken")})
        return {
            "ResourceTagMappingList": [described(arn, tags) for _, arn, tags in listed],
            "PaginationToken": rest.get("nextToken", ""),
        }


def resources(place: Place) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Yield kind, ARN and tags of what a placement is made of."""
    yield SERVICE, place.service_arn, place.tags
    if place.balanced:
        yield BALANCER, place.load_balancer_arn, place.tags
        yield GROUP, place.target_group_arn, place.tags


def asked_for(params: Params, kind: str, arn: str, tags: dict[str, str]) -> bool:
    """Whether a resource is of a wanted kind and has every wanted tag."""
    kinds, arns = params.get("ResourceTypeFilters") or [], params.get("ResourceARNList") or []
    return (
        (not kinds or kind in kinds or kind.partition(":")[0] in kinds)
        and (not arns or arn in arns)
        and all(wears(tags, wanted) for wanted in params.get("TagFilters") or [])
    )


def wears(tags: dict[str, str], wanted: Params) -> bool:
    """Whether there is a tag of this key, with one of the values if any are named."""
    key, values = wanted.get("Key", ""), wanted.get("Values") or []
    return key in tags and (not values or tags[key] in values)


def described(arn: str, tags: dict[str, str]) -> dict[str, Any]:
    """Return a resource with its tags, as AWS lists it."""
    return {"ResourceARN": arn, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}
