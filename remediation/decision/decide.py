"""From a diagnosis to a decision.  Pure: it names what may be done and why; it never does it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from remediation.actions.action import Plan, Refusal
from remediation.actions.table import ACTIONS, remedy
from remediation.decision.guards import GUARDS, Check, Question, Switches, first_refusal
from remediation.decision.policy import Policies, Policy
from remediation.diagnosis.diagnose import Diagnosis
from remediation.vocabulary import ActionName, Cause, Mode, Outcome, Reason, Verdict

if TYPE_CHECKING:
    from remediation.diagnosis.situation import Situation

#: What becomes of a refusal: most end with a person; these end by themselves and are looked at again.
WAITED_FOR = frozenset(
    {
        Reason.GATHERING_EVIDENCE,
        Reason.ALREADY_ACTING,
        Reason.NATIVE_ROLLBACK,
        Reason.NEWER_DEPLOYMENT,
        Reason.BLAST_RADIUS,
    }
)

#: What a case is judged by that no policy covers.
_OBSERVED = {cause: Policy(name="none", cause=cause) for cause in Cause}


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What to do about a placement, the reason, and every guard's answer."""

    verdict: Verdict
    reason: Reason
    diagnosis: Diagnosis
    sentence: str
    at: datetime
    action: ActionName | None = None
    plan: Plan | None = None
    checks: tuple[Check, ...] = ()
    policy: Policy | None = None


def decide(
    situation: Situation, diagnosis: Diagnosis, policies: Policies, switches: Switches, now: datetime
) -> Decision:
    """Return what to do: act, ask, observe, wait, or call a person."""
    action = remedy(diagnosis)
    if action is None:
        return _nothing_of_ours(situation, diagnosis, now)
    policy = policies.find(diagnosis.cause, situation.placement)
    plan = ACTIONS[action].plan(situation, diagnosis)
    question = Question(
        situation=situation,
        diagnosis=diagnosis,
        action=action,
        plan=plan,
        policies=policies,
        policy=policy or _OBSERVED[diagnosis.cause],
        switches=switches,
        now=now,
    )
    checks = tuple(guard(question) for guard in GUARDS)
    verdict, reason, sentence = _verdict(checks, policy, plan, observing=switches.observe_only)
    return Decision(
        verdict=verdict,
        reason=reason,
        diagnosis=diagnosis,
        sentence=sentence,
        at=now,
        action=action,
        plan=None if isinstance(plan, Refusal) else _kept(plan, policy),
        checks=checks,
        policy=policy,
    )


def _nothing_of_ours(situation: Situation, diagnosis: Diagnosis, now: datetime) -> Decision:
    """Call a person for a cause that we cannot undo; wait while it is not clear, or we are at work."""
    at_work = any(past.under_way and past.placement == situation.placement for past in situation.history)
    waiting = at_work or _mended(situation, diagnosis) or not diagnosis.in_trouble or not diagnosis.complete
    why_wait = Reason.ALREADY_ACTING if at_work else Reason.GATHERING_EVIDENCE
    reason = why_wait if waiting else Reason.NO_ACTION_FOR_CAUSE
    return Decision(
        verdict=Verdict.WAIT if waiting else Verdict.ESCALATE,
        reason=reason,
        diagnosis=diagnosis,
        sentence=reason.sentence,
        at=now,
    )


def _mended(situation: Situation, diagnosis: Diagnosis) -> bool:
    """Whether an action of ours has helped here and nobody is hurt: what looks odd still is its aftermath."""
    helped = any(
        past.outcome is Outcome.RECOVERED
        and past.placement == situation.placement
        and past.incident == situation.incident.id
        for past in situation.history
    )
    served = any(finding.name == "failing_here" and finding.no for finding in diagnosis.findings)
    return helped and served and diagnosis.cause is Cause.UNKNOWN


def _verdict(
    checks: tuple[Check, ...], policy: Policy | None, plan: Plan | Refusal, *, observing: bool
) -> tuple[Verdict, Reason, str]:
    refusal = first_refusal(checks)
    if refusal is not None and refusal.reason in WAITED_FOR:
        return Verdict.WAIT, refusal.reason, refusal.sentence
    if policy is None or policy.mode is Mode.OBSERVE or observing:
        would = (
            f"Would have: {plan.sentence}" if refusal is None else f"Would not have acted: {refusal.sentence}"
        )
        return Verdict.OBSERVE, Reason.OBSERVE_ONLY if policy else Reason.NO_POLICY, would
    if refusal is not None:
        return Verdict.ESCALATE, refusal.reason, refusal.sentence
    if policy.mode is Mode.PROPOSE:
        return Verdict.PROPOSE, Reason.NEEDS_APPROVAL, plan.sentence
    return Verdict.ACT, Reason.ALLOWED, plan.sentence


def _kept(plan: Plan, policy: Policy | None) -> Plan:
    """Return the plan with the policy's own word on how long a temporary change is kept."""
    own = policy.keep_for if policy else None
    return replace(plan, keep_for=own) if own is not None and plan.inverse is not None else plan
