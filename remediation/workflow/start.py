"""From a decision to the run that carries it out, and from a temporary change to the run that undoes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from remediation.vocabulary import Verdict
from remediation.workflow.run import Run, RunState

if TYPE_CHECKING:
    from datetime import datetime

    from remediation.decision.decide import Decision
    from remediation.incidents import Incident

#: The note of how many requests a minute were usual when a run was decided.
USUAL = "usual"


def run_for(incident: Incident, decision: Decision, now: datetime) -> Run | None:
    """Return the run that carries the decision out, or None when it asks for none.

    The id is placement, incident and action: the same decision made twice, or by two replicas, is one run.
    """
    plan, policy = decision.plan, decision.policy
    if decision.verdict not in {Verdict.ACT, Verdict.PROPOSE} or not (plan and policy and decision.action):
        return None
    return Run(
        id=f"{decision.diagnosis.placement}:{incident.id}:{decision.action}",
        incident=incident.id,
        placement=decision.diagnosis.placement,
        action=decision.action,
        effect=plan.effect,
        inverse=plan.inverse,
        keep_for=plan.keep_for,
        asks=policy.deadline if decision.verdict is Verdict.PROPOSE else None,
        approvers=policy.approvers,
        on_timeout=policy.on_timeout,
        suspect=plan.suspect,
        wake=now,
        created_at=now,
        notes={"why": plan.sentence} | ({} if plan.usual is None else {USUAL: str(plan.usual)}),
    )


def undo_of(run: Run, now: datetime) -> Run | None:
    """Return the run that takes a temporary change back at its expiry, or None when there is none."""
    if run.inverse is None or run.keep_for is None or run.undo:
        return None
    return Run(
        id=f"{run.id}:undo",
        incident=run.incident,
        placement=run.placement,
        action=run.action,
        effect=run.inverse,
        inverse=run.effect,
        undo=True,
        state=RunState.QUEUED,
        wake=max(now, (run.acted_at or now) + run.keep_for),
        created_at=now,
        notes={"why": "Take the temporary change back."}
        | {note: run.notes[note] for note in (USUAL,) if note in run.notes},
    )
