"""What can be done, and for which cause."""

from __future__ import annotations

from typing import TYPE_CHECKING

from remediation.actions.replace_tasks import ReplaceTasks
from remediation.actions.rollback import Rollback
from remediation.actions.scale_out import ScaleOut
from remediation.actions.shift_zone import ShiftZone
from remediation.actions.spot_fallback import SpotFallback
from remediation.vocabulary import ActionName, Cause

if TYPE_CHECKING:
    from collections.abc import Mapping

    from remediation.actions.action import Action
    from remediation.diagnosis.diagnose import Diagnosis

ACTIONS: Mapping[ActionName, Action] = {
    ActionName.ROLLBACK: Rollback(),
    ActionName.SCALE_OUT: ScaleOut(),
    ActionName.SPOT_FALLBACK: SpotFallback(),
    ActionName.REPLACE_TASKS: ReplaceTasks(),
    ActionName.SHIFT_ZONE: ShiftZone(),
}

#: What undoes a cause.  A cause that is missing here is nothing that we can undo: a person is called.
REMEDIES: Mapping[Cause, ActionName] = {
    Cause.DEPLOYMENT: ActionName.ROLLBACK,
    Cause.SPOT_SHORTAGE: ActionName.SPOT_FALLBACK,
    Cause.SURGE: ActionName.SCALE_OUT,
    Cause.OUT_OF_MEMORY: ActionName.ROLLBACK,
    Cause.CRASH_LOOP: ActionName.ROLLBACK,
    Cause.STUCK_TASKS: ActionName.REPLACE_TASKS,
    Cause.ZONE: ActionName.SHIFT_ZONE,
}

#: Causes that a rollback undoes only when a deployment brought them, and what may be done otherwise.
OF_OLD: Mapping[Cause, ActionName | None] = {
    Cause.OUT_OF_MEMORY: ActionName.REPLACE_TASKS,
    Cause.CRASH_LOOP: None,
}


def remedy(diagnosis: Diagnosis) -> ActionName | None:
    """Return what undoes what was diagnosed, or None: then a person is called.

    Memory that an old revision leaks is no task's fault: its tasks are only replaced before they are full,
    and only where they live long enough for that.
    """
    cause = diagnosis.cause
    if cause not in OF_OLD or diagnosis.deployment is not None:
        return REMEDIES.get(cause)
    if cause is Cause.OUT_OF_MEMORY and not diagnosis.holds("leaks_slowly"):
        return None
    return OF_OLD[cause]


def remedies(cause: Cause) -> tuple[ActionName, ...]:
    """Return everything that may be done about a cause, depending on what is found."""
    found = (REMEDIES.get(cause), OF_OLD.get(cause))
    return tuple(action for action in found if action is not None)
