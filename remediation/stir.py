"""Which signals make a service worth a closer look: signs of trouble, and changes that may become trouble."""

from __future__ import annotations

from remediation.events.event import AlarmChanged, DeploymentChanged, Event, ServiceAction, TaskChanged
from remediation.incidents import Symptom
from remediation.receive import SHORT_OF_TASKS, TELLING_ENDS
from slo.burn import Alert


def stirred(signal: Alert | Event | Symptom) -> str | None:
    """Return the service that a signal stirs, or None: tasks that come and go as they should stir nobody."""
    match signal:
        case Alert() | Symptom() | DeploymentChanged(placement=_):
            stirs = True
        case AlarmChanged(state=state):
            stirs = state == "ALARM"
        case ServiceAction(name=name, spot_refused=refused):
            stirs = refused or name in SHORT_OF_TASKS
        case TaskChanged(end=end):
            stirs = end in TELLING_ENDS
        case _:
            stirs = False
    placement = getattr(signal, "placement", None)
    return placement.service if stirs and placement is not None else None
