"""DescribeTargetHealth from the world's tasks: moto has no targets, and would call them healthy for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simulator.ecs.task import Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from simulator.ecs.task import Task
    from simulator.world import World

PORT = 80
DRAINING = {
    "State": "draining",
    "Reason": "Target.DeregistrationInProgress",
    "Description": "Target deregistration is in progress",
}
INITIAL = {
    "State": "initial",
    "Reason": "Elb.RegistrationInProgress",
    "Description": "Target registration is in progress",
}


def health(world: World, params: Mapping[str, Any]) -> dict[str, Any] | None:
    """Answer for a target group of the estate; None if the world does not know the group."""
    arn = params["TargetGroupArn"]
    place = next((p for p in world.estate.places if p.balanced and p.target_group_arn == arn), None)
    if place is None:
        return None
    asked = {target["Id"] for target in params.get("Targets", ())}
    described = _described(world.service(place.index).tasks)
    return {
        "TargetHealthDescriptions": [each for each in described if not asked or each["Target"]["Id"] in asked]
    }


def address(task: Task) -> str:
    """Return a task's private address: always the same for the same task."""
    high, middle, low = (int(task.id[at : at + 2], 16) for at in (0, 2, 4))
    return f"10.{high}.{middle}.{low}"


def _described(tasks: list[Task]) -> Iterator[dict[str, Any]]:
    for task in tasks:
        state = _state(task)
        if state is not None:
            target = {"Id": address(task), "Port": PORT, "AvailabilityZone": task.zone}
            yield {"Target": target, "HealthCheckPort": str(PORT), "TargetHealth": state}


def _state(task: Task) -> Mapping[str, str] | None:
    """Return what the load balancer thinks of a task; None if it is not registered."""
    if task.status is Status.DEACTIVATING:
        return DRAINING
    if task.status is not Status.RUNNING:
        return None
    return {"State": "healthy"} if task.serving else INITIAL
