"""What a decision leaves in its incident and the journal; what says nothing new leaves nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from remediation.incidents import Change, Incident, Judgement, Phase
from remediation.journal import Entry, EntryKind
from remediation.vocabulary import Cause, Reason, Verdict

if TYPE_CHECKING:
    from remediation.decision.decide import Decision
    from remediation.diagnosis.diagnose import Diagnosis

#: Which judgement an incident is headed by when its placements are judged differently.
_WEIGHT = (Verdict.WAIT, Verdict.OBSERVE, Verdict.ESCALATE, Verdict.PROPOSE, Verdict.ACT)


def record(incident: Incident, decision: Decision) -> Change | None:
    """Return what the decision changes in the incident, or None when it is no news.

    No news is: nothing is wrong (any more), our own run is under way, the same was said of this placement, or
    what was known of it has become unclear, be it for a while or after a person was called.
    A judgement that another placement got already is kept without being told again, unless it acts.
    """
    diagnosis = decision.diagnosis
    if decision.reason is Reason.ALREADY_ACTING or not diagnosis.in_trouble:
        return None
    judgement = _judgement(decision)
    before = {j.cause for j in incident.judgements if j.placement == judgement.placement}
    called = incident.phase is Phase.ESCALATED and bool(before - {Cause.UNKNOWN})
    waits = bool(before) and judgement.verdict is Verdict.WAIT
    faded = judgement.cause is Cause.UNKNOWN and (waits or called)
    if faded or judgement in incident.judgements:
        return None
    others = tuple(j for j in incident.judgements if j.placement != judgement.placement)
    after = _headed(replace(incident, judgements=(*others, judgement)), decision, judgement)
    acts = decision.verdict in {Verdict.ACT, Verdict.PROPOSE}
    told = not acts and any(replace(other, placement=judgement.placement) == judgement for other in others)
    return Change(after, () if told else _entries(incident, decision))


def _judgement(decision: Decision) -> Judgement:
    return Judgement(
        placement=decision.diagnosis.placement,
        cause=decision.diagnosis.cause,
        verdict=decision.verdict,
        reason=decision.reason,
        action=decision.action,
    )


def _headed(incident: Incident, decision: Decision, judgement: Judgement) -> Incident:
    """Return the incident under its weightiest judgement; a cause once named is not forgotten for UNKNOWN."""
    called = decision.verdict is Verdict.ESCALATE and incident.phase is not Phase.RESOLVED
    incident = replace(incident, phase=Phase.ESCALATED if called else incident.phase)
    heaviest = max(_WEIGHT.index(j.verdict) for j in incident.judgements)
    forgets = judgement.cause is Cause.UNKNOWN and incident.cause is not None
    if _WEIGHT.index(judgement.verdict) < heaviest or forgets:
        return incident
    return replace(
        incident,
        cause=judgement.cause,
        action=judgement.action,
        placement=judgement.placement,
        verdict=judgement.verdict,
        reason=judgement.reason,
        sentence=decision.diagnosis.sentence,
    )


def _entries(incident: Incident, decision: Decision) -> tuple[Entry, ...]:
    diagnosis = decision.diagnosis
    judged = [j for j in incident.judgements if j.placement == diagnosis.placement]
    before = next((j.cause for j in judged), None)
    surer = decision.verdict in {Verdict.ACT, Verdict.PROPOSE} and diagnosis.sentence != incident.sentence
    diagnosed = (_diagnosed(incident, diagnosis),) if surer or before is not diagnosis.cause else ()
    called = next((j.cause for j in judged if j.verdict is not Verdict.WAIT), None)
    known = incident.phase is Phase.ESCALATED and (
        decision.reason is Reason.TRIED_BEFORE or diagnosis.cause in {Cause.UNKNOWN, called}
    )
    calls = decision.verdict is Verdict.ESCALATE and not known
    return (*diagnosed, _decided(incident, decision), *((_escalated(incident, decision),) if calls else ()))


def _diagnosed(incident: Incident, diagnosis: Diagnosis) -> Entry:
    findings = [{"name": f.name, "holds": str(f.holds), "sentence": f.sentence} for f in diagnosis.findings]
    return Entry(
        EntryKind.DIAGNOSED,
        diagnosis.at,
        diagnosis.sentence,
        incident=incident.id,
        placement=str(diagnosis.placement),
        data={
            "cause": str(diagnosis.cause),
            "confidence": str(diagnosis.confidence),
            "complete": diagnosis.complete,
            "deployment": diagnosis.deployment.arn if diagnosis.deployment else None,
            "findings": findings,
            "numbers": {f.name: dict(f.numbers) for f in diagnosis.findings if f.numbers},
        },
    )


def _decided(incident: Incident, decision: Decision) -> Entry:
    checks = [
        {"name": check.guard, "holds": "yes" if check.ok else "no", "sentence": check.sentence}
        for check in decision.checks
    ]
    return Entry(
        EntryKind.DECIDED,
        decision.at,
        decision.sentence,
        incident=incident.id,
        placement=str(decision.diagnosis.placement),
        data={
            "verdict": str(decision.verdict),
            "reason": str(decision.reason),
            "cause": str(decision.diagnosis.cause),
            "action": str(decision.action) if decision.action else None,
            "policy": decision.policy.name if decision.policy else None,
            "effect": str(decision.plan.effect) if decision.plan else None,
            "back_to": decision.plan.back_to if decision.plan else None,
            "checks": checks,
        },
    )


def _escalated(incident: Incident, decision: Decision) -> Entry:
    """Call a person: the reason, and the evidence that holds."""
    evidence = " ".join(finding.sentence for finding in decision.diagnosis.evidence)
    return Entry(
        EntryKind.ESCALATED,
        decision.at,
        f"{decision.reason.sentence} {decision.diagnosis.sentence} {evidence}".strip(),
        incident=incident.id,
        placement=str(decision.diagnosis.placement),
        data={"reason": str(decision.reason), "cause": str(decision.diagnosis.cause)},
    )
