"""Sick tasks are stopped a few at a time, and ECS starts others for them."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING

from collector.estate import UNDER_WAY
from remediation.actions.action import Look, Plan, Recovery, Refusal, not_worse, served_again
from remediation.actions.effects import StopTasks
from remediation.diagnosis.ailing import shortest_life
from remediation.diagnosis.deployments import newest
from remediation.diagnosis.evidence import RECENTLY
from remediation.events.event import ServiceAction
from remediation.vocabulary import ActionName, Cause, Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from collector.estate import ServiceView, Task
    from remediation.actions.action import Before
    from remediation.diagnosis.diagnose import Diagnosis
    from remediation.diagnosis.situation import Situation

#: No batch has more tasks than this, nor more than this part of those that are wanted.
BATCH_MAX, BATCH_SHARE_MAX = 3, 0.25
#: A task that has lived this part of the shortest life of those that were killed is about to be.
ABOUT_TO_BE_KILLED = 0.7
#: A deployment that is under way replaces tasks itself; it is waited for so long.
DEPLOYS_FOR = timedelta(minutes=30)


class ReplaceTasks:
    """Stop tasks that run and fail, or are about to be killed for want of memory; never a protected one."""

    name = ActionName.REPLACE_TASKS

    def plan(self, situation: Situation, diagnosis: Diagnosis) -> Plan | Refusal:
        """Return the first batch."""
        full = diagnosis.cause is Cause.OUT_OF_MEMORY
        return _batch(situation, _about_to_be_killed(situation) if full else _sick(situation))

    def further(self, situation: Situation) -> Plan | None:
        """Return the next batch of sick tasks, once the replacements of the last one run."""
        view = situation.view
        if view is None or not _sick(situation):
            return None
        plan = _batch(situation, _sick(situation))
        return plan if isinstance(plan, Plan) else None

    def recovered(self, before: Before, situation: Situation) -> Look:
        """Judge by the objective, and by whether all tasks run that are wanted."""
        view, served = situation.view, not_worse(served_again(before, situation, Recovery.RECOVERED))
        if view is None:
            return Look(Recovery.CANNOT_SEE, "AWS could not be asked how many tasks run.")
        sick = _sick(situation)
        spared = sum(task.is_protected is not False for task in sick)
        left = f" {len(sick)} are sick still, {spared} of them protected and left alone." if sick else ""
        told = f"{view.running} of {view.desired} tasks run.{left} {served.sentence}"
        missing = served.recovery is Recovery.RECOVERED and view.running < view.desired
        return Look(Recovery.NOT_YET if missing else served.recovery, told)

    def must_stay(self, situation: Situation) -> str | None:  # noqa: ARG002 - nothing is undone
        """Return None: a task that was stopped is gone."""
        return None


def _batch(situation: Situation, wanted: Sequence[Task]) -> Plan | Refusal:
    """Return the first few of these tasks, if stopping them now leaves enough that serve."""
    view = situation.view
    if view is None or view.tasks is None:
        return Refusal(Reason.NOT_APPLICABLE, "The tasks of the service could not be asked for.")
    if (refusal := _hindered(situation, view)) is not None:
        return refusal
    loose = [task for task in wanted if task.is_protected is False]
    if not loose:
        return _none_to_stop(wanted)
    size = max(1, min(BATCH_MAX, int(view.desired * BATCH_SHARE_MAX)))
    running = [task for task in view.tasks if task.runs]
    healthy = sum(not task.sick for task in running)
    floor = math.ceil(view.desired * view.minimum_healthy_percent / 100)
    spare = max(0, healthy - floor)
    sick = [task for task in loose if task.sick]
    batch = (*sick, *[task for task in loose if not task.sick][:spare])[:size]
    if not batch:
        told = f"{healthy} tasks are healthy, and the service's minimum is {floor} of {view.desired}."
        return Refusal(Reason.NO_HEADROOM, f"{told} No task that serves may be stopped.")
    effect = StopTasks(
        placement=view.placement,
        tasks=tuple(task.arn for task in batch),
        why=f"fournines: {situation.incident.id}"[:255],
    )
    names = ", ".join(task.arn.rsplit("/", 1)[-1][:8] for task in batch)
    kept = f", {len(wanted) - len(loose)} protected ones left alone" if len(loose) < len(wanted) else ""
    return Plan(
        effect,
        f"Stop {len(batch)} of {len(loose)} tasks ({names}){kept}: {healthy} of {len(running)} are healthy.",
        keeps=(len(running) - len(batch)) / max(1, len(running)),
    )


def _hindered(situation: Situation, view: ServiceView) -> Refusal | None:
    """Return why no task may be stopped now: new ones would not come, or are still coming."""
    deployment = newest(situation)
    if deployment is not None and deployment.status in UNDER_WAY:
        young = situation.at - deployment.created_at <= DEPLOYS_FOR
        told = "A deployment is under way; it replaces the tasks itself."
        return Refusal(Reason.NEWER_DEPLOYMENT if young else Reason.NOT_APPLICABLE, told)
    refused = sum(
        isinstance(event, ServiceAction)
        and event.name == "SERVICE_TASK_PLACEMENT_FAILURE"
        and event.placement == situation.placement
        and event.origin.at is not None
        and situation.at - event.origin.at <= RECENTLY
        for event in situation.events
    )
    if refused:
        return Refusal(Reason.NO_HEADROOM, f"ECS found no room for a task {refused} times lately.")
    if view.running < view.desired or view.pending:
        told = f"{view.running} of {view.desired} tasks run: those that are missing come first."
        return Refusal(Reason.GATHERING_EVIDENCE, told)
    return None


def _none_to_stop(wanted: Sequence[Task]) -> Refusal:
    if wanted:
        told = f"{len(wanted)} tasks would be stopped, and each is protected, or ECS did not say."
        return Refusal(Reason.PROTECTED, told)
    return Refusal(Reason.NOT_APPLICABLE, "No task is known that should be stopped.")


def _sick(situation: Situation) -> tuple[Task, ...]:
    tasks = (situation.view.tasks or ()) if situation.view else ()
    return tuple(task for task in tasks if task.sick)


def _about_to_be_killed(situation: Situation) -> tuple[Task, ...]:
    """Return the tasks that have lived nearly as long as those that were killed, the oldest first."""
    life = shortest_life(situation)
    tasks = (situation.view.tasks or ()) if situation.view else ()
    if life is None:
        return ()
    aged = [(situation.at - task.started_at, task) for task in tasks if task.runs and task.started_at]
    old = [(age, task) for age, task in aged if age >= ABOUT_TO_BE_KILLED * life]
    return tuple(task for _, task in sorted(old, key=lambda pair: pair[0], reverse=True))
