"""Which signals make a service worth a closer look: signs of trouble, and changes that may become trouble."""

from __future__ import annotations

from typing import TYPE_CHECKING

from remediation.events.event import AlarmChanged, DeploymentChanged, Event, ServiceAction, TaskChanged
from remediation.incidents import DOUBTED, Symptom
from remediation.receive import FELT_BY_USERS, SHORT_OF_TASKS, TELLING_ENDS
from slo.burn import Alert, Severity

if TYPE_CHECKING:
    from slo.cells import Placement


def stirred(signal: Alert | Event | Symptom) -> Placement | None:
    """Return the placement that a signal stirs, or None: tasks that come and go as they should stir none.

    Nor do numbers that do not add up: reading them more often is paid for and mends nothing.
    """
    match signal:
        case Symptom(name=name):
            stirs = not name.startswith(DOUBTED)
        case Alert() | DeploymentChanged(placement=_):
            stirs = True
        case AlarmChanged(state=state, suppressed=suppressed):
            stirs = state == "ALARM" and not suppressed
        case ServiceAction(name=name, spot_refused=refused):
            stirs = refused or name in SHORT_OF_TASKS
        case TaskChanged(end=end):
            stirs = end in TELLING_ENDS
        case _:
            stirs = False
    placement: Placement | None = getattr(signal, "placement", None)
    return placement if stirs else None


def alarming(signal: Alert | Event | Symptom) -> bool:
    """Whether users feel what a signal tells: what else fails in the region is then worth knowing at once."""
    match signal:
        case Alert(severity=severity) | Symptom(severity=severity):
            return severity is Severity.PAGE
        case AlarmChanged(state="ALARM", suppressed=False, metrics=metrics):
            return bool(FELT_BY_USERS.intersection(metrics))
        case _:
            return False
