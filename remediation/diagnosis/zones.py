"""Whether trouble is of one availability zone: by its requests, by its tasks, by what else runs there."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from remediation.diagnosis.evidence import CRASHES, RECENTLY
from remediation.diagnosis.finding import Finding, Holds, holds
from remediation.diagnosis.health import SICK_BAD_MIN
from remediation.events.event import TaskChanged, TaskEnd

if TYPE_CHECKING:
    from collections.abc import Mapping

    from remediation.diagnosis.health import Health, InZone
    from remediation.diagnosis.situation import Situation

#: A zone fails alone when the worst of the others fails at most this part of what it does.
OTHERS_MAX = 0.2
#: What a zone told longer before the newest of them is not of the same time.
SAME_MINUTES = 3
#: So many tasks that die or are sick point to a zone, when this part of them is there.
TROUBLED_MIN, THERE_MIN = 2, 0.8
#: A zone has lost its targets when it has less than this part of what the others have on average.
HOSTS_MAX = 0.5

#: How a task ends when its host or its zone goes: by its checks, by itself, or for reasons that ECS keeps.
LOST = CRASHES | {TaskEnd.OTHER}


def failing_in_one_zone(situation: Situation) -> Finding:
    """Whether its requests fail in one zone, and well served are those in the others."""
    name, here = "failing_in_one_zone", situation.here
    zones = _since(here) if here else {}
    if here is None or len(zones) < 2:  # noqa: PLR2004 - there is nothing to compare
        return Finding(name, Holds.UNKNOWN, "It is not known yet how requests fare in each zone.")
    told = ", ".join(f"{zone} {ratio:.2%}" for zone, ratio in sorted(_ratios(zones).items()))
    alone = sick_alone(here)
    numbers: dict[str, int | float | str] = {"zones": len(zones), **({"zone": alone} if alone else {})}
    sentence = f"Of their requests fail: {told}."
    return Finding(name, holds(truth=alone is not None), sentence, numbers)


def tasks_in_one_zone(situation: Situation) -> Finding:
    """Whether its tasks die, are sick or are missing in one zone alone."""
    name, view = "tasks_in_one_zone", situation.view
    ends = {
        event.task_arn: event.zone
        for event in (situation.events if situation.testified else ())
        if isinstance(event, TaskChanged)
        and event.placement == situation.placement
        and event.end in LOST
        and event.zone is not None
        and event.origin.at is not None
        and situation.at - event.origin.at <= RECENTLY
    }
    sick = {task.arn: task.zone for task in (view.tasks if view and view.tasks else ()) if task.sick}
    troubled = Counter((ends | sick).values())
    worst, count = troubled.most_common(1)[0] if troubled else ("", 0)
    by_tasks = worst if count >= max(TROUBLED_MIN, THERE_MIN * troubled.total()) else None
    by_hosts = _without_hosts(situation.here)
    zone = by_tasks or (by_hosts if not count else None)
    blind = view is None or view.tasks is None
    truth = True if zone else None if blind and not troubled else False
    told = ", ".join(f"{each} {number}" for each, number in sorted(troubled.items())) or "none"
    lacking = f" Healthy targets are missing in {by_hosts}." if by_hosts else ""
    return Finding(
        name,
        holds(truth=truth),
        f"Tasks that died or are sick, by zone: {told}.{lacking}",
        {"tasks": troubled.total()} | ({"zone": zone} if zone else {}),
    )


def neighbours_in_one_zone(situation: Situation) -> Finding:
    """Whether other services of the region fail in one and the same zone."""
    name = "neighbours_in_one_zone"
    told = {p: h for p, h in situation.neighbours.items() if len(_since(h)) >= 2}  # noqa: PLR2004 - as above
    if not told:
        return Finding(name, Holds.UNKNOWN, "It is not known how other services fare in each zone.")
    alone = Counter(zone for health in told.values() if (zone := sick_alone(health)) is not None)
    zone = alone.most_common(1)[0][0] if len(alone) == 1 else None
    return Finding(
        name,
        holds(truth=zone is not None),
        f"Of {len(told)} other services whose zones are known {alone.total()} fail in one zone alone: "
        f"{', '.join(sorted(alone)) or 'none'}.",
        {"services": alone.total(), "others": len(told)} | ({"zone": zone} if zone else {}),
    )


def sick_alone(health: Health) -> str | None:
    """Return the one zone in which a service fails, or None."""
    zones = _since(health)
    ratios = _ratios(zones)
    limit = float(health.availability.limit)
    sick = [z for z, ratio in ratios.items() if ratio >= limit and zones[z].failed >= SICK_BAD_MIN]
    worst = max(sick, key=lambda zone: ratios[zone], default=None)
    if worst is None or len(ratios) < 2:  # noqa: PLR2004 - as above
        return None
    others = max(ratio for zone, ratio in ratios.items() if zone != worst)
    return worst if others <= OTHERS_MAX * ratios[worst] else None


def _since(health: Health) -> Mapping[str, InZone]:
    """Return the zones that told of the present trouble, all of about the same time."""
    onset = health.onset
    if onset is None or not health.zones:
        return {}
    newest = max(zone.minute for zone in health.zones.values())
    return {
        name: zone
        for name, zone in health.zones.items()
        if zone.minute >= max(onset, newest - SAME_MINUTES) and zone.requests > 0
    }


def _ratios(zones: Mapping[str, InZone]) -> dict[str, float]:
    return {name: zone.failed / zone.requests for name, zone in zones.items()}


def _without_hosts(health: Health | None) -> str | None:
    """Return the one zone that has far fewer healthy targets than the others, or None."""
    hosts = {n: z.healthy for n, z in _since(health).items() if z.healthy is not None} if health else {}
    least = min(hosts, key=lambda zone: hosts[zone], default=None)
    others = [number for zone, number in hosts.items() if zone != least]
    if least is None or not others:
        return None
    return least if hosts[least] < HOSTS_MAX * sum(others) / len(others) else None


#: What is asked about zones.
QUESTIONS = (failing_in_one_zone, tasks_in_one_zone, neighbours_in_one_zone)
