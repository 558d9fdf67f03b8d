"""Load balancers as ELBv2 describes them: behind which one a target group is, and by what it is reached."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from collector.estate import Entrance
from collector.wire.failures import translated

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from mypy_boto3_elbv2 import ElasticLoadBalancingv2Client
    from mypy_boto3_elbv2.type_defs import ListenerTypeDef, RuleTypeDef

#: The IAM prefix of these calls.
API = "elasticloadbalancing"
#: What was deleted between two calls [ELBv2 DescribeListeners, DescribeRules].
GONE = frozenset({"LoadBalancerNotFound", "ListenerNotFound"})


def balancers(elbv2: ElasticLoadBalancingv2Client, groups: Collection[str]) -> dict[str, str]:
    """Return the ARN of the load balancer of each target group that has one.  Raises CollectError.

    All target groups of the region are listed: asking by ARN fails as a whole when one is gone.
    """
    with translated(API):
        return {
            group["TargetGroupArn"]: balancer
            for page in elbv2.get_paginator("describe_target_groups").paginate()
            for group in page["TargetGroups"]
            for balancer in group.get("LoadBalancerArns", ())
            if group["TargetGroupArn"] in groups
        }


def zones(elbv2: ElasticLoadBalancingv2Client, wanted: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Return the availability zones of load balancers; none of one that is gone.  Raises CollectError.

    All of the region are listed: asking by ARN fails as a whole when one is gone.
    """
    with translated(API):
        told = {
            balancer["LoadBalancerArn"]: tuple(
                sorted(zone["ZoneName"] for zone in balancer.get("AvailabilityZones", ()))
            )
            for page in elbv2.get_paginator("describe_load_balancers").paginate()
            for balancer in page["LoadBalancers"]
        }
    return {arn: told.get(arn, ()) for arn in wanted}


def entrances(elbv2: ElasticLoadBalancingv2Client, balancer: str) -> tuple[Entrance, ...]:
    """Return by what the target groups of a load balancer are reached; nothing when it is gone.

    Raises CollectError.
    """
    with translated(API):
        try:
            return tuple(_entrances(elbv2, balancer))
        except ClientError as error:
            if error.response["Error"].get("Code") in GONE:
                return ()
            raise


def speaks_http(balancer: str) -> bool:
    """Whether a load balancer counts requests: those of the network have no HTTP metrics."""
    return ":loadbalancer/app/" in balancer


def dimension(arn: str) -> str:
    """Return a load balancer or target group as CloudWatch's dimensions name it."""
    return arn.rsplit(":", 1)[-1].removeprefix("loadbalancer/")


def _entrances(elbv2: ElasticLoadBalancingv2Client, balancer: str) -> Iterator[Entrance]:
    for page in elbv2.get_paginator("describe_listeners").paginate(LoadBalancerArn=balancer):
        for listener in page["Listeners"]:
            for rules in elbv2.get_paginator("describe_rules").paginate(ListenerArn=listener["ListenerArn"]):
                for rule in rules["Rules"]:
                    yield from _reached(listener, rule)


def _reached(listener: ListenerTypeDef, rule: RuleTypeDef) -> Iterator[Entrance]:
    """Yield each target group that a rule forwards to; a weight of 0 may be another tomorrow."""
    for action in rule.get("Actions", ()):
        weighted = action.get("ForwardConfig", {}).get("TargetGroups", ())
        for arn in [group.get("TargetGroupArn") for group in weighted] or [action.get("TargetGroupArn")]:
            if arn:
                yield Entrance(
                    target_group=dimension(arn),
                    protocol=listener.get("Protocol", ""),
                    port=listener.get("Port", 0),
                    hosts=_patterns(rule, "host-header"),
                    paths=_patterns(rule, "path-pattern"),
                )


def _patterns(rule: RuleTypeDef, field: str) -> tuple[str, ...]:
    """Return what a rule asks of a field; older rules have it beside their configuration."""
    found: list[str] = []
    for condition in rule.get("Conditions", ()):
        if condition.get("Field") == field:
            told = condition.get("HostHeaderConfig") or condition.get("PathPatternConfig") or {}
            found += [*told.get("Values", ()), *told.get("RegexValues", ())] or condition.get("Values", ())
    return tuple(found)
