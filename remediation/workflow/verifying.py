"""Proof that an action helped: timed looks at the objective itself, until it recovered or the time is up.

A temporary change is undone at its expiry whether it helped or not: taken away in the middle of an outage it
would be one more change.  A rollback may be taken back by ECS itself: a deployment alarm that begins to ring
for the bad revision only while the good one is being deployed turns the good one back.  What rings when a
deployment starts is ignored, so such a rollback is carried out once more, and only once.

Where traffic moves between revisions it moves back within seconds: what fails on then is not waited for as
long as tasks that are being replaced.  A pause hook may stop our own way back: it is a person's question.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, assert_never

from collector.estate import ROLLING_BACK, UNDER_WAY, DeploymentStatus
from remediation.actions.action import Before, Look, Recovery, Stepwise
from remediation.actions.effects import RestoreRevision, legible
from remediation.actions.table import ACTIONS
from remediation.diagnosis.deployments import newest
from remediation.journal import EntryKind
from remediation.vocabulary import Outcome
from remediation.workflow.asking import ask, intend
from remediation.workflow.move import Move, count, end, escalate, later, say
from remediation.workflow.run import RunState
from remediation.workflow.start import undo_of

if TYPE_CHECKING:
    from datetime import datetime

    from collector.estate import Deployment
    from remediation.actions.action import Plan
    from remediation.diagnosis.situation import Situation
    from remediation.workflow.run import Run

#: One look a minute, since that is how often something new is known ...
LOOK_EVERY = timedelta(minutes=1)
#: ... for so long ...
VERIFY_FOR = timedelta(minutes=10)
#: ... and for so long while tasks are still being replaced ...
VERIFY_MAX = timedelta(minutes=30)
#: ... and after they were, until minutes of their own are known and have proven something ...
SHOWS_WITHIN = timedelta(minutes=7)
#: ... but never on fewer looks than this: a deadline may pass while the service is down.
LOOKS_MIN = 3
#: What AWS accepted it shows within so long.
SHOWN_WITHIN = timedelta(minutes=2)
#: What is done a part at a time has so many more of them at most; the note of how many there were.
PARTS, PARTS_MAX = "parts", 10
#: Notes that speak of one effect.
OF_ONE_EFFECT = frozenset({"sends", "sent_at", "interruptions", "blind_since", "plans"})


def verify(run: Run, situation: Situation | None, now: datetime) -> Move:
    """Look whether it helped; `situation` is None when nothing could be seen."""
    acted_at = run.acted_at or run.created_at
    if situation is not None and taken_back(run, situation):
        return _once_more(run, now)
    look = _look(run, acted_at, situation)
    missing = not _shown(run, situation) and not _being_taken_back(run, situation)
    if (stuck := _stuck(run, situation, look, now, missing=missing)) is not None:
        return stuck
    if situation is not None and not missing and (more := _further(run, situation)) is not None:
        return _next_part(run, more, now)
    match look.recovery:
        case Recovery.RECOVERED:
            return _recovered(run, look, now)
        case Recovery.WORSE:
            return _failed(run, Outcome.NOT_RECOVERED, f"It got worse: {look.sentence}", now)
        case Recovery.NOT_YET | Recovery.CANNOT_SEE:
            return _again(run, look, situation, now)
        case _:
            assert_never(look.recovery)


def _stuck(run: Run, situation: Situation | None, look: Look, now: datetime, *, missing: bool) -> Move | None:
    """Call a person at once where looking on is of no use: what was sent waits for them, or never shows."""
    if situation is not None and (waits := _paused(run, situation)) is not None:
        return _failed(run, Outcome.PAUSED, f"{waits} {look.sentence}", now)
    if missing and now - (run.acted_at or run.created_at) > SHOWN_WITHIN:
        return _failed(run, Outcome.UNCERTAIN, f"{run.effect} was accepted and does not show.", now)
    return None


def _look(run: Run, acted_at: datetime, situation: Situation | None) -> Look:
    if situation is None:
        return Look(Recovery.CANNOT_SEE, "The service could not be looked at.")
    ratio = run.notes.get("bad_ratio")
    return ACTIONS[run.action].recovered(Before(acted_at, float(ratio) if ratio else None), situation)


def _further(run: Run, situation: Situation) -> Plan | None:
    """Return the next part of what is done a part at a time, or None."""
    action = ACTIONS[run.action]
    if run.undo or not isinstance(action, Stepwise) or count(run, PARTS) >= PARTS_MAX:
        return None
    return action.further(situation)


def _next_part(run: Run, plan: Plan, now: datetime) -> Move:
    """Intend the next part, or ask for it: a yes is for its plan, and so is what was noted of sending it."""
    kept = {note: said for note, said in run.notes.items() if note not in OF_ONE_EFFECT}
    notes = {**kept, "why": plan.sentence, PARTS: str(count(run, PARTS) + 1)}
    anew = replace(run, effect=plan.effect, notes=notes)
    return intend(anew, now, plan.sentence) if run.asks is None else ask(anew, run.asks, now)


def _shown(run: Run, situation: Situation | None) -> bool:
    """Whether the change is in place; what cannot be seen now is not held against it."""
    view = situation.view if situation else None
    return view is None or not legible(run.effect, view) or run.effect.done(view)


def _recovered(run: Run, look: Look, now: datetime) -> Move:
    if run.undo:
        told = say(run, EntryKind.RESTORED, f"{Outcome.RESTORED.sentence} {look.sentence}", now)
        return end(run, RunState.CLOSED, Outcome.RESTORED, now, told)
    undo = undo_of(run, now)
    kept = f" The change is kept until {undo.wake:%H:%M} UTC." if undo else ""
    told = say(run, EntryKind.RECOVERED, f"{Outcome.RECOVERED.sentence} {look.sentence}{kept}", now)
    return replace(end(run, RunState.CLOSED, Outcome.RECOVERED, now, told), follow_up=undo)


def _again(run: Run, look: Look, situation: Situation | None, now: datetime) -> Move:
    if run.looks + 1 >= LOOKS_MIN and now >= _deadline(run, situation):
        outcome = Outcome.UNCERTAIN if look.recovery is Recovery.CANNOT_SEE else Outcome.NOT_RECOVERED
        return _failed(run, outcome, look.sentence, now)
    told = say(run, EntryKind.VERIFYING, look.sentence, now)
    return later(replace(run, looks=run.looks + 1), now, LOOK_EVERY, told)


def _deadline(run: Run, situation: Situation | None) -> datetime:
    """Return until when it is watched: longer while tasks are replaced, and until what came of it shows."""
    acted_at, deployment = run.acted_at or run.created_at, newest(situation) if situation else None
    if deployment is None:
        return acted_at + VERIFY_FOR
    if deployment.status in UNDER_WAY | ROLLING_BACK and not _turned(deployment):
        return acted_at + VERIFY_MAX
    replaced = min(deployment.finished_at or acted_at, acted_at + VERIFY_MAX)
    return max(acted_at + VERIFY_FOR, replaced + SHOWS_WITHIN)


def _turned(deployment: Deployment) -> bool:
    """Whether all requests have moved back already."""
    return deployment.moves_traffic and deployment.status in ROLLING_BACK and deployment.weight == 0


def _paused(run: Run, situation: Situation) -> str | None:
    """Return where our own deployment of the earlier revision waits for a person, in words."""
    last = newest(situation)
    if last is None or last.hook is None or not isinstance(run.effect, RestoreRevision):
        return None
    if last.target.task_definition != run.effect.task_definition:
        return None
    until = f" until {last.hook.expires_at:%Y-%m-%d %H:%M} UTC" if last.hook.expires_at else ""
    then = f"; then ECS chooses {last.hook.then}" if last.hook.then else ""
    return f"ECS holds it at hook {last.hook.id}{until}{then}."


def taken_back(run: Run, situation: Situation) -> bool:
    """Whether ECS has rolled our own rollback back, and nobody has deployed anything since."""
    effect, last, view = run.effect, newest(situation), situation.view
    return (
        isinstance(effect, RestoreRevision)
        and view is not None
        and not effect.done(view)
        and last is not None
        and last.target.task_definition == effect.task_definition
        and last.status is DeploymentStatus.ROLLBACK_SUCCESSFUL
        and last.created_at >= run.created_at
    )


def _being_taken_back(run: Run, situation: Situation | None) -> bool:
    """Whether ECS is rolling our own rollback back right now: how that ends is waited for."""
    last = newest(situation) if situation else None
    return (
        isinstance(run.effect, RestoreRevision)
        and last is not None
        and last.target.task_definition == run.effect.task_definition
        and last.status in ROLLING_BACK
    )


def _once_more(run: Run, now: datetime) -> Move:
    told = "ECS took the rollback back, as its deployment alarms do when they begin to ring while it deploys."
    if count(run, "repeats"):
        return _failed(run, Outcome.NOT_RECOVERED, f"{told} It did so twice.", now)
    return intend(replace(run, notes={**run.notes, "repeats": "1"}), now, f"{told} Once more: {run.effect}.")


def _failed(run: Run, outcome: Outcome, sentence: str, now: datetime) -> Move:
    undo = undo_of(run, now)
    kept = f" {run.effect} is undone at {undo.wake:%H:%M} UTC." if undo else ""
    return replace(escalate(run, outcome, f"{sentence}{kept}", now), follow_up=undo)
