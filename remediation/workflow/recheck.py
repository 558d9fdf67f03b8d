"""Asking everything again just before the effect: minutes may lie between a decision and its act."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from remediation.actions.action import same_intent
from remediation.decision.decide import decide
from remediation.decision.guards import Switches
from remediation.diagnosis.diagnose import diagnose
from remediation.journal import EntryKind
from remediation.vocabulary import Outcome, Reason, Verdict
from remediation.workflow.asking import ask, intend
from remediation.workflow.move import Move, cancel, count, escalate, later, say
from remediation.workflow.verifying import taken_back

if TYPE_CHECKING:
    from datetime import datetime

    from remediation.decision.decide import Decision
    from remediation.decision.policy import Policies
    from remediation.diagnosis.situation import Situation
    from remediation.history import PastAction
    from remediation.workflow.run import Run

#: What may pass by itself is waited for so long, looking so often: proof of one action, twice over.
WAIT_MAX = timedelta(minutes=20)
WAIT_EVERY = timedelta(seconds=30)
#: A service whose state changes faster than this many plans belongs to a person.
PLANS_MAX = 3

PASSING = frozenset({Reason.GATHERING_EVIDENCE, Reason.BLAST_RADIUS, Reason.ALREADY_ACTING})


def objection(run: Run, situation: Situation, policies: Policies, now: datetime) -> Move | None:
    """Return the move that the situation asks for instead of the effect, or None when it may be sent."""
    if run.undo:
        return _to_undo(run, situation, now)
    if count(run, "repeats"):
        return _to_repeat(run, situation, now)
    return _to_act(run, situation, policies, now)


def _to_undo(run: Run, situation: Situation, now: datetime) -> Move | None:
    """Leave alone what somebody else has changed since."""
    ours = situation.view is None or run.inverse is None or run.inverse.done(situation.view)
    return None if ours else cancel(run, "Somebody has changed it since; it is theirs now.", now)


def _to_repeat(run: Run, situation: Situation, now: datetime) -> Move | None:
    """Carry a rollback out once more only while it is needed, and nobody else is at work."""
    if not taken_back(run, situation):
        return escalate(run, Outcome.REFUSED, "The service was deployed anew meanwhile.", now)
    needed = situation.here is not None and situation.here.failing
    return None if needed else cancel(run, "Nothing is wrong any more.", now)


def _to_act(run: Run, situation: Situation, policies: Policies, now: datetime) -> Move | None:
    """Decide again as if the run did not exist: it must come to the same."""
    others = tuple(past for past in situation.history if past.run != run.id and not _behind(past, run))
    situation = replace(situation, history=others)
    again = decide(situation, diagnose(situation), policies, Switches(), now)
    if again.action is run.action and again.plan and again.verdict in {Verdict.ACT, Verdict.PROPOSE}:
        if again.verdict is Verdict.PROPOSE and run.asks is None:
            return cancel(run, "The policy asks a person first now.", now)
        same = same_intent(run.effect, again.plan.effect) and run.inverse == again.plan.inverse
        return None if same else _planned_anew(run, again, now)
    if not again.diagnosis.in_trouble:
        return cancel(run, "Nothing is wrong any more.", now)
    if again.verdict is Verdict.WAIT and again.reason in PASSING and now - run.created_at < WAIT_MAX:
        return later(run, now, WAIT_EVERY)
    told = f"{again.reason.sentence} {again.sentence}"
    if again.verdict is Verdict.ESCALATE or again.reason in PASSING:
        return escalate(run, Outcome.REFUSED, told, now)
    return cancel(run, told, now)


def _behind(past: PastAction, run: Run) -> bool:
    """Whether a run stands behind ours in the queue: two that waited for each other would wait for ever."""
    waits = past.acted_at is None and past.ended_at is None
    return waits and (past.started_at, past.run) > (run.created_at, run.id)


def _planned_anew(run: Run, again: Decision, now: datetime) -> Move:
    """Intend what fits now, such as a new deployment of the old revision once the bad one has completed."""
    plan, plans = again.plan, count(run, "plans") + 1
    if plan is None or plans >= PLANS_MAX:
        return escalate(run, Outcome.REFUSED, "The service changes faster than it can be planned for.", now)
    anew = replace(
        run,
        effect=plan.effect,
        inverse=plan.inverse,
        suspect=plan.suspect,
        notes={**run.notes, "plans": str(plans)},
    )
    if run.asks is None:
        return intend(anew, now, f"Planned anew: {plan.sentence}")
    told = "What was approved does not fit the service any more, so it is asked anew."
    anew = replace(anew, notes={**anew.notes, "why": plan.sentence})
    return ask(anew, run.asks, now, say(run, EntryKind.NOT_APPLIED, told, now))
