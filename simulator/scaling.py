"""Application Auto Scaling: bounds of the desired count, and target tracking that keeps CPU in its place.

`call` takes and returns what boto3 would; it raises `simulator.refusal.Refusal`.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from simulator import fate
from simulator.events import service_action
from simulator.moment import moment
from simulator.paging import page
from simulator.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator.calls import Desk, Params
    from simulator.ecs.fleet import Fleet
    from simulator.ecs.service import Service
    from simulator.estate import Place, Site

ROLE = "aws-service-role/ecs.application-autoscaling.amazonaws.com"
NAMESPACE, DIMENSION = "ecs", "ecs:service:DesiredCount"
Row: TypeAlias = NDArray[np.float64]

#: Target tracking: three points above the target, fifteen under 90 % of it [Application Auto Scaling guide].
TARGET_CPU = 60.0
HOT_POINTS, COLD_POINTS = 3, 15
#: How late it sees CPU: scaling out was seen to begin 363 s after the load [containers-roadmap issue 2113].
LAG_MINUTES = 2
COLD_RATIO = 0.9
OUT_COOLDOWN_S, IN_COOLDOWN_S = 60, 300
ACTIVITIES_KEPT = 200


@dataclass(slots=True)
class Target:
    """A scalable target: one service's bounds."""

    minimum: int
    maximum: int
    created_at: int
    suspended: dict[str, bool] = field(default_factory=dict)
    out_until: int = 0
    in_until: int = 0


class Scaling:
    """Application Auto Scaling of every service in the fleet."""

    def __init__(self, fleet: Fleet, desk: Desk) -> None:
        self._fleet = fleet
        self._desk = desk
        self.targets = [
            Target(s.place.spec.minimum, s.place.spec.maximum, s.created_at) for s in fleet.services
        ]
        self._activities: deque[tuple[Place, dict[str, Any]]] = deque(maxlen=ACTIVITIES_KEPT)
        self._seen: deque[tuple[Row, Row]] = deque(maxlen=COLD_POINTS + LAG_MINUTES)
        self._operations: dict[str, Callable[[Site, Params], dict[str, Any]]] = {
            "DescribeScalableTargets": self._describe_targets,
            "DescribeScalingPolicies": self._describe_policies,
            "DescribeScalingActivities": self._describe_activities,
            "RegisterScalableTarget": self._register,
        }

    def call(
        self, operation: str, params: Params, *, region: str, account: str, caller: str
    ) -> dict[str, Any]:
        """Answer an operation.  Raises Refusal."""
        site = self._fleet.site(account, region)
        return self._desk.answer(
            "application-autoscaling",
            operation,
            params,
            lambda: self._answer(operation, site, params),
            account=account,
            region=region,
            caller=caller,
            placement=lambda: self._placement(site, params),
        )

    def _answer(self, operation: str, site: Site, params: Params) -> dict[str, Any]:
        self._desk.admit(site.region)
        if operation not in self._operations:
            raise Refusal(
                "UnknownOperationException", f"application-autoscaling:{operation} is not simulated yet."
            )
        return self._operations[operation](site, params)

    def consider(self, cpu: Row, tasks: Row, at: int) -> None:
        """See a minute's average CPU (NaN: no tasks) and tasks of each placement; scale where it is time.

        A late point is held against the tasks that it was measured on, or a surge would be met twice.
        """
        self._seen.append((cpu, tasks))
        told = list(self._seen)[: len(self._seen) - LAG_MINUTES]
        if len(told) < HOT_POINTS:
            return
        hot = np.all([row > TARGET_CPU for row, _ in told[-HOT_POINTS:]], axis=0)
        needed = told[-1][0] * told[-1][1] / TARGET_CPU
        for index in np.flatnonzero(hot).tolist():
            self._scale_out(index, math.ceil(needed[index]), at)
        if len(told) >= COLD_POINTS:
            cold = np.all([row < TARGET_CPU * COLD_RATIO for row, _ in told[-COLD_POINTS:]], axis=0)
            for index in np.flatnonzero(cold).tolist():
                self._scale_in(index, math.ceil(needed[index] / COLD_RATIO), at)

    def _scale_out(self, index: int, needed: int, at: int) -> None:
        service, target = self._fleet.services[index], self.targets[index]
        if at < target.out_until or target.suspended.get("DynamicScalingOutSuspended"):
            return
        wanted = min(target.maximum, needed)
        if wanted > service.desired:
            target.out_until = at + OUT_COOLDOWN_S
            self._resize(service, wanted, at, f"CPU was above {TARGET_CPU:g} %")

    def _scale_in(self, index: int, needed: int, at: int) -> None:
        service, target = self._fleet.services[index], self.targets[index]
        if at < target.in_until or target.suspended.get("DynamicScalingInSuspended"):
            return
        if service.deployment is not None:  # ECS keeps scale-in off while it deploys
            return
        wanted = max(target.minimum, needed)
        if wanted < service.desired:
            target.in_until = at + IN_COOLDOWN_S
            self._resize(service, wanted, at, f"CPU was under {TARGET_CPU * COLD_RATIO:g} %")

    def _resize(self, service: Service, desired: int, at: int, cause: str) -> None:
        place, before = service.place, service.desired
        service.desired = desired
        service.say(at, f"has set desired count from {before} to {desired}.")
        event = service_action(service, "SERVICE_DESIRED_COUNT_UPDATED", at)
        self._fleet.yard.tell(service, event, at)
        self._fleet.wake(service)
        activity = {
            "ActivityId": fate.uuid(place, "activity", at, desired),
            "ServiceNamespace": NAMESPACE,
            "ResourceId": resource(place),
            "ScalableDimension": DIMENSION,
            "Description": f"Setting desired count to {desired}.",
            "Cause": cause,
            "StartTime": moment(at),
            "EndTime": moment(at),
            "StatusCode": "Successful",
            "StatusMessage": f"Successfully set desired count to {desired}.",
        }
        self._activities.appendleft((place, activity))

    def _placement(self, site: Site, params: Params) -> int | None:
        known = self._service(site, params.get("ResourceId", ""))
        return None if known is None else known.place.index

    def _service(self, site: Site, resource_id: str) -> Service | None:
        for service in self._fleet.services:
            if service.place.site == site and resource(service.place) == resource_id:
                return service
        return None

    def _register(self, site: Site, params: Params) -> dict[str, Any]:
        meant(params)
        service = self._service(site, params.get("ResourceId", ""))
        if service is None:
            raise Refusal("ValidationException", f"ECS service doesn't exist: {params.get('ResourceId')}")
        target = self.targets[service.place.index]
        minimum = params.get("MinCapacity", target.minimum)
        maximum = params.get("MaxCapacity", target.maximum)
        if not 0 <= minimum <= maximum:
            raise Refusal("ValidationException", "Maximum capacity cannot be less than minimum capacity")
        target.minimum, target.maximum = minimum, maximum
        target.suspended |= params.get("SuspendedState") or {}
        within = max(minimum, min(maximum, service.desired))
        if within != service.desired:
            self._resize(
                service, within, int(self._desk.now), "The bounds of the scalable target were changed"
            )
        return {"ScalableTargetARN": target_arn(service.place)}

    def _places(self, site: Site, params: Params) -> list[Place]:
        wanted = params.get("ResourceIds") or ([params["ResourceId"]] if params.get("ResourceId") else None)
        if params.get("ServiceNamespace", NAMESPACE) != NAMESPACE:
            return []
        return [
            service.place
            for service in self._fleet.services
            if service.place.site == site and (wanted is None or resource(service.place) in wanted)
        ]

    def _describe_targets(self, site: Site, params: Params) -> dict[str, Any]:
        places, rest = turned(self._places(site, params), params)
        return {"ScalableTargets": [self._target(place) for place in places], **rest}

    def _target(self, place: Place) -> dict[str, Any]:
        target = self.targets[place.index]
        off = dict.fromkeys(
            ("DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended"), False
        )
        return {
            "ServiceNamespace": NAMESPACE,
            "ResourceId": resource(place),
            "ScalableDimension": DIMENSION,
            "MinCapacity": target.minimum,
            "MaxCapacity": target.maximum,
            "RoleARN": f"arn:aws:iam::{place.account}:role/{ROLE}",
            "CreationTime": moment(target.created_at),
            "SuspendedState": off | target.suspended,
            "ScalableTargetARN": target_arn(place),
        }

    def _describe_policies(self, site: Site, params: Params) -> dict[str, Any]:
        places, rest = turned(self._places(site, params), params)
        return {"ScalingPolicies": [policy(p, self.targets[p.index].created_at) for p in places], **rest}

    def _describe_activities(self, site: Site, params: Params) -> dict[str, Any]:
        places = {place.index for place in self._places(site, params)}
        found = [activity for place, activity in self._activities if place.index in places]
        listed, rest = turned(found, params)
        return {"ScalingActivities": listed, **rest}


def policy(place: Place, created_at: int) -> dict[str, Any]:
    """Describe the target-tracking policy that every service has."""
    name = f"{place.service}-cpu"
    return {
        "PolicyARN": f"{target_arn(place)}:policyName/{name}",
        "PolicyName": name,
        "ServiceNamespace": NAMESPACE,
        "ResourceId": resource(place),
        "ScalableDimension": DIMENSION,
        "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": {
            "TargetValue": TARGET_CPU,
            "PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"},
            "ScaleOutCooldown": OUT_COOLDOWN_S,
            "ScaleInCooldown": IN_COOLDOWN_S,
            "DisableScaleIn": False,
        },
        "Alarms": [],
        "CreationTime": moment(created_at),
    }


def resource(place: Place) -> str:
    """Return how Application Auto Scaling names a service."""
    return f"service/{place.cluster}/{place.service}"


def target_arn(place: Place) -> str:
    """Return the scalable target's ARN."""
    identity = fate.hexadecimal(34, "scalable target", place)
    return f"arn:aws:application-autoscaling:{place.region}:{place.account}:scalable-target/{identity}"


def meant(params: Params) -> None:
    """Refuse what is not the desired count of an ECS service."""
    if params.get("ServiceNamespace") != NAMESPACE or params.get("ScalableDimension") != DIMENSION:
        raise Refusal("ValidationException", f"Only {DIMENSION} of {NAMESPACE} is simulated.")


def turned(items: list[Any], params: Params) -> tuple[list[Any], dict[str, Any]]:
    """Return one page; this API spells its paging in capitals."""
    lower = {key[0].lower() + key[1:]: params[key] for key in ("MaxResults", "NextToken") if params.get(key)}
    listed, rest = page(items, lower, size=50, most=50)
    return listed, {"NextToken": rest["nextToken"]} if rest else {}
