"""The one place that has effects: one claim, one state, at most one effect, read back before and after.

What is promised: a run is never lost, and at most one act of it takes effect, by read-back; what cannot be
read back is escalated, not repeated.  ECS takes no idempotency token, so nobody can promise more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, assert_never

from collector.source import CollectError
from remediation.actions.effects import Actuator, Delivery, legible
from remediation.actions.table import ACTIONS
from remediation.decision.policy import Policies
from remediation.diagnosis.situation import Situation
from remediation.journal import EntryKind
from remediation.vocabulary import Outcome
from remediation.workflow.asking import HOLD, ask, called_off, hear, intend
from remediation.workflow.move import Move, cancel, count, escalate, later, say
from remediation.workflow.recheck import objection
from remediation.workflow.run import Claim, Leave, LostClaimError, Run, Runs, RunState
from remediation.workflow.start import USUAL
from remediation.workflow.verifying import LOOK_EVERY, verify

if TYPE_CHECKING:
    from remediation.actions.effects import Receipt

#: What cannot be seen is looked at again so often, and for so long.
BLIND_WAIT = timedelta(seconds=30)
BLIND_MAX = timedelta(minutes=10)
#: AWS is asked again so long after it said "too fast", and so often.
THROTTLE_WAIT = timedelta(seconds=30)
SENDS_MAX = 5
#: A send whose answer was lost is repeated, after looking, so often; a worker may die over one so often.
AMBIGUOUS_MAX = 3
INTERRUPTIONS_MAX = 5
#: A temporary change that must stay is looked at again so often, and for so long before a person is told.
POSTPONE = timedelta(minutes=10)
KEEP_MAX = timedelta(hours=24)
BLIND = "It cannot be looked at now."
OBSERVING = "It was switched to observing only."
#: The default for what a lost answer may still do: connect and read timeout, and a margin.
SETTLE = timedelta(seconds=20)


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """Carries runs out.  `look` shows a run's placement as it is now, and may raise CollectError.

    `settle` is how long a call whose answer was lost may still land, on the clock that `now` is read from.
    It is counted from when the answer was given up, by `clock`: looking and sending take their time.
    """

    runs: Runs
    look: Callable[[Run], Situation]
    actuator: Actuator
    policies: Policies
    settle: timedelta = SETTLE
    clock: Callable[[], datetime] | None = None

    def advance(self, now: datetime) -> Run | None:
        """Move one run by one state; return it as it was written, or None when none is due."""
        claim = self.runs.claim(now)
        if claim is None:
            return None
        try:
            move = self._step(claim, now)
        except LostClaimError:
            return None
        after = move.run
        if after.state is RunState.ACT:  # so that the next claim knows whether another one died in between
            after = replace(after, notes={**after.notes, "moved_by": str(claim.number)})
        try:
            self.runs.move(claim, after, move.entries, move.follow_up)
        except LostClaimError:
            return None
        return after

    def _step(self, claim: Claim, now: datetime) -> Move:
        run = claim.run
        match run.state:
            case RunState.QUEUED if run.undo:
                return self._expired(run, now)
            case RunState.QUEUED:
                return self._begun(run, now)
            case RunState.ASK:
                return hear(run, self.runs.answer(run), now)
            case RunState.ACT:
                return self._act(claim, now)
            case RunState.VERIFY:
                return verify(run, self._see(run), now)
            case RunState.CLOSED | RunState.ESCALATED | RunState.REJECTED | RunState.CANCELLED:
                raise ValueError(f"run {run.id} is {run.state}: nothing more can happen to it")
            case _:
                assert_never(run.state)

    def _begun(self, run: Run, now: datetime) -> Move:
        if (actor := self._no(run)) is not None:
            return called_off(run, actor, now)
        return ask(run, run.asks, now) if run.asks else intend(run, now, _why(run))

    def _no(self, run: Run) -> str | None:
        """Return who said that it is not to be done."""
        choice, actor = self.runs.answer(run) or ("", "")
        return actor if choice == HOLD else None

    def _see(self, run: Run) -> Situation | None:
        try:
            return _as_usual(run, self.look(run))
        except CollectError:
            return None

    def _expired(self, run: Run, now: datetime) -> Move:
        """Undo a temporary change whose time has come, unless it must stay."""
        situation = self._see(run)
        seen = situation is not None and situation.view is not None
        stays = ACTIONS[run.action].must_stay(situation) if situation and seen else BLIND
        if stays is None:
            return intend(run, now, f"The time of the temporary change is up: {run.effect}.")
        return _postponed(run, stays, now)

    def _act(self, claim: Claim, now: datetime) -> Move:
        """Send the effect once, if it is not in place and nothing has come to speak against it."""
        run = claim.run
        if not _attempted(claim) and (actor := self._no(run)) is not None:
            return called_off(run, actor, now)
        situation = self._see(run)
        if situation is None or situation.view is None or not legible(run.effect, situation.view):
            return self._blind(run, now)
        if run.effect.done(situation.view):
            return _applied(run, situation, now, ours=_attempted(claim))
        if _interrupted(claim):
            return self._settle(run, now)
        return self._against(run, situation, now) or self._send(claim, situation, now)

    def _against(self, run: Run, situation: Situation, now: datetime) -> Move | None:
        """Return the move that a person or the situation asks for instead of the effect."""
        if (actor := self._no(run)) is not None:
            return called_off(run, actor, now)
        return objection(run, situation, self.policies, now)

    def _send(self, claim: Claim, situation: Situation, now: datetime) -> Move:
        run = claim.run
        match self.runs.leave(claim):
            case Leave.GRANTED:
                receipt = self.actuator.apply(run.effect)
                return self._sent(run, situation, receipt, now, self.clock() if self.clock else now)
            case Leave.PAUSED | Leave.LATE:
                return later(run, now, BLIND_WAIT)
            case Leave.OBSERVE_ONLY:
                return _postponed(run, OBSERVING, now) if run.undo else cancel(run, OBSERVING, now)
            case leave:
                assert_never(leave)

    def _blind(self, run: Run, now: datetime) -> Move:
        if run.undo:
            return _postponed(run, BLIND, now)
        since = run.notes.get("blind_since", str(int(now.timestamp())))
        if now.timestamp() - int(since) > BLIND_MAX.total_seconds():
            outcome = Outcome.UNCERTAIN if count(run, "sends") else Outcome.REFUSED
            return escalate(run, outcome, "The service could not be looked at, so nothing was sent.", now)
        return later(run, now, BLIND_WAIT, blind_since=since)

    def _settle(self, run: Run, now: datetime) -> Move:
        """Wait for what a worker that died may have sent, then look again."""
        interruptions = count(run, "interruptions") + 1
        if interruptions > INTERRUPTIONS_MAX:
            return escalate(run, Outcome.UNCERTAIN, f"It was interrupted {interruptions} times.", now)
        return later(run, now, self.settle, interruptions=str(interruptions))

    def _sent(
        self, run: Run, situation: Situation, receipt: Receipt, now: datetime, answered: datetime
    ) -> Move:
        sends = count(run, "sends") + 1
        run = replace(run, notes={**run.notes, "sends": str(sends), "sent_at": now.isoformat()})
        match receipt.delivery:
            case Delivery.ACCEPTED:
                return _applied(run, self._see(run) or situation, now, ours=True)
            case Delivery.THROTTLED | Delivery.AMBIGUOUS:
                return self._again(run, receipt, answered)
            case Delivery.REFUSED:
                return self._refused(run, receipt, now)
            case _:
                assert_never(receipt.delivery)

    def _again(self, run: Run, receipt: Receipt, now: datetime) -> Move:
        """Wait and start from looking again, a few times."""
        lost = receipt.delivery is Delivery.AMBIGUOUS
        most, wait = (AMBIGUOUS_MAX, self.settle) if lost else (SENDS_MAX, THROTTLE_WAIT)
        told = f"{run.effect}: {receipt.delivery}, {receipt.detail}"
        if run.undo and not lost:
            return _postponed(run, f"{told}.", now)
        if count(run, "sends") >= most:
            return escalate(run, Outcome.UNCERTAIN if lost else Outcome.REFUSED, f"{told}.", now)
        return later(run, now, wait, say(run, EntryKind.NOT_APPLIED, f"{told}. It is looked at again.", now))

    def _refused(self, run: Run, receipt: Receipt, now: datetime) -> Move:
        """Look again: a refusal may mean that it is done, such as a rollback that ECS began a moment ago."""
        situation = self._see(run)
        if situation is not None and situation.view is not None and run.effect.done(situation.view):
            return _applied(run, situation, now, ours=count(run, "sends") > 1)
        instead = objection(run, situation, self.policies, now) if situation and situation.view else None
        if instead is not None and instead.run.state is RunState.ACT and instead.run.effect != run.effect:
            return instead  # it came to stand at a pause hook just then, or has completed
        return escalate(run, Outcome.REFUSED, f"{run.effect}: {receipt.detail}.", now)


def _as_usual(run: Run, situation: Situation) -> Situation:
    """Show demand beside what was usual when the run was decided: in an hour the surge itself would be."""
    usual, here = run.notes.get(USUAL), situation.here
    if usual is None or here is None:
        return situation
    then = replace(here, usual_per_minute=float(usual))
    return replace(situation, health={**situation.health, situation.placement: then})


def _postponed(run: Run, why: str, now: datetime) -> Move:
    """Let an undo wait, its placement free for others: a short trouble must not leave a change behind."""
    if now - run.created_at > KEEP_MAX:
        told = f"{why} The temporary change is kept; undo it by hand: {run.effect}."
        return escalate(run, Outcome.CANCELLED, told, now)
    waiting = replace(run, state=RunState.QUEUED)
    return later(waiting, now, POSTPONE, say(waiting, EntryKind.VERIFYING, f"Kept for longer. {why}", now))


def _applied(run: Run, situation: Situation, now: datetime, *, ours: bool) -> Move:
    """Go on to verify; what was in place before we sent anything is not ours to undo.

    What is found in place after an answer was lost was done when it was sent, not when it was found.
    """
    ratio = situation.here.bad_ratio if situation.here else None
    bad_ratio = run.notes.get("bad_ratio") or (f"{float(ratio):.6f}" if ratio is not None else "")
    after = replace(
        run,
        state=RunState.VERIFY,
        acted_at=datetime.fromisoformat(run.notes.get("sent_at", now.isoformat())),
        wake=now + LOOK_EVERY,
        inverse=run.inverse if ours or run.undo else None,
        notes={**run.notes, "bad_ratio": bad_ratio},
    )
    shown = situation.view is not None and run.effect.done(situation.view)
    how = "accepted, not shown yet" if not shown else "done" if ours else "was in place already"
    told = f"{run.effect}: {how}."
    return Move(after, (say(after, EntryKind.APPLIED, told, now),))


def _attempted(claim: Claim) -> bool:
    """Whether we may have sent the effect before."""
    run = claim.run
    return count(run, "sends") > 0 or count(run, "interruptions") > 0 or _interrupted(claim)


def _interrupted(claim: Claim) -> bool:
    """Whether a claim between the last move and this one died: it may have sent the effect."""
    return claim.number != count(claim.run, "moved_by") + 1


def _why(run: Run) -> str:
    return run.notes.get("why", run.action.sentence)
