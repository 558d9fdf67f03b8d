"""What a signal does to the open incidents: it opens one, joins one, or means nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from remediation.events.describe import describe, place
from remediation.events.event import (
    AlarmChanged,
    Answer,
    DeploymentChanged,
    DeploymentPhase,
    Event,
    HookChanged,
    ServiceAction,
    TaskChanged,
    TaskEnd,
)
from remediation.incidents import Change, Incident, Phase, Symptom
from remediation.journal import Entry, EntryKind
from slo.burn import Alert, Severity, Tier

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from slo.cells import Placement

Signal = Alert | Event | Symptom

#: An event that took longer than this tells of the past: it may join an incident, and opens none.
LATE_AFTER = timedelta(minutes=15)

#: An incident is over when no sign of it has been seen for so long.
QUIET_FOR = timedelta(minutes=10)

#: An alarm rings until it is told to have ended; no longer than this, since what tells it may be lost.  It is
#: not asked for: whoever polls alarms often is said to make ECS, which does so too, skip rollbacks.
BELIEVED_FOR = timedelta(hours=2)

#: What begins elsewhere so soon after an incident was opened belongs to its opening.
UNFOLDS_FOR = timedelta(minutes=2)

#: An incident takes in no more signs than these, but for pages: events could be made up without an end.
SIGNS_MAX = 100

#: Alarms on what users feel; any other alarm that names one of our services waits until the morning.
FELT_BY_USERS = frozenset(
    {"HTTPCode_ELB_5XX_Count", "HTTPCode_Target_5XX_Count", "HealthyHostCount", "UnHealthyHostCount"}
)

#: Application Auto Scaling owns these alarms: they ring on every ordinary scale-out and scale-in.
AUTOSCALING_ALARMS = "TargetTracking-"

#: What the scheduler says when a service cannot get the tasks that it wants, and the sign of it.
SHORT_OF_TASKS = {
    "SERVICE_TASK_START_IMPAIRED": "start_impaired",
    "SERVICE_TASK_PLACEMENT_FAILURE": "placement_failed",
}

#: How a task may end that says something of its service, once there is an incident.
TELLING_ENDS = frozenset(
    {
        TaskEnd.CRASHED,
        TaskEnd.OUT_OF_MEMORY,
        TaskEnd.UNHEALTHY,
        TaskEnd.FAILED_TO_START,
        TaskEnd.SPOT_INTERRUPTION,
    }
)


def receive(open_incidents: Iterable[Incident], signal: Signal, now: datetime) -> Change | None:
    """Fold a signal into the incident of its service, open one, or return None when it means nothing.

    A sign that is already known only moves `last_seen`: such a change has no entries.
    """
    if isinstance(signal, Answer):
        return _acknowledge(open_incidents, signal, now)
    placement = getattr(signal, "placement", None)
    if placement is None:
        return None
    incident = next((i for i in open_incidents if i.service == placement.service), None)
    opening = _opening(signal, now)
    if opening is not None:
        return _join(incident, opening, signal, now) if incident else _open(opening, signal, now)
    return _aside(incident, placement, signal, now) if incident else None


def felt(
    incident: Incident, placement: Placement, now: datetime, *, failing: bool, calm: bool
) -> Change | None:
    """Note that a placement which paged serves well again; when it fails anew, tell it as loud as a start.

    Burn rates cannot say so by themselves: over a short calm they ring on.
    """
    pages = [s for s in incident.symptoms if s.placement == placement and s.severity is Severity.PAGE]
    if calm and pages and placement not in incident.calm:
        return Change(replace(incident, calm=(*incident.calm, placement)), ())
    ringing = any(now - s.last_seen < UNFOLDS_FOR and not _is_slow(s) for s in pages)
    told_long_ago = all(now - s.first_seen >= QUIET_FOR for s in pages)
    if not (failing and ringing and told_long_ago and placement in incident.calm):
        return None
    told = f"{place(placement)} fails again after it had served well."
    sign = _symptom(placement, "again", Severity.PAGE, told, now)
    others = tuple(s for s in incident.symptoms if (s.placement, s.name) != (placement, sign.name))
    return _heard_anew(replace(incident, symptoms=(*others, sign)), sign, sign, now)


def quiet(incident: Incident, now: datetime, *, busy: bool) -> Change | None:
    """Resolve it when every sign is gone, and nothing else keeps it open (`busy`)."""
    if busy or any(_stands(symptom, now) for symptom in incident.symptoms):
        return None
    lasted = _minutes(now - incident.opened_at)
    regions = ", ".join(dict.fromkeys(placement.region for placement in incident.placements))
    where = f"{incident.service} in {regions}"
    sentence = f"{where}: over after {lasted}, no sign of trouble for {_minutes(QUIET_FOR)}."
    if unended := [symptom.name for symptom in incident.symptoms if symptom.ringing]:
        sentence += f" No end was told of {', '.join(unended)} for {_minutes(BELIEVED_FOR)}."
    over = replace(incident, phase=Phase.RESOLVED, resolved_at=now, sentence=sentence)
    return Change(over, (Entry(EntryKind.RESOLVED, now, sentence, incident=incident.id),))


def _stands(symptom: Symptom, now: datetime) -> bool:
    return now - symptom.last_seen < (BELIEVED_FOR if symptom.ringing else QUIET_FOR)


def _opening(signal: Signal, now: datetime) -> Symptom | None:  # noqa: PLR0911 - one for each sign
    """Return the sign that opens an incident by itself, or None."""
    match signal:
        case Symptom():
            return signal
        case Alert():
            name = f"{signal.objective}/{signal.tier}"
            return _symptom(signal.placement, name, signal.severity, f"{signal.sentence}.", now)
        case ServiceAction(placement=where, spot_refused=True) if where and not _late(signal, now):
            return _symptom(where, "spot_refused", Severity.TICKET, describe(signal), now)
        case ServiceAction(placement=where, name=name) if (
            where and name in SHORT_OF_TASKS and not _late(signal, now)
        ):
            return _symptom(where, SHORT_OF_TASKS[name], Severity.TICKET, describe(signal), now)
        case DeploymentChanged(placement=where, phase=DeploymentPhase.FAILED) if where and not _late(
            signal, now
        ):
            return _symptom(where, f"failed/{signal.deployment_id}", Severity.TICKET, describe(signal), now)
        case AlarmChanged(placement=where, state="ALARM", suppressed=False) if where and not _late(
            signal, now
        ):
            return _alarm(signal, where, now)
        case _:
            return None


def _alarm(alarm: AlarmChanged, where: Placement, now: datetime) -> Symptom | None:
    if alarm.name.startswith(AUTOSCALING_ALARMS):
        return None
    severity = Severity.PAGE if FELT_BY_USERS.intersection(alarm.metrics) else Severity.TICKET
    return replace(_symptom(where, _alarm_name(alarm), severity, describe(alarm), now), ringing=True)


def _alarm_name(alarm: AlarmChanged) -> str:
    return f"alarm/{alarm.name}"


def _symptom(placement: Placement, name: str, severity: Severity, sentence: str, now: datetime) -> Symptom:
    return Symptom(
        placement=placement,
        name=name,
        severity=severity,
        sentence=sentence,
        first_seen=now,
        last_seen=now,
    )


def _late(event: Event, now: datetime) -> bool:
    return event.origin.at is not None and now - event.origin.at > LATE_AFTER


def _open(symptom: Symptom, signal: Signal, now: datetime) -> Change:
    incident = Incident(
        id=f"{symptom.placement.service}-{now:%Y%m%d-%H%M}",
        service=symptom.placement.service,
        opened_at=now,
        symptoms=(symptom,),
        placement=symptom.placement,
        sentence=symptom.sentence,
    )
    return Change(incident, (_entry(EntryKind.OPENED, incident, symptom, signal, now),))


def _join(incident: Incident, symptom: Symptom, signal: Signal, now: datetime) -> Change:
    """Add the sign, or move its `last_seen`; only news is told, and what is louder as loud as a start."""
    known = {(s.placement, s.name): s for s in incident.symptoms}
    key = (symptom.placement, symptom.name)
    before = known.get(key, symptom)
    if before is symptom and symptom.severity is Severity.TICKET and len(known) >= SIGNS_MAX:
        return Change(incident, ())
    known[key] = replace(
        before,
        sentence=symptom.sentence,
        last_seen=max(before.last_seen, now),
        ringing=symptom.ringing,
    )
    joined = replace(incident, symptoms=tuple(known.values()))
    if _louder(incident, symptom, now):
        return _heard_anew(joined, symptom, signal, now)
    entries = () if before is not symptom else (_entry(EntryKind.JOINED, incident, symptom, signal, now),)
    return Change(joined, entries)


def _heard_anew(incident: Incident, symptom: Symptom, signal: Signal, now: datetime) -> Change:
    """Tell a sign as loud as a start, and forget what was judged of its placement before."""
    elsewhere = tuple(j for j in incident.judgements if j.placement != symptom.placement)
    calm = tuple(placement for placement in incident.calm if placement != symptom.placement)
    phase = incident.phase if elsewhere else Phase.OPEN
    anew = replace(incident, judgements=elsewhere, calm=calm, phase=phase)
    return Change(anew, (_entry(EntryKind.OPENED, incident, symptom, signal, now),))


def _louder(incident: Incident, symptom: Symptom, now: datetime) -> bool:
    """Whether nothing so urgent was seen for `QUIET_FOR`: the first page of a ticket, or trouble anew.

    An incident stays open while a change of ours waits to be undone, or tickets ring all night.  A page is
    news at each placement, once the incident has unfolded: what spreads is not what people were told.
    """
    if symptom.severity is Severity.PAGE:
        alike = [s for s in incident.symptoms if s.severity is Severity.PAGE and _as_present(s, symptom)]
        here = [s for s in alike if s.placement == symptom.placement]
        urgent = alike if now - incident.opened_at < UNFOLDS_FOR else here
    else:
        urgent = list(incident.symptoms)
    return all(now - s.last_seen >= QUIET_FOR for s in urgent)


def _as_present(known: Symptom, symptom: Symptom) -> bool:
    """Whether a known sign speaks of the present as much: the slow tier rings on after what it saw."""
    return not _is_slow(known) or _is_slow(symptom)


def _is_slow(symptom: Symptom) -> bool:
    return symptom.name.endswith(f"/{Tier.PAGE_SLOW}")


def _aside(incident: Incident, placement: Placement, signal: Signal, now: datetime) -> Change | None:
    """Join what opens nothing: deployments of the service, and ends of tasks where it is in trouble."""
    if isinstance(signal, TaskChanged) and signal.end in TELLING_ENDS and placement in incident.placements:
        sign = _symptom(placement, f"task/{signal.end}", Severity.TICKET, describe(signal), now)
        return _join(incident, sign, signal, now)
    if isinstance(signal, AlarmChanged) and signal.state == "OK":
        return _ended(incident, placement, signal, now)
    if isinstance(signal, DeploymentChanged | HookChanged):
        data = {"event": signal.origin.id, **_course(signal)}
        sentence, where = describe(signal), str(placement)
        entry = Entry(EntryKind.JOINED, now, sentence, incident=incident.id, placement=where, data=data)
        return Change(incident, (entry,))
    return None


def _course(signal: DeploymentChanged | HookChanged) -> dict[str, str]:
    """Return how far the deployment has come of which an event tells."""
    if isinstance(signal, HookChanged):
        return {"hook": signal.hook_id, "status": str(signal.status)}
    return {"deployment": signal.deployment_id, "phase": str(signal.phase)}


def _ended(incident: Incident, placement: Placement, alarm: AlarmChanged, now: datetime) -> Change | None:
    """Let an alarm end that rang; of another one it is no news."""
    known = {(s.placement, s.name): s for s in incident.symptoms}
    key = (placement, _alarm_name(alarm))
    if key not in known or not known[key].ringing:
        return None
    known[key] = over = replace(known[key], ringing=False, last_seen=now)
    told = replace(over, sentence=describe(alarm))
    entry = _entry(EntryKind.JOINED, incident, told, alarm, now)
    return Change(replace(incident, symptoms=tuple(known.values())), (entry,))


def _acknowledge(open_incidents: Iterable[Incident], answer: Answer, now: datetime) -> Change | None:
    """Keep who has taken an incident over; approvals and refusals belong to a run, not to the incident."""
    incident = next((i for i in open_incidents if i.id == answer.incident), None)
    if answer.choice != "ack" or incident is None or incident.acknowledged_by is not None:
        return None
    after = _minutes(now - incident.opened_at)
    entry = Entry(
        EntryKind.ANSWERED,
        now,
        f"{answer.actor} took it over after {after}.",
        incident=incident.id,
        actor=answer.actor,
        data={"choice": answer.choice, "note": answer.note},
    )
    return Change(replace(incident, acknowledged_by=answer.actor), (entry,))


def _entry(kind: EntryKind, incident: Incident, symptom: Symptom, signal: Signal, now: datetime) -> Entry:
    return Entry(
        kind,
        now,
        symptom.sentence,
        incident=incident.id,
        placement=str(symptom.placement),
        data={"symptom": symptom.name, "severity": str(symptom.severity), **_numbers(signal)},
    )


def _numbers(signal: Signal) -> Mapping[str, str | int | float]:
    match signal:
        case Alert():
            return {
                "burn_long": round(float(signal.burn_long), 3),
                "burn_short": round(float(signal.burn_short), 3),
                "bad": signal.bad,
                "total": signal.total,
            }
        case Symptom():
            return {}
        case _:
            return {"event": signal.origin.id, "at": signal.origin.at.isoformat() if signal.origin.at else ""}


def _minutes(duration: timedelta) -> str:
    """Return a duration in whole minutes, rounded up: time in trouble is never flattered."""
    return f"{-(-int(duration.total_seconds()) // 60)} min"
