"""Where an incident stands, as its runs tell."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from remediation.incidents import Incident, Phase
from remediation.vocabulary import Verdict
from remediation.workflow.run import RunState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from remediation.workflow.run import Run

_PHASES = {
    RunState.ASK: Phase.PENDING,
    RunState.QUEUED: Phase.ACTING,
    RunState.ACT: Phase.ACTING,
    RunState.VERIFY: Phase.VERIFYING,
}


def follow(incident: Incident, runs: Iterable[Run]) -> Incident:
    """Return the incident in the phase that its runs are in; unchanged when it has none, or is over.

    Of several the one that a person may have to act on counts most; a change that waits to be undone is
    still being watched.
    """
    own = [run for run in runs if run.incident == incident.id]
    if not own or incident.phase is Phase.RESOLVED:
        return incident
    waiting = [run for run in own if run.undo and run.state is RunState.QUEUED]
    active = {_PHASES[run.state] for run in own if not run.state.final and run not in waiting}
    failed = any(run.state in {RunState.ESCALATED, RunState.REJECTED} for run in own)
    called = any(judgement.verdict is Verdict.ESCALATE for judgement in incident.judgements)
    if failed or called:
        active.add(Phase.ESCALATED)
    if waiting:
        active.add(Phase.VERIFYING)
    order = (Phase.PENDING, Phase.ACTING, Phase.ESCALATED, Phase.VERIFYING)
    phase = next((phase for phase in order if phase in active), incident.phase)
    return replace(incident, phase=phase)


def busy(incident: Incident, runs: Iterable[Run]) -> bool:
    """Whether a run of the incident is open, one that waits to undo a change included."""
    return any(run.incident == incident.id and not run.state.final for run in runs)
