"""Recorded traffic: read for a scenario, checked against it, and told in words."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from pydantic import ValidationError

from fournines.trouble import Trouble
from simulator.demand import recorded_start
from simulator.moment import MINUTE_S, moment
from simulator.recording import Recording, RecordingError, parse
from simulator.scenario import Scenario, Traffic

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: More requests a minute are no estate of this size, and at last would not fit the ledger's counts.
BUSIEST_MAX = 10_000_000
_MINUTE = timedelta(minutes=1)


def shaped(
    scenario: Scenario, csv: Path | None, scale: float | None = None, start: datetime | None = None
) -> Scenario:
    """Return the scenario with its traffic shaped by a recording.  Raises Trouble on a scale of 0 or less."""
    if csv is None:
        if scale is not None or start is not None:
            raise Trouble("--scale and --from say how --traffic is replayed: name a recording with --traffic")
        return scenario
    try:
        traffic = Traffic.model_validate(
            {"csv": csv.absolute(), "scale": 1 if scale is None else scale, "from": start}
        )
    except ValidationError:
        raise Trouble(
            f"--scale is what the recorded counts are multiplied by, above 0, got {scale:g}"
        ) from None
    estate = scenario.estate.model_copy(update={"traffic": traffic})
    return scenario.model_copy(update={"estate": estate})


def read(scenario: Scenario) -> Recording | None:
    """Return the recording that a scenario names, if any.  Raises Trouble if it cannot be replayed."""
    path = scenario.estate.traffic.csv
    if path is None:
        return None
    recording = _parsed(path)
    most = BUSIEST_MAX / max(recording.busiest, 1e-9)
    if scenario.estate.traffic.scale > most:
        raise Trouble(
            f"--scale {scenario.estate.traffic.scale:g} makes more than {BUSIEST_MAX:,} requests a minute "
            f"of the busiest row of {path}: choose {most:,.0f} at most"
        )
    first, after = int(recording.starts[0]), int(recording.starts[-1]) + recording.step
    if not first <= recorded_start(scenario, recording) < after:
        raise Trouble(
            f"--from {_written(recorded_start(scenario, recording))} lies outside of {path}: "
            f"it was recorded from {_written(first)} until {_written(after)}"
        )
    return recording


def _parsed(path: Path) -> Recording:
    try:
        return parse(path.read_text(encoding="utf-8"), str(path))
    except OSError as problem:
        raise Trouble(f"the recorded traffic {path} cannot be read: {problem.strerror}") from None
    except UnicodeDecodeError:
        raise Trouble(f"the recorded traffic {path} is not text: expected CSV of timestamp,value") from None
    except RecordingError as problem:
        raise Trouble(str(problem)) from None


def sentences(scenario: Scenario, recording: Recording) -> Iterator[str]:
    """Say what of the recording is replayed, times what, and which minutes it lacks."""
    traffic, begin = scenario.estate.traffic, recorded_start(scenario, recording)
    lasts = scenario.duration // _MINUTE
    told = recording.report(begin, begin + lasts, traffic.scale)
    yield (
        f"Traffic as recorded from {_written(begin)} in {traffic.csv}: {told['rows_used']} counts of "
        f"{told['minutes_per_row']} min, {told['requests_recorded']:,.0f} requests, times {traffic.scale:g}."
    )
    gaps = recording.gaps(begin, begin + lasts)
    if not gaps:
        yield f"Of its {lasts} min none are missing."
        return
    shift = int(scenario.start.timestamp()) // MINUTE_S - begin
    stretches = ", ".join(
        f"{moment((first + shift) * MINUTE_S):%H:%M} to {moment((after + shift) * MINUTE_S):%H:%M} "
        f"(recorded {_written(first)})"
        for first, after in gaps
    )
    yield (
        f"{told['minutes_missing']} of its {lasts} min are missing and stay so, unknown to everybody: "
        f"{stretches}."
    )


def _written(minute: int) -> str:
    return f"{moment(minute * MINUTE_S):%Y-%m-%dT%H:%MZ}"
