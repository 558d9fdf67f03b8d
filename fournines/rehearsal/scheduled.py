"""The schedules of a simulated estate, as whoever watches it would write them down."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from collector.schedules import Schedule
from collector.timetable import Calendar, Every
from slo.cells import Placement

if TYPE_CHECKING:
    from simulator.scenario import EstateSpec, ScheduleSpec


def every_schedule(spec: EstateSpec) -> tuple[Schedule, ...]:
    """Return each schedule in every region of every account."""
    return tuple(
        Schedule(
            placement=Placement(account, region, spec.cluster, schedule.name),
            family=schedule.family,
            timetable=_timetable(schedule),
            lasts_max=max(timedelta(hours=1), 2 * schedule.lasts),
        )
        for account in spec.accounts
        for region in spec.regions
        for schedule in spec.schedules
    )


def _timetable(schedule: ScheduleSpec) -> Every | Calendar:
    if schedule.every is not None:
        return Every(schedule.every)
    hour, minute = map(int, (schedule.at or "").split(":"))
    return Calendar(f"FREQ=DAILY;BYHOUR={hour};BYMINUTE={minute}")
