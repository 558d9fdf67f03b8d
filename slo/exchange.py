"""Cells as CSV, in and out: `minute,account,region,cluster,service,indicator,good,bad,total,state`.

`minute` is the start of the minute in UTC, ISO 8601.  Counts are requests, or the checks of a probe; those of
latency are estimates and may have up to three decimals, since a cell keeps thousandths.  Counts are empty
where the minute is unknown, and empty or zero where it had no traffic or is excluded.

A file is read whole or not at all: one wrong line, and nothing is imported.  Its lines may be in any order.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from slo.cells import Block, Indicator, Placement, Sli, State, minute_of, moment_of
from slo.ledger import COUNT_MAX, KEPT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

COLUMNS = (
    "minute", "account", "region", "cluster", "service", "indicator", "good", "bad", "total", "state",
)  # fmt: skip

#: Rows that are read at a time; texts of a file repeat so often that each is parsed once.
ROWS_AT_ONCE = 20_000

#: Rows of a block: a day, so that a sparse year needs no rectangle of a year.
BLOCK_MINUTES = 1440

#: Spreadsheets cut leading zeroes and write 1.23E+11; that would be the same service in two accounts.
_ACCOUNT = re.compile(r"[0-9]{12}")

#: Counts are read in thousandths, as finely as any indicator keeps them.
_THOUSANDTHS = 1000
_EMPTY, _WRONG, _NO_ACCOUNT = -1, -2, -3


@dataclass(frozen=True, slots=True)
class Rejection:
    """A line that cannot be taken, why, and what stands there instead.  Lines count from 1, the header."""

    line: int
    reason: str
    found: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.reason}, {self.found}"


@dataclass(frozen=True, slots=True)
class Reading:
    """What a file came to: blocks, or every line that was rejected.  `rows` counts those below the header.

    `regions` counts the rows of each region that were taken.
    """

    blocks: tuple[Block, ...]
    rejections: tuple[Rejection, ...]
    rows: int
    regions: Mapping[str, int] = field(default_factory=dict)


def read(lines: Iterable[str], *, now: datetime) -> Reading:
    """Return the cells of a file; what has not ended by `now`, or is too old to be kept, is rejected."""
    return _Reader(now).reading(lines)


def write(blocks: Iterable[Block]) -> Iterator[str]:
    """Yield the lines of a file, header first, one cell after the other."""
    yield ",".join(COLUMNS) + "\n"
    for block in blocks:
        for row, minute in enumerate(block.minutes):
            when = f"{moment_of(minute):%Y-%m-%dT%H:%M:%SZ}"
            for column, sli in enumerate(block.slis):
                bad, total = int(block.bad[row, column]), int(block.total[row, column])
                yield _line(when, sli, bad, total, State(block.state[row, column]))


def _line(when: str, sli: Sli, bad: int, total: int, state: State) -> str:
    scale, where = sli.indicator.scale, sli.placement
    counts = [""] * 3
    if state in (State.OBSERVED, State.NO_TRAFFIC):
        counts = [_requests(count, scale) for count in (total - bad, bad, total)]
    return ",".join(
        (
            when, where.account, where.region, where.cluster, where.service, sli.indicator, *counts,
            state.name.lower(),
        )
    ) + "\n"  # fmt: skip


def _requests(count: int, scale: int) -> str:
    whole, part = divmod(count, scale)
    return f"{whole}.{part:03}".rstrip("0").rstrip(".") if part else str(whole)


def _unquoted(line: str) -> str:
    """Return a line as if nothing were quoted; a name with a comma then has too many columns."""
    if '"' not in line:
        return line
    try:
        return ",".join(next(csv.reader([line]), ()))
    except csv.Error:
        return line


def _parsed(known: dict[str, int], texts: list[str]) -> NDArray[np.int64]:
    return np.fromiter(map(known.__getitem__, texts), np.int64, len(texts))


class _Minutes(dict[str, int]):
    """Texts of minutes, each parsed once."""

    def __missing__(self, text: str) -> int:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            moment = None
        whole = moment is not None and moment.utcoffset() == timedelta(0)
        minute = _WRONG
        if moment is not None and whole and not (moment.second or moment.microsecond):
            minute = minute_of(moment)
        self[text] = minute
        return minute


class _Counts(dict[str, int]):
    """Texts of counts as thousandths, each parsed once."""

    def __missing__(self, text: str) -> int:
        count = _EMPTY if not text else _WRONG
        try:
            value = Decimal(text) * _THOUSANDTHS
            if value.is_finite() and value >= 0 and value % 1 == 0 and value <= COUNT_MAX * _THOUSANDTHS:
                count = int(value)
        except InvalidOperation:
            pass
        self[text] = count
        return count


class _Slis(dict[tuple[str, ...], int]):
    """Names of SLIs by position in `known`, each parsed once."""

    def __init__(self) -> None:
        super().__init__()
        self.known: list[Sli] = []

    def __missing__(self, names: tuple[str, ...]) -> int:
        if not _ACCOUNT.fullmatch(names[0]):
            self[names] = _NO_ACCOUNT
            return _NO_ACCOUNT
        try:
            sli = Sli(Placement(*names[:4]), Indicator(names[4]))
        except ValueError:
            self[names] = _WRONG
            return _WRONG
        self[names] = len(self.known)
        self.known.append(sli)
        return self[names]


class _States(dict[str, int]):
    """Texts of states."""

    def __missing__(self, text: str) -> int:
        return _WRONG


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """Rows as columns; counts in thousandths."""

    line: NDArray[np.int64]
    minute: NDArray[np.int64]
    sli: NDArray[np.int64]
    good: NDArray[np.int64]
    bad: NDArray[np.int64]
    total: NDArray[np.int64]
    state: NDArray[np.int64]

    def select(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> _Rows:
        return _Rows(*(getattr(self, name)[rows] for name in _FIELDS))

    @classmethod
    def joined(cls, parts: list[_Rows]) -> _Rows:
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in _FIELDS))


_FIELDS = ("line", "minute", "sli", "good", "bad", "total", "state")


class _Reader:
    """One pass over the lines, a chunk at a time."""

    def __init__(self, now: datetime) -> None:
        self.until, self.since = minute_of(now), minute_of(now - KEPT)
        self.minutes, self.slis, self.counts = _Minutes(), _Slis(), _Counts()
        self.states = _States({state.name.lower(): int(state) for state in State})
        self.rejections: list[Rejection] = []

    def reading(self, lines: Iterable[str]) -> Reading:
        lines = iter(lines)
        header = next(lines, "").removeprefix("\ufeff").strip()
        if _unquoted(header) != ",".join(COLUMNS):
            reason = f"expected the header {','.join(COLUMNS)}"
            if header.count(",") < header.count(";"):
                reason += ", parted by commas as all rows"
            return Reading((), (Rejection(1, reason, f"got {header!r}"),), 0)
        parts: list[_Rows] = []
        rows = 0
        while chunk := list(islice(lines, ROWS_AT_ONCE)):
            parts.append(self._columns(chunk, rows + 2))
            rows += len(chunk)
        cells = _Rows.joined(parts) if parts else None
        if cells is not None:
            self._reject_repeated(cells)
        if self.rejections or cells is None:
            return Reading((), tuple(sorted(self.rejections, key=lambda one: one.line)), rows)
        return Reading(tuple(self._blocks(cells)), (), rows, self._regions(cells))

    def _regions(self, cells: _Rows) -> Mapping[str, int]:
        counts = Counter[str]()
        for sli, rows in zip(self.slis.known, np.bincount(cells.sli).tolist(), strict=False):
            counts[sli.placement.region] += rows
        return counts

    def _columns(self, chunk: list[str], first: int) -> _Rows:
        """Return the rows of a chunk that can be taken, as columns; the others are rejected.

        All texts are split at once: a list per row would cost more than all the rest.
        """
        chunk = [_unquoted(line.rstrip("\r\n")) for line in chunk]
        commas = len(COLUMNS) - 1
        numbers = np.arange(first, first + len(chunk))
        fits = np.fromiter((line.count(",") == commas for line in chunk), np.bool_, len(chunk))
        for position in np.flatnonzero(~fits).tolist():
            self.rejections.append(
                Rejection(first + position, f"expected {len(COLUMNS)} columns", f"got {chunk[position]!r}")
            )
        chunk = [line for line, fit in zip(chunk, fits.tolist(), strict=True) if fit]
        texts = ",".join(chunk).split(",") if chunk else []
        columns = [texts[at :: len(COLUMNS)] for at in range(len(COLUMNS))]
        rows = _Rows(
            line=numbers[fits],
            minute=_parsed(self.minutes, columns[0]),
            sli=np.fromiter(
                map(self.slis.__getitem__, zip(*columns[1:6], strict=True)), np.int64, len(chunk)
            ),
            good=_parsed(self.counts, columns[6]),
            bad=_parsed(self.counts, columns[7]),
            total=_parsed(self.counts, columns[8]),
            state=_parsed(self.states, columns[9]),
        )
        return self._sound(rows, chunk)

    def _sound(self, rows: _Rows, chunk: list[str]) -> _Rows:
        """Reject each row for the first reason that holds; return the rest."""
        sound = np.ones(len(rows.line), np.bool_)
        for wrong, reason in self._reasons(rows):
            for position in np.flatnonzero(wrong & sound).tolist():
                self.rejections.append(
                    Rejection(int(rows.line[position]), reason, f"got {chunk[position]!r}")
                )
            sound &= ~wrong
        return rows if sound.all() else rows.select(sound)

    def _reasons(self, rows: _Rows) -> Iterator[tuple[NDArray[np.bool_], str]]:
        yield rows.minute == _WRONG, "expected a whole minute in UTC such as 2026-10-01T00:00:00Z"
        yield rows.minute >= self.until, "expected a minute that has ended"
        yield (
            rows.minute < self.since,
            f"expected one of the last {KEPT.days} days: older ones are not kept",
        )
        yield rows.sli == _NO_ACCOUNT, "expected an account of 12 digits; spreadsheets cut its leading zeroes"
        indicators = " or ".join(Indicator)
        yield rows.sli == _WRONG, f"expected region, cluster and service, and as indicator {indicators}"
        yield rows.state == _WRONG, f"expected a state: {', '.join(state.name.lower() for state in State)}"
        counts = np.stack([rows.good, rows.bad, rows.total])
        wrong = (counts == _WRONG).any(axis=0)
        yield wrong, "expected counts of requests, 0 or more, with at most three decimals"
        parts = ((counts > 0) & (counts % _THOUSANDTHS > 0)).any(axis=0)
        yield (
            parts & (self._scale(rows) == 1),
            "expected whole requests",
        )
        observed = rows.state == State.OBSERVED
        yield observed & (counts == _EMPTY).any(axis=0), "expected good, bad and total of an observed minute"
        yield observed & (rows.good + rows.bad != rows.total), "expected good and bad to add up to total"
        yield ~observed & (counts > 0).any(axis=0), "expected no counts where the state is not observed"
        unknown = (rows.state == State.UNKNOWN) & (counts != _EMPTY).any(axis=0)
        yield unknown, "expected empty counts where the state is unknown: nothing is not zero"

    def _scale(self, rows: _Rows) -> NDArray[np.int64]:
        scales = np.array([sli.indicator.scale for sli in self.slis.known] or [1], np.int64)
        return scales[np.maximum(rows.sli, 0)]

    def _reject_repeated(self, rows: _Rows) -> None:
        """Reject a cell that stands in the file twice, at its later line."""
        order = np.lexsort((rows.line, rows.minute, rows.sli))
        minute, sli, line = rows.minute[order], rows.sli[order], rows.line[order]
        again = np.flatnonzero((minute[1:] == minute[:-1]) & (sli[1:] == sli[:-1]))
        for position in again.tolist():
            found = f"it stands in line {line[position]} too"
            self.rejections.append(
                Rejection(int(line[position + 1]), "expected each minute of an indicator once", found)
            )

    def _blocks(self, rows: _Rows) -> Iterator[Block]:
        """Yield a rectangle for each day; what no line told is unknown there."""
        rows = rows.select(np.argsort(rows.minute, kind="stable"))
        shrink = _THOUSANDTHS // self._scale(rows)
        days = rows.minute // BLOCK_MINUTES
        starts = np.flatnonzero(np.diff(days, prepend=-1))
        for begin, end in zip(starts, [*starts[1:], len(days)], strict=True):
            cells = slice(begin, end)
            minute, (columns, column) = rows.minute[cells], np.unique(rows.sli[cells], return_inverse=True)
            first = int(minute[0])
            shape = (int(minute[-1]) - first + 1, len(columns))
            bad, total = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
            state = np.full(shape, State.UNKNOWN, np.uint8)
            where = (minute - first, column)
            bad[where] = np.maximum(0, rows.bad[cells]) // shrink[cells]
            total[where] = np.maximum(0, rows.total[cells]) // shrink[cells]
            state[where] = rows.state[cells]
            yield Block(tuple(self.slis.known[known] for known in columns), first, bad, total, state)
