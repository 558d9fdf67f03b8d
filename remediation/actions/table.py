"""What can be done, and for which cause."""

from __future__ import annotations

from typing import TYPE_CHECKING

from remediation.actions.rollback import Rollback
from remediation.actions.scale_out import ScaleOut
from remediation.actions.spot_fallback import SpotFallback
from remediation.vocabulary import ActionName, Cause

if TYPE_CHECKING:
    from collections.abc import Mapping

    from remediation.actions.action import Action

ACTIONS: Mapping[ActionName, Action] = {
    ActionName.ROLLBACK: Rollback(),
    ActionName.SCALE_OUT: ScaleOut(),
    ActionName.SPOT_FALLBACK: SpotFallback(),
}

#: What undoes a cause.  A cause that is missing here is nothing that we can undo: a person is called.
REMEDIES: Mapping[Cause, ActionName] = {
    Cause.DEPLOYMENT: ActionName.ROLLBACK,
    Cause.SPOT_SHORTAGE: ActionName.SPOT_FALLBACK,
    Cause.SURGE: ActionName.SCALE_OUT,
}
