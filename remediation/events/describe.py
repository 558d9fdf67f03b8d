"""An event in one sentence, for `fournines events parse`, the journal and Slack."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from remediation.events.event import (
    AlarmChanged,
    Answer,
    CodeDeployChanged,
    ContainerInstanceChanged,
    DeploymentChanged,
    DeploymentPhase,
    HealthChanged,
    HookChanged,
    HookStatus,
    InstanceWarning,
    ServiceAction,
    TaskChanged,
    TaskEnd,
    Unrecognised,
)

if TYPE_CHECKING:
    from remediation.events.event import Event
    from slo.cells import Placement

_PHASES = {
    DeploymentPhase.STARTED: "has started",
    DeploymentPhase.ROLLING_BACK: "is being rolled back by ECS",
    DeploymentPhase.COMPLETED: "has completed",
    DeploymentPhase.FAILED: "has failed",
}

_HOOKS = {
    HookStatus.IN_PROGRESS: "runs a lifecycle hook",
    HookStatus.AWAITING_ACTION: "waits at a pause hook",
    HookStatus.SUCCEEDED: "was let past a hook",
    HookStatus.FAILED: "was turned back at a hook",
    HookStatus.TIMED_OUT: "waited at a hook until its time was up",
}

_ENDS = {
    TaskEnd.RUNNING: "is on its way",
    TaskEnd.CRASHED: "ended by itself",
    TaskEnd.OUT_OF_MEMORY: "ran out of memory",
    TaskEnd.UNHEALTHY: "failed its health checks",
    TaskEnd.FAILED_TO_START: "could not start",
    TaskEnd.SPOT_INTERRUPTION: "is taken back by Spot",
    TaskEnd.SCALED_IN: "is no longer needed",
    TaskEnd.STOPPED_BY_USER: "was stopped by somebody",
    TaskEnd.OTHER: "stops",
}


def place(placement: Placement | None) -> str:
    """Return how a placement is named in a sentence."""
    return f"{placement.service} in {placement.region}" if placement else "an unknown service"


def describe(event: Event) -> str:  # noqa: C901, PLR0911, PLR0912 - one line for each kind of event
    """Return what the event tells in one sentence."""
    match event:
        case DeploymentChanged():
            told = f"Deployment {event.deployment_id} of {place(event.placement)} {_PHASES[event.phase]}"
            return _because(told, event.reason)
        case HookChanged():
            return _hook(event)
        case TaskChanged():
            return _task(event)
        case ServiceAction():
            providers = ", ".join(arn.rsplit("/", 1)[-1] for arn in event.providers)
            told = f"ECS says {event.name} of {place(event.placement)}" + (
                f" on {providers}" if providers else ""
            )
            return _because(told, event.reason)
        case AlarmChanged():
            muted = ", its actions suppressed: nothing is done about it" if event.suppressed else ""
            return f"Alarm {event.name} went from {event.previous or 'unknown'} to {event.state}{muted}."
        case InstanceWarning(interrupted=True):
            return f"Spot takes instance {event.instance} back within two minutes."
        case InstanceWarning():
            return f"Spot instance {event.instance} is at higher risk of being taken back."
        case ContainerInstanceChanged():
            agent = "connected" if event.agent_connected else "disconnected"
            return f"Host {event.container_instance.rsplit('/', 1)[-1]} is {event.status}, its agent {agent}."
        case CodeDeployChanged():
            where = f"{event.application}/{event.deployment_group}"
            return f"CodeDeploy deployment {event.deployment_id} of {where} is in state {event.state}."
        case HealthChanged():
            whose = f"{event.service or 'AWS'} in {event.region or 'every region'}"
            named = f", naming {len(event.entities)} of ours" if event.entities else ""
            return f"AWS Health says {event.code} of {whose}: {event.status or 'no state'}{named}."
        case Answer():
            return _because(f"{event.actor} answered {event.choice} to {event.incident}", event.note)
        case Unrecognised():
            return f"Not recognised, kept as it came: {event.why}."
        case _:
            assert_never(event)


def _hook(event: HookChanged) -> str:
    at = f" ({event.stage})" if event.stage else ""
    waits = event.status is HookStatus.AWAITING_ACTION and event.expires_at is not None
    until = f" until {event.expires_at:%Y-%m-%d %H:%M} UTC" if waits else ""
    return f"A deployment of {place(event.placement)} {_HOOKS[event.status]}{at}{until}."


def _task(event: TaskChanged) -> str:
    whose = f"of {place(event.placement)}" if event.placement else "of no service"
    states = f"{event.last_status or 'unknown'}, to be {event.desired_status or 'unknown'}"
    told = f"Task {event.task_arn.rsplit('/', 1)[-1]} {whose} {_ENDS[event.end]} ({states})"
    return _because(told, event.reason)


def _because(told: str, reason: str) -> str:
    return f"{told}: {reason.rstrip('.')}." if reason else f"{told}."
