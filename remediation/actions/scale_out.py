"""More tasks for a while: the minimum of Application Auto Scaling is raised, which no autoscaler undoes."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING

from remediation.actions.action import (
    Look,
    Plan,
    Recovery,
    Refusal,
    failing_still,
    not_worse,
    served_again,
)
from remediation.actions.effects import SetScalingMinimum
from remediation.vocabulary import ActionName, Reason

if TYPE_CHECKING:
    from remediation.actions.action import Before
    from remediation.diagnosis.diagnose import Diagnosis
    from remediation.diagnosis.situation import Situation

#: One step never asks for more than so many times the tasks that are wanted now.
STEP_MAX = 3.0
#: Tasks are planned to use this much of their CPU, as the usual target tracking does.
CPU_TARGET = 60.0
KEEP_FOR = timedelta(minutes=30)
#: Below so many times the usual the surge is over.
OVER_BELOW = 1.25


class ScaleOut:
    """Raise the minimum number of tasks by the measured need, and lower it again later."""

    name = ActionName.SCALE_OUT

    def plan(self, situation: Situation, diagnosis: Diagnosis) -> Plan | Refusal:  # noqa: ARG002 - by need alone
        """Return the minimum that the measured need asks for, within the maximum and one step."""
        view = situation.view
        if view is None or view.scaling is None:
            return Refusal(Reason.NOT_APPLICABLE, "Application Auto Scaling does not manage this service.")
        factor = _need(situation)
        if factor is None:
            return Refusal(Reason.NOT_APPLICABLE, "Neither demand nor CPU is known, so no need is measured.")
        wanted = math.ceil(view.desired * min(factor, STEP_MAX))
        minimum = min(wanted, view.scaling.maximum)
        bounds = f"minimum {view.scaling.minimum}, maximum {view.scaling.maximum}, desired {view.desired}"
        if minimum <= max(view.desired, view.scaling.minimum):
            return Refusal(Reason.NO_HEADROOM, f"{wanted} tasks are needed; {bounds}.")
        return Plan(
            SetScalingMinimum(placement=view.placement, minimum=minimum),
            f"Raise the minimum to {minimum} tasks: {factor:.1f} times the load is needed ({bounds}).",
            inverse=SetScalingMinimum(placement=view.placement, minimum=view.scaling.minimum),
            keep_for=KEEP_FOR,
            usual=situation.here.usual if situation.here else None,
        )

    def recovered(self, before: Before, situation: Situation) -> Look:
        """Judge by the objective: three healthy minutes after the action."""
        return not_worse(served_again(before, situation, Recovery.RECOVERED))

    def must_stay(self, situation: Situation) -> str | None:
        """Return why the raised minimum may not be lowered yet: it fails, or the surge goes on."""
        demand = situation.here.demand if situation.here else None
        if (trouble := failing_still(situation)) is not None:
            return trouble
        if demand is not None and demand >= OVER_BELOW:
            return f"Still {demand:.1f} times the usual requests arrive."
        return None


def _need(situation: Situation) -> float | None:
    """How many times the present tasks are needed: by requests, or by CPU where that asks for more."""
    here = situation.here
    by_cpu = here.cpu / CPU_TARGET if here and here.cpu is not None else None
    return max((need for need in (here.demand if here else None, by_cpu) if need is not None), default=None)
