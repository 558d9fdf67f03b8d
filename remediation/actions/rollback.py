"""Undoing a deployment in the safest way that its controller and state allow."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from collector.estate import UNDER_WAY, Controller, DeploymentStatus
from remediation.actions.action import Look, Plan, Refusal, served_again
from remediation.actions.effects import ROLLBACK_ACCEPTED, RestoreRevision, StopDeployment
from remediation.actions.known_good import known_good
from remediation.vocabulary import ActionName, Reason

if TYPE_CHECKING:
    from collector.estate import Deployment, ServiceView
    from remediation.actions.action import Before
    from remediation.diagnosis.diagnose import Diagnosis
    from remediation.diagnosis.situation import Situation

#: A rollback by ECS itself is watched for so long before a person is called.
NATIVE_ROLLBACK_WATCHED_FOR = timedelta(minutes=30)


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
        newer = [d for d in view.deployments if d.created_at > now.created_at]
        if newer:
            told = f"{len(newer)} newer deployments stand after {now.arn.rsplit('/', 1)[-1]}."
            return Refusal(Reason.NEWER_DEPLOYMENT, told)
        return _way_back(view, now, situation)

    def recovered(self, before: Before, situation: Situation) -> Look:
        """Judge by the objective: three healthy minutes after the action."""
        return served_again(before, situation)

    def must_stay(self, situation: Situation) -> str | None:  # noqa: ARG002 - a rollback is never undone
        """Return None: a rollback is no temporary change."""
        return None


def _way_back(view: ServiceView, blamed: Deployment, situation: Situation) -> Plan | Refusal:
    if blamed.status in ROLLBACK_ACCEPTED:
        return _watched(blamed, situation)
    good = known_good(view, blamed, situation.history)
    if blamed.status not in UNDER_WAY | {DeploymentStatus.SUCCESSFUL}:
        return Refusal(
            Reason.NOT_APPLICABLE, f"The deployment is {blamed.status}: nobody knows what serves now."
        )
    if good is None:
        return Refusal(
            Reason.NO_KNOWN_GOOD, "No earlier revision is known that served and was not turned back."
        )
    if blamed.status in UNDER_WAY:
        effect = StopDeployment(placement=view.placement, deployment_arn=blamed.arn)
        return Plan(effect, "Have ECS roll the deployment under way back.", suspect=blamed.target.arn)
    if view.task_definition != blamed.target.task_definition:
        return Refusal(Reason.NEWER_DEPLOYMENT, f"It already runs {_short(view.task_definition)}.")
    return Plan(
        RestoreRevision(
            placement=view.placement, task_definition=good.task_definition, revision_arn=good.arn
        ),
        f"Go back from {_short(blamed.target.task_definition)} to {_short(good.task_definition)}.",
        suspect=blamed.target.arn,
    )


def _watched(blamed: Deployment, situation: Situation) -> Refusal:
    age = situation.at - (blamed.finished_at or blamed.created_at)
    if age > NATIVE_ROLLBACK_WATCHED_FOR:
        told = f"ECS began to roll back {age // timedelta(minutes=1)} min ago and it still fails."
        return Refusal(Reason.NOT_APPLICABLE, told)
    return Refusal(Reason.NATIVE_ROLLBACK, f"The deployment is {blamed.status}: ECS goes back by itself.")


def _short(task_definition: str) -> str:
    return task_definition.rsplit("/", 1)[-1]
