"""On demand for what Spot cannot give: new tasks are placed on Fargate until Spot has room again."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from collector.estate import ProviderShare
from remediation.actions.action import (
    Look,
    Plan,
    Recovery,
    Refusal,
    failing_still,
    not_worse,
    served_again,
)
from remediation.actions.effects import SetStrategy
from remediation.events.event import ServiceAction
from remediation.vocabulary import ActionName, Reason

if TYPE_CHECKING:
    from collector.estate import ServiceView
    from remediation.actions.action import Before
    from remediation.diagnosis.diagnose import Diagnosis
    from remediation.diagnosis.situation import Situation

KEEP_FOR = timedelta(minutes=30)
#: Spot is not returned to while anybody in the region was refused so recently.
REFUSED_WITHIN = timedelta(minutes=10)

FARGATE, SPOT = "FARGATE", "FARGATE_SPOT"


class SpotFallback:
    """Give Spot's share of the capacity provider strategy to on-demand Fargate, and give it back later."""

    name = ActionName.SPOT_FALLBACK

    def plan(self, situation: Situation, diagnosis: Diagnosis) -> Plan | Refusal:  # noqa: ARG002 - by strategy alone
        """Return the strategy without Spot.  It starts no deployment: running tasks stay where they are."""
        view = situation.view
        if view is None or not view.uses_spot:
            return Refusal(Reason.NOT_APPLICABLE, "The service does not ask for Fargate Spot.")
        return Plan(
            SetStrategy(placement=view.placement, strategy=_without_spot(view)),
            f"Place new tasks on demand, not on Spot: {view.running} of {view.desired} tasks run now.",
            inverse=SetStrategy(placement=view.placement, strategy=view.strategy),
            keep_for=KEEP_FOR,
        )

    def recovered(self, before: Before, situation: Situation) -> Look:
        """Judge by the tasks that run and by the objective."""
        view, served = situation.view, not_worse(served_again(before, situation, Recovery.RECOVERED))
        if view is None:
            return Look(Recovery.CANNOT_SEE, "AWS could not be asked how many tasks run.")
        told = f"{view.running} of {view.desired} tasks run. {served.sentence}"
        missing = served.recovery is Recovery.RECOVERED and view.running < view.desired
        return Look(Recovery.NOT_YET if missing else served.recovery, told)

    def must_stay(self, situation: Situation) -> str | None:
        """Return why Spot may not be returned to yet: it refuses tasks in this region still, or we fail."""
        refusals = sum(
            isinstance(event, ServiceAction)
            and event.spot_refused
            and event.origin.region == situation.placement.region
            and event.origin.at is not None
            and situation.at - event.origin.at <= REFUSED_WITHIN
            for event in situation.events
        )
        if refusals:
            span = f"{REFUSED_WITHIN // timedelta(minutes=1)} min"
            return f"Spot refused {refusals} tasks in {situation.placement.region} in the last {span}."
        return failing_still(situation)


def _without_spot(view: ServiceView) -> tuple[ProviderShare, ...]:
    """Return the strategy with Spot's weight given to Fargate; a base may stand on one provider only."""
    moved = [share for share in view.strategy if share.provider in {FARGATE, SPOT}]
    kept = tuple(share for share in view.strategy if share.provider not in {FARGATE, SPOT})
    weight = max(1, sum(share.weight for share in moved))  # all weights 0 would be refused
    return (ProviderShare(FARGATE, weight, max(share.base for share in moved)), *kept)
