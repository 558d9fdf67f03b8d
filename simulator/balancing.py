"""ELBv2 as a reader sees it: load balancers, their listeners and rules, and the target groups behind them.

`call` takes and returns what boto3 would; it raises `simulator.refusal.Refusal`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simulator import fate
from simulator.estate import Site
from simulator.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from simulator.calls import Desk, Params
    from simulator.estate import Estate, Place

HTTP_PORT, HTTPS_PORT = 80, 443
TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-2021-06"
#: What a load balancer answers to a host name that it does not know.
NOBODY: dict[str, Any] = {
    "Type": "fixed-response",
    "FixedResponseConfig": {"StatusCode": "404", "ContentType": "text/plain", "MessageBody": "no such host"},
}

Shape = dict[str, Any]


class Balancing:
    """The load balancers of every account and region of the estate."""

    def __init__(self, estate: Estate, desk: Desk) -> None:
        self._desk = desk
        self._fronts = {site: fronts(estate.places, site) for site in estate.sites}
        self._reads: dict[str, Callable[[dict[str, list[Place]], Params], Shape]] = {
            "DescribeLoadBalancers": _load_balancers,
            "DescribeTargetGroups": _target_groups,
            "DescribeListeners": _listeners,
            "DescribeRules": _rules,
        }

    def call(self, operation: str, params: Params, *, region: str, account: str, caller: str) -> Shape:
        """Answer an operation.  Raises Refusal."""
        site = Site(account, region)
        return self._desk.answer(
            "elbv2",
            operation,
            params,
            lambda: self._answer(operation, site, params),
            account=account,
            region=region,
            caller=caller,
        )

    def _answer(self, operation: str, site: Site, params: Params) -> Shape:
        self._desk.admit(site.region)
        if operation not in self._reads:
            raise Refusal(
                "UnknownOperationException", f"elasticloadbalancing:{operation} is not simulated yet."
            )
        return self._reads[operation](self._fronts.get(site, {}), params)


def fronts(places: Iterable[Place], site: Site) -> dict[str, list[Place]]:
    """Return the load balancers of a site by ARN, each with the places that share it."""
    behind: dict[str, list[Place]] = {}
    for place in places:
        if place.balanced and place.site == site:
            behind.setdefault(place.load_balancer_arn, []).append(place)
    return behind


def listener_arn(place: Place) -> str:
    """Return the ARN of the one listener before a place."""
    identity = fate.hexadecimal(16, "listener", place.load_balancer_arn)
    return f"{place.load_balancer_arn.replace(':loadbalancer/', ':listener/')}/{identity}"


def certificate(place: Place) -> str:
    """Return the ARN of the certificate that the listener before a place shows."""
    return f"arn:aws:iam::{place.account}:server-certificate/{place.cluster}"


def by_host(place: Place) -> list[Shape]:
    """Return the condition of the rule that leads to a place."""
    return [{"Field": "host-header", "HostHeaderConfig": {"Values": [place.host]}}]


def forward(place: Place) -> Shape:
    """Return the action of the rule that leads to a place."""
    return {"Type": "forward", "TargetGroupArn": place.target_group_arn}


def _load_balancers(behind: dict[str, list[Place]], params: Params) -> Shape:
    wanted = params.get("LoadBalancerArns") or list(behind)
    arns = _known(behind, wanted, "LoadBalancer")
    return {"LoadBalancers": [_load_balancer(behind[arn][0]) for arn in arns]}


def _load_balancer(place: Place) -> Shape:
    return {
        "LoadBalancerArn": place.load_balancer_arn,
        "LoadBalancerName": place.load_balancer.split("/")[1],
        "Type": "application",
        "AvailabilityZones": [{"ZoneName": zone} for zone in place.zones],
    }


def _target_groups(behind: dict[str, list[Place]], params: Params) -> Shape:
    one = params.get("LoadBalancerArn")
    groups = {
        place.target_group_arn: _target_group(place)
        for arn in _known(behind, [one] if one else list(behind), "LoadBalancer")
        for place in behind[arn]
    }
    wanted = params.get("TargetGroupArns") or list(groups)
    return {"TargetGroups": [groups[arn] for arn in _known(groups, wanted, "TargetGroup")]}


def _target_group(place: Place) -> Shape:
    return {
        "TargetGroupArn": place.target_group_arn,
        "TargetGroupName": place.target_group.split("/")[1],
        "Protocol": "HTTP",
        "Port": HTTP_PORT,
        "TargetType": "ip",
        "LoadBalancerArns": [place.load_balancer_arn],
    }


def _listeners(behind: dict[str, list[Place]], params: Params) -> Shape:
    listeners = {listener_arn(places[0]): _listener(places[0]) for places in behind.values()}
    if one := params.get("LoadBalancerArn"):
        (arn,) = _known(behind, [one], "LoadBalancer")
        return {"Listeners": [listeners[listener_arn(behind[arn][0])]]}
    wanted = params.get("ListenerArns") or list(listeners)
    return {"Listeners": [listeners[arn] for arn in _known(listeners, wanted, "Listener")]}


def _listener(place: Place) -> Shape:
    return {
        "ListenerArn": listener_arn(place),
        "LoadBalancerArn": place.load_balancer_arn,
        "Protocol": "HTTPS",
        "Port": HTTPS_PORT,
        "SslPolicy": TLS_POLICY,
        "Certificates": [{"CertificateArn": certificate(place)}],
        "DefaultActions": [NOBODY],
    }


def _rules(behind: dict[str, list[Place]], params: Params) -> Shape:
    of_listener = {listener_arn(places[0]): places for places in behind.values()}
    (arn,) = _known(of_listener, [params.get("ListenerArn", "")], "Listener")
    rules = [_rule(place, priority) for priority, place in enumerate(of_listener[arn], start=1)]
    last = {"RuleArn": _rule_arn(arn, "default"), "Priority": "default", "Conditions": []}
    return {"Rules": [*rules, {**last, "Actions": [NOBODY], "IsDefault": True}]}


def _rule(place: Place, priority: int) -> Shape:
    return {
        "RuleArn": _rule_arn(listener_arn(place), place.service),
        "Priority": str(priority),
        "Conditions": by_host(place),
        "Actions": [forward(place)],
        "IsDefault": False,
    }


def _rule_arn(listener: str, purpose: str) -> str:
    identity = fate.hexadecimal(16, "rule", listener, purpose)
    return f"{listener.replace(':listener/', ':listener-rule/')}/{identity}"


def _known(there: Iterable[str], wanted: Iterable[str], kind: str) -> list[str]:
    """Refuse all if one is not there, as ELBv2 does."""
    names = list(wanted)
    if missing := set(names) - set(there):
        raise Refusal(f"{kind}NotFound", f"{kind}s '{', '.join(sorted(missing))}' not found")
    return names
