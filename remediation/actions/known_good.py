"""Where a rollback goes: the newest revision that is known to be good, and can still be started."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from collector.estate import TURNED_BACK, UNDER_WAY, Revision
from collector.remains import PartKind, Presence
from remediation.actions.action import Refusal
from remediation.floor import floors_of
from remediation.quarantine import meeting, short
from remediation.tenure import PROVEN_MINUTES, Proof, proofs
from remediation.vocabulary import Reason
from slo import figures

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from collector.estate import Deployment, ServiceView
    from collector.remains import Part, Remains
    from remediation.diagnosis.situation import Situation
    from remediation.history import PastAction
    from remediation.quarantine import Quarantined
    from remediation.tenure import Tenure

#: How many revisions that served and are not proven may lie between: further back is a person's decision.
PASSED_OVER_MAX = 3
#: What is not answered is asked again for so long before a person is called.
ASKED_FOR = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class WayBack:
    """The revision that a rollback returns to; `sentence` goes on after its name with why that one."""

    revision: Revision
    sentence: str


def way_back(situation: Situation, suspect: Deployment) -> WayBack | Refusal:
    """Return where a deployment may be rolled back to now, or why nowhere."""
    view = situation.view
    assert view is not None, "whoever plans a rollback has looked at the service"
    found = target(view, suspect, situation.tenures, situation.quarantine, situation.history)
    if isinstance(found, Refusal):
        return found
    name = found.revision.task_definition
    crossed = (floor.crossed(name) for floor in floors_of(view.tags, situation.floors))
    if (why := next(filter(None, crossed), None)) is not None:
        return Refusal(Reason.BELOW_FLOOR, why)
    return _startable(found, situation.remains.get(name), situation.at - situation.incident.opened_at)


def target(
    view: ServiceView,
    suspect: Deployment,
    tenures: Sequence[Tenure],
    quarantine: Sequence[Quarantined] = (),
    history: Iterable[PastAction] = (),
) -> Proof | Refusal:
    """Return the revision that is to be returned to, whether or not it can still be started.

    While the suspect is being deployed ECS itself says where to: what it replaces, which must be proven too.
    """
    known = proofs([tenure for tenure in tenures if tenure.since < suspect.created_at])
    bad = _turned_back(view) | _left(history, quarantine)
    out = [proof for proof in known if _out(proof.revision, bad, quarantine)]
    if suspect.status in UNDER_WAY:
        return _replaced(suspect, known, out)
    before = [proof for proof in known if proof not in out]
    proven = next((p for p in before if p.proven), None)
    passed = before.index(proven) if proven else len(before)
    if proven is None or passed > PASSED_OVER_MAX:
        return Refusal(Reason.NO_KNOWN_GOOD, _unproven(before[:PASSED_OVER_MAX]))
    return proven


def redeployed(situation: Situation, suspect: Deployment) -> str | None:
    """Return why the suspect is not rolled back a second time, or None.

    Here it was turned back before, was deployed all the same, and nobody has released it in between.
    """
    here = [
        one
        for one in meeting(situation.quarantine, suspect.target)
        if one.placement == situation.placement and one.at < suspect.created_at
    ]
    if here:
        return f"{here[0].sentence} It was deployed again at {suspect.created_at:%H:%M} UTC."
    return None


def _replaced(suspect: Deployment, known: Sequence[Proof], out: Sequence[Proof]) -> Proof | Refusal:
    """Return what ECS would return to."""
    if len(suspect.sources) > 1:
        names = " and ".join(short(source.task_definition) for source in suspect.sources)
        return Refusal(Reason.SEVERAL_SOURCES, f"{names} serve beside the new tasks: which was good?")
    if not suspect.sources:
        return Refusal(Reason.NO_KNOWN_GOOD, "It is the first deployment: there is nothing to return to.")
    (source,) = suspect.sources
    found = next((proof for proof in known if proof.revision.alike(source)), None)
    if found is None:
        return Refusal(
            Reason.NO_KNOWN_GOOD, f"Of {short(source.task_definition)} no minute in service is known."
        )
    if found in out:
        return Refusal(Reason.NO_KNOWN_GOOD, f"{short(source.task_definition)} was turned back before.")
    return found if found.proven else Refusal(Reason.NO_KNOWN_GOOD, _unproven([found]))


def _unproven(candidates: Sequence[Proof]) -> str:
    """Say how far each candidate is from being proven."""
    if not candidates:
        return "No earlier revision is known that served and was not turned back."
    told = "; ".join(f"{short(one.revision.task_definition)} {one.sentence}" for one in candidates)
    return f"{told}: {PROVEN_MINUTES} in a row prove a revision."


def _out(revision: Revision, bad: frozenset[str], quarantine: Sequence[Quarantined]) -> bool:
    return bool({revision.arn, revision.task_definition} & bad or meeting(quarantine, revision))


def _turned_back(view: ServiceView) -> frozenset[str]:
    """Return the revisions that ECS turned back: not their content, it may have been for want of capacity."""
    return frozenset(d.target.arn for d in view.deployments if d.status in TURNED_BACK)


def _left(history: Iterable[PastAction], quarantine: Sequence[Quarantined]) -> frozenset[str]:
    """Return the task definitions that we left and nobody released; what was only planned convicts none."""
    released = {one.id for one in quarantine if not one.held}
    return frozenset(
        past.suspect for past in history if past.suspect and past.carried_out and past.run not in released
    )


def _startable(proof: Proof, remains: Remains | None, open_for: timedelta) -> WayBack | Refusal:
    """Return the way back if all that the revision is made of is there; what nobody can be asked is said."""
    name = short(proof.revision.task_definition)
    if remains is None:
        return Refusal(Reason.GATHERING_EVIDENCE, f"Whether {name} can still be started is being looked up.")
    if gone := remains.those(Presence.GONE):
        return Refusal(Reason.TARGET_GONE, f"{name} cannot be started any more: {_listed(gone)}.")
    if denied := remains.those(Presence.DENIED):
        told = f"Whether {name} can be started may not be looked up: {_listed(denied)}."
        return Refusal(Reason.TARGET_NOT_KNOWN, told)
    if unanswered := remains.those(Presence.UNANSWERED):
        reason = Reason.GATHERING_EVIDENCE if open_for < ASKED_FOR else Reason.TARGET_NOT_KNOWN
        return Refusal(reason, f"Whether {name} can be started was not answered: {_listed(unanswered)}.")
    return WayBack(proof.revision, f"which {proof.sentence}. {_found(remains)}")


def _found(remains: Remains) -> str:
    """Say what was found of a revision, and of what nobody could tell."""
    counts = [
        figures.several(number, str(kind))
        for kind in PartKind
        if (number := sum(part.kind is kind for part in remains.those(Presence.THERE)))
    ]
    unknown = remains.those(Presence.NOT_KNOWN)
    told = f"Looked for and found: {', '.join(counts) or 'nothing'}"
    return f"{told}; not known: {_listed(unknown)}." if unknown else f"{told}."


def _listed(parts: Sequence[Part]) -> str:
    return "; ".join(map(str, parts))
