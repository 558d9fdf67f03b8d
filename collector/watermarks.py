"""How far each bundle has been read: until when it was asked, and until when its minutes have arrived.

CloudWatch answers at once and tells late: an answer without points is no proof that there are none.  So a
minute has arrived when every series was answered and one that speaks every minute has spoken; until then it
is asked for again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from collector.bundle import Front, Key
from collector.catalog import HEALTHY_HOSTS, MESH_ALIVE, MESH_REQUESTS, OLDEST_MESSAGE, REQUESTS
from collector.layout import Asked
from collector.source import RETENTION_MINUTES
from slo.cells import MINUTE_S

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from collector.metric import Metric
    from collector.source import Readings

#: Of these one speaks in every minute in which the service stands there: the first where there are requests,
#: the second, which is bought only then, where there are none.
STEADY: Mapping[Front, tuple[Metric, ...]] = {
    Front.LOAD_BALANCER: (REQUESTS, HEALTHY_HOSTS),
    Front.SERVICE_CONNECT: (MESH_REQUESTS, MESH_ALIVE),
    Front.QUEUE: (OLDEST_MESSAGE,),
}


#: A minute so young may be on its way, unless so many others of the same region have told of it.
YOUNG_MINUTES, OTHERS_SHARE = 5, 0.5


@dataclass(frozen=True, slots=True)
class Mark:
    """Minutes below `asked` were answered, whatever the answer; those below `arrived` need no second look.

    `silent` is the newest minute in which no request was told of, so that another series had to speak.
    """

    asked: int
    arrived: int
    silent: int = 0

    def __post_init__(self) -> None:
        if self.arrived > self.asked:
            raise ValueError(f"nothing arrives before it is asked for: {self.arrived} > {self.asked}")


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """The answers to all batches of what was asked over the same minutes, stacked.

    `values` is float64 [rows, minutes] from minute `start`, NaN where CloudWatch told no point; `gap` marks
    the rows that were not answered.
    """

    asked: Asked
    start: int
    values: NDArray[np.float64]
    gap: NDArray[np.bool_]

    @property
    def end(self) -> int:
        """The first minute after the window."""
        return self.start + self.width

    @property
    def width(self) -> int:
        """How many minutes it has."""
        return int(self.values.shape[1])

    def settled(self, now: datetime, settle_s: int) -> NDArray[np.bool_]:
        """Return which minutes ended at least `settle_s` ago."""
        ends = (np.arange(self.start, self.end) + 1) * MINUTE_S
        return np.asarray(ends + settle_s <= now.timestamp())


def windows(asked: Asked, readings: Iterable[Readings]) -> tuple[Window, ...]:
    """Stack readings by window, oldest first; a batch without reading is a gap."""
    by_window: dict[tuple[int, int], dict[int, Readings]] = {}
    for reading in readings:
        window = (reading.start, reading.values.shape[1])
        by_window.setdefault(window, {})[id(reading.batch)] = reading
    return tuple(_stack(asked, start, width, by_window[start, width]) for start, width in sorted(by_window))


def unanswered(answers: Sequence[Window]) -> set[Key]:
    """Return whose bundles were not answered whole in some window of a question."""
    asked = answers[0].asked
    gap = np.logical_or.reduce([window.gap for window in answers])
    places = np.unique(asked.bundle_of[gap]).tolist()
    return {key for place in places for key in asked.bundles[place].keys}


def _stack(asked: Asked, start: int, width: int, answers: Mapping[int, Readings]) -> Window:
    values = np.full((asked.height, width), np.nan)
    gap = np.ones(asked.height, dtype=bool)
    top = 0
    for batch in asked.batches:
        rows = slice(top, top + len(batch.queries))
        if answer := answers.get(id(batch)):
            values[rows] = answer.values
            gap[rows] = False
            gap[[top + row for row in answer.gaps]] = True
        top = rows.stop
    return Window(asked, start, values, gap)


def moved(marks: Mapping[Key, Mark], answers: Sequence[Window], late_max: int) -> dict[Key, Mark]:
    """Return where the bundles of one question stand after its windows (oldest first) were answered.

    What has not arrived is waited for, but no longer than `late_max` minutes once CloudWatch answers; a
    bundle that was not answered at all stays where it is.
    """
    if not answers:
        return {}
    asked = answers[0].asked
    spoken = [_spoken(window) for window in answers]
    found: dict[Key, Mark] = {}
    for place, bundle in enumerate(asked.bundles):
        looks = [
            _Look(window.start, told.whole[place], told.arrived[place], told.silent[place])
            for window, told in zip(answers, spoken, strict=True)
        ]
        for key in bundle.keys:
            mark = _moved(marks.get(key), looks, late_max)
            if mark is not None:
                found[key] = mark
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Spoken:
    """By bundle: whether every series was answered, and by minute whether it arrived and lacked requests.

    Of owners that share a load balancer one that speaks is enough, and one that is silent.
    """

    whole: NDArray[np.bool_]
    arrived: NDArray[np.bool_]
    silent: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class _Look:
    """One bundle's part of a window."""

    start: int
    whole: bool
    arrived: NDArray[np.bool_]
    silent: NDArray[np.bool_]

    @property
    def end(self) -> int:
        return self.start + len(self.arrived)


def _spoken(window: Window) -> _Spoken:
    asked, count = window.asked, len(window.asked.bundles)
    whole = np.ones(count, dtype=bool)
    np.logical_and.at(whole, asked.bundle_of, ~window.gap)
    width = window.values.shape[1]
    steady = STEADY.get(asked.front)
    if steady is None:  # what only explains is never waited for
        told = np.ones((count, width), dtype=bool)
        return _Spoken(whole, told, ~told)
    requests = _told(window, steady[0])
    anything = np.logical_or.reduce([requests, *(_told(window, metric) for metric in steady[1:])])
    arrived, talkative = np.zeros((count, width), dtype=bool), np.ones((count, width), dtype=bool)
    owned_by = np.repeat(np.arange(count), [len(bundle.lines) for bundle in asked.bundles])
    np.logical_or.at(arrived, owned_by, anything)
    np.logical_and.at(talkative, owned_by, requests)
    on_its_way = np.arange(width) >= width - YOUNG_MINUTES
    others_spoke = talkative.mean(axis=0) >= OTHERS_SHARE if count > 1 else np.zeros(width, dtype=bool)
    silent = ~talkative & (others_spoke | ~on_its_way)
    return _Spoken(whole, arrived & whole[:, np.newaxis], silent)


def _told(window: Window, metric: Metric) -> NDArray[np.bool_]:
    """Return, by owner and minute, whether any series of a metric told a point."""
    told = np.zeros((len(window.asked.owners), window.values.shape[1]), dtype=bool)
    if (where := window.asked.rows.get(metric)) is not None:
        np.logical_or.at(told, where.owners, ~np.isnan(window.values[where.rows]))
    return told


def _moved(previous: Mark | None, looks: Sequence[_Look], late_max: int) -> Mark | None:
    ends = [look.end for look in looks if look.whole]
    if not ends:
        return previous
    asked = max([*ends, previous.asked if previous else 0])
    position = _begins(looks[0]) if previous is None else max(previous.arrived, asked - RETENTION_MINUTES)
    for look in looks:
        if not look.whole:
            break
        if look.start <= position < look.end:
            arrived = look.arrived[position - look.start :]
            complete = len(arrived) if arrived.all() else int(arrived.argmin())
            position = max(position + complete, min(look.end, asked - late_max))
    silent = max((_newest(look) for look in looks if look.whole and look.silent.any()), default=0)
    return Mark(asked, min(position, asked), max(silent, previous.silent if previous else 0))


def _newest(look: _Look) -> int:
    """Return the newest minute that lacked requests."""
    return look.start + int(np.flatnonzero(look.silent)[-1])


def _begins(first: _Look) -> int:
    """Return where a bundle's history begins; what it was silent about before is not waited for."""
    return first.start + int(first.arrived.argmax())
