"""Application Auto Scaling: bounds of the desired count, and target tracking that keeps CPU in its place.

`call` takes and returns what boto3 would; it raises `simulator.refusal.Refusal`.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from simulator import fate
from simulator.events import service_action
from simulator.moment import MINUTE_S, moment
from simulator.paging import page
from simulator.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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
        self.saw(cpu[None, :], tasks)
        for _, index, wanted, out in self._wanted(list(self._seen), 1):
            self._scale(index, wanted, at, out=out)

    def saw(self, cpu: Row, tasks: Row) -> None:
        """See minutes [minutes, placements] in which nobody scales."""
        self._seen.extend((row, tasks) for row in cpu[-COLD_POINTS - LAG_MINUTES :])

    def still(self, cpu: Row, tasks: Row, at: int) -> int:
        """Return how many of the minutes from `at` on would pass before anybody scales."""
        seen = [*self._seen, *((row, tasks) for row in cpu)]
        for minute, index, _, out in self._wanted(seen, len(cpu)):
            if self._may(index, at + MINUTE_S * (minute + 1), out=out):
                return minute
        return len(cpu)

    def _wanted(self, seen: list[tuple[Row, Row]], newest: int) -> Iterator[tuple[int, int, int, bool]]:
        """Yield where more or fewer tasks are wanted in each of the newest minutes: how many, and if more."""
        told = seen[: len(seen) - LAG_MINUTES]
        if len(told) < HOT_POINTS:
            return
        cpu, tasks = (np.array(rows) for rows in zip(*told, strict=True))
        desired, least, most = np.array(
            [
                (service.desired, target.minimum, target.maximum)
                for service, target in zip(self._fleet.services, self.targets, strict=True)
            ]
        ).T
        needed = cpu * tasks / TARGET_CPU
        fewer = np.maximum(least, np.ceil(needed / COLD_RATIO))
        more = np.minimum(most, np.ceil(needed))
        hot, cold = lasting(cpu > TARGET_CPU, HOT_POINTS), lasting(cpu < TARGET_CPU * COLD_RATIO, COLD_POINTS)
        out, less = hot & (more > desired), cold & (fewer < desired)
        first = len(told) - newest
        for row, index in np.argwhere((out | less)[max(0, first) :]).tolist():
            place = row + max(0, first), index
            wanted = int(more[place] if out[place] else fewer[place])
            yield row + max(0, -first), index, wanted, bool(out[place])

    def _may(self, index: int, at: int, *, out: bool) -> bool:
        """Whether a placement may be scaled now; ECS keeps scale-in off while it deploys."""
        service, target = self._fleet.services[index], self.targets[index]
        if out:
            return at >= target.out_until and not target.suspended.get("DynamicScalingOutSuspended")
        allowed = at >= target.in_until and not target.suspended.get("DynamicScalingInSuspended")
        return allowed and service.deployment is None

    def _scale(self, index: int, wanted: int, at: int, *, out: bool) -> None:
        service, target = self._fleet.services[index], self.targets[index]
        if not self._may(index, at, out=out):
            return
        if out:
            target.out_until = at + OUT_COOLDOWN_S
            self._resize(service, wanted, at, f"CPU was above {TARGET_CPU:g} %")
        else:
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


def lasting(holds: NDArray[np.bool_], points: int) -> NDArray[np.bool_]:
    """Return where something [minutes, placements] has held for so many minutes."""
    counted = np.cumsum(holds, axis=0)
    before = np.concatenate([np.zeros((min(points, len(holds)), holds.shape[1])), counted[:-points]])
    whole: NDArray[np.bool_] = counted - before == points
    return whole


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
