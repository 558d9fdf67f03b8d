"""Undoing a deployment in the safest way that its controller and state allow."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from collector.estate import CLEAN_UP, UNDER_WAY, Controller, DeploymentStatus
from remediation.actions.action import PROOF_MINUTES, Look, Plan, Refusal, served_again
from remediation.actions.effects import ROLLBACK_ACCEPTED, RestoreRevision, StopDeployment, TurnBackAtHook
from remediation.actions.known_good import redeployed, way_back
from remediation.quarantine import short
from remediation.vocabulary import ActionName, Reason
from slo.cells import minute_of

if TYPE_CHECKING:
    from collector.estate import Deployment, Revision, ServiceView
    from remediation.actions.action import Before
    from remediation.diagnosis.diagnose import Diagnosis
    from remediation.diagnosis.situation import Situation

#: What ECS or somebody else does about it is watched for so long before a person is called.
WATCHED_FOR = timedelta(minutes=30)


class Rollback:
    """Return to the last known good revision: by ECS itself while it deploys, by a new deployment after."""

    name = ActionName.ROLLBACK

    def plan(self, situation: Situation, diagnosis: Diagnosis) -> Plan | Refusal:
        """Return the safest way back from the deployment that the diagnosis blames."""
        view, blamed = situation.view, diagnosis.deployment
        if view is None or blamed is None:
            return Refusal(Reason.NOT_APPLICABLE, "No deployment is known that could be undone.")
        if view.controller is not Controller.ECS:
            return Refusal(Reason.NOT_APPLICABLE, f"{view.controller} deploys this service, not ECS.")
        now = next((d for d in view.deployments if d.arn == blamed.arn), blamed)
        newer = max(view.deployments, key=lambda d: d.created_at, default=now)
        return (
            _way_back(view, now, situation)
            if newer.created_at <= now.created_at
            else _overtaken(newer, situation)
        )

    def recovered(self, before: Before, situation: Situation) -> Look:
        """Judge by the objective: three healthy minutes after the action."""
        return served_again(before, situation)

    def must_stay(self, situation: Situation) -> str | None:  # noqa: ARG002 - a rollback is never undone
        """Return None: a rollback is no temporary change."""
        return None


def _way_back(view: ServiceView, blamed: Deployment, situation: Situation) -> Plan | Refusal:
    if blamed.status in ROLLBACK_ACCEPTED:
        return _watched(blamed, situation)
    if blamed.status not in UNDER_WAY | {DeploymentStatus.SUCCESSFUL}:
        return Refusal(
            Reason.NOT_APPLICABLE, f"The deployment is {blamed.status}: nobody knows what serves now."
        )
    if (again := redeployed(situation, blamed)) is not None:
        return Refusal(Reason.REDEPLOYED, again)
    good = way_back(situation, blamed)
    if isinstance(good, Refusal):
        return good
    if blamed.status in UNDER_WAY:
        return _turned_back(view, blamed, good.revision, good.sentence)
    return _deployed_again(view, blamed, good.revision, good.sentence)


def _turned_back(view: ServiceView, blamed: Deployment, good: Revision, why: str) -> Plan:
    """Plan that ECS goes back by itself: it alone knows what ran before, and sets the weights of traffic."""
    effect: StopDeployment | TurnBackAtHook
    effect = StopDeployment(placement=view.placement, deployment_arn=blamed.arn)
    what = "deployment under way"
    if blamed.hook is not None:  # ECS may refuse to stop what waits for an answer
        what = "deployment that waits at a pause hook"
        hook = blamed.hook.id
        effect = TurnBackAtHook(placement=view.placement, deployment_arn=blamed.arn, hook_id=hook)
    runs = blamed.moves_traffic and blamed.stage != CLEAN_UP
    how = " Its tasks run: requests move back within seconds." if runs else ""
    return Plan(
        effect,
        f"Have ECS roll the {what} back to {short(good.task_definition)}, {why}{how}",
        suspect=blamed.target.task_definition,
        back_to=good.task_definition,
    )


def _deployed_again(view: ServiceView, blamed: Deployment, good: Revision, why: str) -> Plan | Refusal:
    """Plan a new deployment of the earlier task definition, where that is what the blamed one changed."""
    now, back = short(view.task_definition), short(good.task_definition)
    if view.task_definition != blamed.target.task_definition:
        return Refusal(Reason.NEWER_DEPLOYMENT, f"It already runs {now}.")
    if good.task_definition == view.task_definition:
        return Refusal(
            Reason.NO_KNOWN_GOOD, f"{back} served before, too: the deployment changed something else."
        )
    if differing := sorted({part for part, _ in set(blamed.target.rest) ^ set(good.rest)}):
        told = f"{now} and {back} were deployed with different {', '.join(differing)}."
        return Refusal(Reason.MORE_CHANGED, told)
    how = f" It deploys {blamed.strategy}: requests move back as slowly." if blamed.moves_traffic else ""
    return Plan(
        RestoreRevision(
            placement=view.placement, task_definition=good.task_definition, revision_arn=good.arn
        ),
        f"Go back from {now} to {back}, {why}{how}",
        suspect=blamed.target.task_definition,
        back_to=good.task_definition,
    )


def _watched(blamed: Deployment, situation: Situation) -> Refusal:
    if _had_its_chance(blamed, situation):
        return Refusal(Reason.NOT_APPLICABLE, f"The deployment is {blamed.status}, and it still fails.")
    return Refusal(Reason.NATIVE_ROLLBACK, f"The deployment is {blamed.status}: ECS goes back by itself.")


def _overtaken(newer: Deployment, situation: Situation) -> Refusal:
    """Leave it to a deployment that came after the blamed one, but not for longer than it takes to tell."""
    told = f"A newer deployment, of {short(newer.target.task_definition)}, is {newer.status}"
    if _had_its_chance(newer, situation):
        return Refusal(Reason.NOT_APPLICABLE, f"{told}, and it still fails.")
    return Refusal(Reason.NEWER_DEPLOYMENT, f"{told}.")


def _had_its_chance(deployment: Deployment, situation: Situation) -> bool:
    """Whether it still fails after what ECS or somebody else does about it: three minutes prove it."""
    end = deployment.finished_at
    if end is None:
        return situation.at - deployment.created_at > WATCHED_FOR
    known = situation.here.known if situation.here else ()
    proven = sum(minute > minute_of(end) for minute in known) >= PROOF_MINUTES
    return proven or situation.at - end > WATCHED_FOR
