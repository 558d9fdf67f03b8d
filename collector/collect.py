"""Carries a plan out: regions side by side, each failure its own, and every call counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from collector.bundle import Track
from collector.plan import Poll
from collector.price import grouped
from collector.source import Gap, GapReason, Readings
from collector.watermarks import windows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from collector.layout import Asked
    from collector.source import Batch, Source
    from collector.watermarks import Window


@dataclass(frozen=True, slots=True)
class Spent:
    """What reading cost: `metrics` if each statistic is billed, `metrics_grouped` if five count as one.

    A call that nobody answered counts as a call, and costs nothing.
    """

    calls: int = 0
    metrics: int = 0
    metrics_grouped: int = 0
    gaps: Mapping[GapReason, int] = field(default_factory=dict)

    def __add__(self, other: Spent) -> Spent:
        return Spent(
            self.calls + other.calls,
            self.metrics + other.metrics,
            self.metrics_grouped + other.metrics_grouped,
            Counter(self.gaps) + Counter(other.gaps),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Gathered:
    """The answers of one account and region, poll by poll, and what they cost."""

    account: str
    region: str
    answers: tuple[tuple[Poll, Readings], ...]
    spent: Mapping[Track, Spent]

    @property
    def metrics(self) -> int:
        """How many metrics were bought, each statistic billed."""
        return sum(cost.metrics for cost in self.spent.values())

    @property
    def answered(self) -> bool:
        """Whether anything that was asked got an answer."""
        return any(len(readings.gaps) < len(readings.batch.queries) for _, readings in self.answers)

    def windows(self) -> Iterator[tuple[Window, ...]]:
        """Yield the windows of each question, oldest first, so that how far was read moves across them."""
        questions: dict[int, tuple[Asked, list[Readings]]] = {}
        for poll, readings in self.answers:
            questions.setdefault(id(poll.asked), (poll.asked, []))[1].append(readings)
        answered = [windows(asked, readings) for asked, readings in questions.values()]
        return iter(sorted(answered, key=lambda windows: windows[0].start))


def gather(polls: Iterable[Poll], source: Source, workers: int) -> Iterator[Gathered]:
    """Ask every region, and yield each as soon as it has answered: a slow one keeps no other waiting.

    With one worker everything happens in the calling thread, in order.
    """
    ordered = sorted(
        polls, key=lambda poll: (poll.asked.track.account, poll.asked.track.region)
    )  # stable: newest stays first
    regions = [
        (account, region, tuple(group))
        for (account, region), group in groupby(
            ordered, key=lambda p: (p.asked.track.account, p.asked.track.region)
        )
    ]
    if workers == 1:
        yield from (_ask(*region, source) for region in regions)
        return
    with ThreadPoolExecutor(max_workers=workers, thread_name_prefix="collect") as pool:
        for future in as_completed([pool.submit(_ask, *region, source) for region in regions]):
            yield future.result()


def _ask(account: str, region: str, polls: Sequence[Poll], source: Source) -> Gathered:
    """Ask one region; once a call could not reach it at all, its other calls wait for the next round."""
    answers: list[tuple[Poll, Readings]] = []
    spent: dict[Track, Spent] = {}
    unreachable: Gap | None = None
    for poll in polls:
        if unreachable:
            answers.append((poll, unanswered(poll.batch, poll.start, poll.end, unreachable)))
            continue
        readings = source.metrics(poll.batch, poll.start, poll.end)
        answers.append((poll, readings))
        track = poll.asked.track
        spent[track] = spent.get(track, Spent()) + _cost(readings)
        unreachable = _unreachable(readings)
    return Gathered(account, region, tuple(answers), spent)


def unanswered(batch: Batch, start: int, end: int, gap: Gap) -> Readings:
    """Return readings that say of every series that it was not answered."""
    rows = len(batch.queries)
    return Readings(batch, start, np.full((rows, end - start), np.nan), dict.fromkeys(range(rows), gap))


def _cost(readings: Readings) -> Spent:
    queries, gaps = readings.batch.queries, Counter(gap.reason for gap in readings.gaps.values())
    if len(readings.gaps) == len(queries):
        return Spent(calls=1, gaps=gaps)
    return Spent(1, len(queries), grouped(queries), gaps)


def _unreachable(readings: Readings) -> Gap | None:
    """Return the gap of a call that reached nobody; None if anything was answered or refused."""
    if len(readings.gaps) < len(readings.batch.queries):
        return None
    first = next(iter(readings.gaps.values()))
    return first if first.reason is GapReason.UNREACHABLE else None
