"""What may be done without a person, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from remediation.actions.table import REMEDIES
from remediation.vocabulary import Mode

if TYPE_CHECKING:
    from remediation.decision.policy import Policy


def permission(policy: Policy) -> str:
    """Say what a policy lets happen."""
    who = "at once" if policy.mode is Mode.ACT else f"after a yes of {', '.join(policy.approvers)}"
    remedy = REMEDIES[policy.cause].sentence.rstrip(".")
    remedy = remedy[0].lower() + remedy[1:]
    where = f"{', '.join(policy.services)} in {', '.join(policy.regions)}"
    return f"{where}: {remedy}, {who}, when the cause is a {policy.cause.replace('_', ' ')}."
