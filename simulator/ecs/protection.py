"""Task scale-in protection: asked for by tasks themselves or whoever runs them, and it ends by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simulator.events import task_arn
from simulator.moment import moment
from simulator.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from simulator.calls import Params
    from simulator.ecs.service import Service
    from simulator.ecs.task import Task

Shape = dict[str, Any]
#: [ECS UpdateTaskProtection]
MINUTES_MAX, MINUTES_USUAL = 2_880, 120
PROTECT_MAX, ASK_MAX = 10, 100


def update(services: Iterable[Service], params: Params, at: int) -> Shape:
    """Protect tasks, or let them go.  Raises Refusal."""
    minutes = params.get("expiresInMinutes", MINUTES_USUAL)
    if not 1 <= minutes <= MINUTES_MAX:
        raise Refusal("InvalidParameterException", f"expiresInMinutes is 1 to {MINUTES_MAX}, got {minutes}.")
    found, failures = _named(services, params.get("tasks") or (), PROTECT_MAX)
    for _, task in found:
        task.protected_until = at + 60 * minutes if params["protectionEnabled"] else None
    return {"protectedTasks": [_told(*pair, at) for pair in found], "failures": failures}


def ask(services: Iterable[Service], params: Params, at: int) -> Shape:
    """Tell which tasks are protected; of all of the cluster where none are named.  Raises Refusal."""
    named = params.get("tasks")
    if named:
        found, failures = _named(services, named, ASK_MAX)
    else:
        found, failures = [(service, task) for service in services for task in service.tasks], []
    return {"protectedTasks": [_told(*pair, at) for pair in found], "failures": failures}


def _named(
    services: Iterable[Service], names: Iterable[str], most: int
) -> tuple[list[tuple[Service, Task]], list[Shape]]:
    wanted = list(names)
    if not 1 <= len(wanted) <= most:
        raise Refusal("InvalidParameterException", f"tasks takes 1 to {most} names, got {len(wanted)}.")
    ids = {name.rsplit("/", 1)[-1]: name for name in wanted}
    found = [(service, t) for service in services for t in service.tasks if t.id in ids and not t.stopping]
    missing = ids.keys() - {task.id for _, task in found}
    return found, [{"arn": ids[each], "reason": "MISSING"} for each in sorted(missing)]


def _told(service: Service, task: Task, at: int) -> Shape:
    shape: Shape = {"taskArn": task_arn(service, task), "protectionEnabled": task.protected(at)}
    if task.protected(at) and task.protected_until is not None:
        shape["expirationDate"] = moment(task.protected_until)
    return shape
