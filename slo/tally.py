"""A period counted: the cells of many placements, page by page, into what a statement needs of them.

Every number is there twice: raw, as it was, and adjusted, without the minutes that an exclusion covers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from slo.budget import bad_minutes
from slo.cells import Sli, State, minute_of
from slo.ledger import COUNT_MAX

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from slo.contracts import Contract
    from slo.months import Stretch

#: What is counted of a cell, in the order of the rows of sums.
_KINDS = 6
_BAD, _TOTAL, _UNKNOWN, _NO_TRAFFIC, _EXCLUDED, _LATE = range(_KINDS)
#: What an unknown cell is called that may still become known.
_MAY_ARRIVE = 4
_STATES = (
    (_UNKNOWN, State.UNKNOWN),
    (_NO_TRAFFIC, State.NO_TRAFFIC),
    (_EXCLUDED, State.EXCLUDED),
    (_LATE, _MAY_ARRIVE),
)

#: For three hours every look asks for a minute that did not arrive; the next look, and what it needs to be
#: counted, come on top.  Until then a minute of a running month is not settled.
SETTLES_IN = timedelta(hours=3, minutes=10)


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """Consecutive minutes (columns) of several SLIs (rows): an hour, or the part of one in the period.

    `bad` and `total` are uint32 in the indicator's scale, `state` uint8.  `imported` and `coarse` say of how
    many minutes of each row somebody else told, and how many are shares of coarser sums.
    """

    start: int
    bad: NDArray[np.uint32]
    total: NDArray[np.uint32]
    state: NDArray[np.uint8]
    imported: NDArray[np.int64]
    coarse: NDArray[np.int64]


class Pages(Protocol):
    """Somewhere minutes are kept for long: the store."""

    def pages(self, slis: Sequence[Sli], stretch: Stretch) -> Iterator[Page]:
        """Yield each hour of the stretch in order, a row for each SLI; unknown where nothing is kept."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What a period came to, for one placement or a pool.

    `bad` and `total` are requests; the rest are minutes.  The `elapsed` ones are up, down, unknown or
    excluded; of those up, `no_traffic` had no request, and of those unknown, `late` may still become known.
    Of a pool, a minute is down where any placement was.
    """

    bad: Fraction
    total: Fraction
    elapsed: int
    down: int
    unknown: int
    excluded: int
    no_traffic: int
    late: int

    @property
    def attained(self) -> Fraction | None:
        """Good requests of all; None without any."""
        return 1 - self.bad / self.total if self.total else None

    @property
    def coverage(self) -> Fraction | None:
        """Known minutes of those that should be known."""
        due = self.elapsed - self.excluded
        return 1 - Fraction(self.unknown, due) if due else None

    def uptime_if_unknown(self, *, down: bool) -> Fraction | None:
        """Return the uptime were every unknown minute down, or none of them."""
        due = self.elapsed - self.excluded
        return 1 - Fraction(self.down + (self.unknown if down else 0), due) if due else None


@dataclass(frozen=True, slots=True, eq=False)
class Minutes:
    """What each minute of a pool was: int64 counts in the indicator's scale, and what to call it, as bool."""

    bad: NDArray[np.int64]
    total: NDArray[np.int64]
    down: NDArray[np.bool_]
    unknown: NDArray[np.bool_]
    excluded: NDArray[np.bool_]
    no_traffic: NDArray[np.bool_]
    late: NDArray[np.bool_]

    @property
    def unseen(self) -> NDArray[np.bool_]:
        """Which minutes stay unknown."""
        return self.unknown & ~self.late

    def tally(self, scale: int, rows: slice = slice(None)) -> Tally:
        """Count some of the minutes, or all."""
        return Tally(
            bad=Fraction(int(self.bad[rows].sum()), scale),
            total=Fraction(int(self.total[rows].sum()), scale),
            elapsed=len(self.bad[rows]),
            down=int(self.down[rows].sum()),
            unknown=int(self.unknown[rows].sum()),
            excluded=int(self.excluded[rows].sum()),
            no_traffic=int(self.no_traffic[rows].sum()),
            late=int(self.late[rows].sum()),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """A period with exclusions, or without: a tally per column, and each pool minute by minute.

    `unknown_cells` and `due_cells` count columns by minute.
    """

    parts: tuple[Tally, ...]
    regions: Mapping[str, Minutes]
    pool: Minutes
    unknown_cells: NDArray[np.int64]
    due_cells: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Tallied:
    """A period of a contract, raw and adjusted.  `digest` is SHA-256 over every cell.

    `imported` and `coarse` are minutes by column.
    """

    raw: Side
    adjusted: Side
    imported: tuple[int, ...]
    coarse: int
    digest: str


@dataclass(frozen=True, slots=True)
class Column:
    """What one column counts; without an SLI it was promised and is not there, so that all is unknown."""

    region: str
    sli: Sli | None


def tally(  # noqa: PLR0913, PLR0917 - what is promised, where and when, and what of it is left out
    contract: Contract,
    columns: Sequence[Column],
    kept: Pages,
    period: Stretch,
    masks: Mapping[Sli, NDArray[np.bool_]],
    now: datetime,
) -> Tallied:
    """Count the cells of each column so far; `masks` are the minutes that exclusions cover, if there are any.

    A period that is over is settled as a whole.
    """
    rows, stretch = _Rows.of(columns), period.until(minute_of(now))
    settled = period.end if now >= period.ends_at else minute_of(now - SETTLES_IN)
    count = _Count(contract, rows, stretch, masks, settled)
    for page in kept.pages(rows.slis, stretch) if rows.slis else ():
        count.add(page)
    return count.tallied()


@dataclass(frozen=True, slots=True)
class _Rows:
    """The columns that are there, those of a region beside each other."""

    columns: tuple[Column, ...]
    slis: tuple[Sli, ...]
    regions: tuple[str, ...]
    starts: NDArray[np.intp]
    absent: tuple[int, ...]

    @classmethod
    def of(cls, columns: Sequence[Column]) -> _Rows:
        """Sort the columns by region, and count in each those that are not there."""
        regions = tuple(sorted({column.region for column in columns}))
        found = [
            [column.sli for column in columns if column.region == region and column.sli is not None]
            for region in regions
        ]
        many = [sum(column.region == region for column in columns) for region in regions]
        return cls(
            tuple(columns),
            tuple(sli for part in found for sli in part),
            regions,
            np.cumsum([0, *map(len, found)]),
            tuple(all_ - len(part) for all_, part in zip(many, found, strict=True)),
        )

    def spans(self, rows: NDArray[np.intp]) -> Iterator[tuple[int, slice]]:
        """Yield each region with those of the given rows, which ascend, that lie in it."""
        cuts = np.searchsorted(rows, self.starts)
        for region, (start, end) in enumerate(pairwise(cuts.tolist())):
            if start < end:
                yield region, slice(start, end)


@dataclass(frozen=True, slots=True, eq=False)
class _Sums:
    """What is counted, by row over all minutes, and by region minute by minute."""

    rows: _Rows
    by_row: NDArray[np.int64]
    by_minute: NDArray[np.int64]

    @classmethod
    def zero(cls, rows: _Rows, minutes: int) -> _Sums:
        """Return sums of nothing."""
        by_minute = np.zeros((_KINDS, len(rows.regions), minutes), np.int64)
        return cls(rows, np.zeros((_KINDS, len(rows.slis)), np.int64), by_minute)

    def __add__(self, other: _Sums) -> _Sums:
        return _Sums(self.rows, self.by_row + other.by_row, self.by_minute + other.by_minute)

    def __sub__(self, other: _Sums) -> _Sums:
        return _Sums(self.rows, self.by_row - other.by_row, self.by_minute - other.by_minute)

    def add(self, kind: int, cells: NDArray[np.generic], rows: NDArray[np.intp], at: slice) -> None:
        """Add one kind of count of some rows, which ascend, at some minutes."""
        if not cells.any():
            return
        wide = np.uint32 if _sums_fit(cells) else np.int64
        self.by_row[kind, rows] += cells.sum(axis=1, dtype=wide)
        for region, part in self.rows.spans(rows):
            self.by_minute[kind, region, at] += cells[part].sum(axis=0, dtype=wide)

    def page(self, page: Page, hit: NDArray[np.intp], at: slice) -> None:
        """Add every cell of a page, of which so many rows hold anything bad."""
        rows = np.arange(len(page.bad))
        self.add(_BAD, page.bad[hit], hit, at)
        self.add(_TOTAL, page.total, rows, at)
        for kind, meant in () if (page.state == State.OBSERVED).all() else _STATES:
            self.add(kind, page.state == meant, rows, at)

    def masked(self, page: Page, rows: NDArray[np.intp], at: slice, where: NDArray[np.bool_]) -> None:
        """Add those cells of some rows that a mask of the same shape holds."""
        self.add(_BAD, page.bad[rows] * where, rows, at)
        self.add(_TOTAL, page.total[rows] * where, rows, at)
        for kind, meant in _STATES:
            self.add(kind, (page.state[rows] == meant) & where, rows, at)


class _Count:
    """A tally under construction: raw sums, those of what is excluded, and which minutes may be down."""

    def __init__(
        self,
        contract: Contract,
        rows: _Rows,
        stretch: Stretch,
        masks: Mapping[Sli, NDArray[np.bool_]],
        settled: int,
    ) -> None:
        self._contract, self._rows, self._stretch = contract, rows, stretch
        self._settled = min(max(0, settled - stretch.start), len(stretch))
        self._raw, self._left_out, self._covered = (_Sums.zero(rows, len(stretch)) for _ in range(3))
        self._masked = np.array([n for n, sli in enumerate(rows.slis) if sli in masks], np.intp)
        self._masks = [masks[rows.slis[n]] for n in self._masked]
        self._failed = np.zeros((len(rows.slis), len(stretch)), np.bool_)
        self._imported = np.zeros(len(rows.slis), np.int64)
        self._coarse = 0
        self._digest = hashlib.sha256("\n".join(map(str, rows.slis)).encode())

    def add(self, page: Page) -> None:
        """Count an hour."""
        first = page.start - self._stretch.start
        at = slice(first, first + page.bad.shape[1])
        hit = np.flatnonzero(
            np.bitwise_or.reduce(page.bad, axis=1)
        )  # at four nines few rows hold anything bad
        called = self._called(page, at)
        self._raw.page(called, hit, at)
        self._leave_out(called, at)
        self._fail(page, hit, first)
        self._imported += page.imported
        self._coarse += int(page.coarse.sum())
        for part in _canonical(page, hit):
            self._digest.update(part)

    def _called(self, page: Page, at: slice) -> Page:
        """Return the page with what is unknown and not settled called so."""
        if at.stop <= self._settled:
            return page
        late = (page.state == State.UNKNOWN) & (np.arange(at.start, at.stop) >= self._settled)
        return replace(page, state=np.where(late, np.uint8(_MAY_ARRIVE), page.state))

    def _leave_out(self, page: Page, at: slice) -> None:
        """Count again what exclusions cover of the page."""
        touched = np.array([mask[at].any() for mask in self._masks], np.bool_)
        if touched.any():
            where = np.array([mask[at] for mask, hit in zip(self._masks, touched, strict=True) if hit])
            rows = self._masked[touched]
            self._left_out.masked(page, rows, at, where)
            self._covered.add(_EXCLUDED, where, rows, at)

    def _fail(self, page: Page, hit: NDArray[np.intp], first: int) -> None:
        """Note which minutes had too many bad requests of enough."""
        bad, total = page.bad[hit].astype(np.int64), page.total[hit].astype(np.int64)
        rows, minutes = np.nonzero(failed(self._contract, bad, total))
        self._failed[hit[rows], minutes + first] = True

    def tallied(self) -> Tallied:
        """Return what was counted."""
        absent = np.array(self._rows.absent, np.int64)[:, None]
        self._raw.by_minute[_UNKNOWN, :, : self._settled] += absent
        self._raw.by_minute[_LATE, :, self._settled :] += absent
        raw = self._side(self._raw, {})
        masks = dict(zip(self._masked.tolist(), self._masks, strict=True))
        imported = dict(zip(self._rows.slis, self._imported.tolist(), strict=True))
        return Tallied(
            raw=raw,
            adjusted=self._side(self._raw - self._left_out + self._covered, masks) if masks else raw,
            imported=tuple(imported.get(column.sli, 0) if column.sli else 0 for column in self._rows.columns),
            coarse=self._coarse,
            digest=self._digest.hexdigest(),
        )

    def _side(self, sums: _Sums, masks: Mapping[int, NDArray[np.bool_]]) -> Side:
        """Return one side, for which failed minutes under a mask do not count."""
        by_row, down = self._down(sums, masks)
        widths = np.diff(self._rows.starts) + np.array(self._rows.absent, np.int64)
        pools = {
            name: _pool(sums.by_minute[:, region], down[region], int(widths[region]))
            for region, name in enumerate(self._rows.regions)
        }
        whole = sums.by_minute.sum(axis=1)
        return Side(
            parts=tuple(self._parts(sums, by_row)),
            regions=pools,
            pool=_pool(whole, np.asarray(down.any(axis=0)), int(widths.sum())),
            unknown_cells=whole[_UNKNOWN] + whole[_LATE],
            due_cells=int(widths.sum()) - whole[_EXCLUDED],
        )

    def _down(
        self, sums: _Sums, masks: Mapping[int, NDArray[np.bool_]]
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return how many minutes each row was down, and when any row of a region was."""
        by_row = np.zeros(len(self._rows.slis), np.int64)
        down = np.zeros((len(self._rows.regions), len(self._stretch)), np.bool_)
        for region, part in self._rows.spans(np.arange(len(self._rows.slis))):
            for row in np.flatnonzero(sums.by_row[_BAD, part]) + part.start:
                failed = self._failed[row] & ~masks[row] if row in masks else self._failed[row]
                failed = in_a_row(failed, self._contract.bad_minutes_in_a_row)
                by_row[row] = failed.sum()
                down[region] |= failed
        return by_row, down

    def _parts(self, sums: _Sums, down: NDArray[np.int64]) -> Iterator[Tally]:
        """Yield the tally of each column, in their own order."""
        rows = {sli: row for row, sli in enumerate(self._rows.slis)}
        scale, elapsed = self._contract.indicator.scale, len(self._stretch)
        unseen = (0, 0, self._settled, 0, 0, elapsed - self._settled)
        for column in self._rows.columns:
            row = None if column.sli is None else rows[column.sli]
            counts = unseen if row is None else sums.by_row[:, row].tolist()
            bad, total, unknown, no_traffic, excluded, late = counts
            yield Tally(
                bad=Fraction(bad, scale),
                total=Fraction(total, scale),
                elapsed=elapsed,
                down=0 if row is None else int(down[row]),
                unknown=unknown + late,
                excluded=excluded,
                no_traffic=no_traffic,
                late=late,
            )


def failed(contract: Contract, bad: NDArray[np.int64], total: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which minutes had too many bad requests of enough, whether alone or in a row."""
    enough = total >= contract.bad_minute_events * contract.indicator.scale
    return bad_minutes(bad, total, 1 - Fraction(contract.bad_minute_ratio)) & enough


def in_a_row(failed: NDArray[np.bool_], least: int) -> NDArray[np.bool_]:
    """Return which of the minutes failed together with at least so many beside each other."""
    if least == 1:
        return failed
    edges = np.flatnonzero(np.diff(failed, prepend=False, append=False)).reshape(-1, 2)
    kept = np.zeros(len(failed) + 1, np.int8)
    long = edges[edges[:, 1] - edges[:, 0] >= least]
    kept[long[:, 0]], kept[long[:, 1]] = 1, -1
    return np.asarray(kept[:-1].cumsum(), np.bool_)


def _pool(sums: NDArray[np.int64], down: NDArray[np.bool_], width: int) -> Minutes:
    """Return the minutes of a pool of so many columns: down where any was, else unknown where any was."""
    return Minutes(
        bad=sums[_BAD],
        total=sums[_TOTAL],
        down=down,
        unknown=(sums[_UNKNOWN] + sums[_LATE] > 0) & ~down,
        excluded=sums[_EXCLUDED] == width,
        no_traffic=sums[_NO_TRAFFIC] == width,
        late=(sums[_LATE] > 0) & ~down,
    )


def _sums_fit(cells: NDArray[np.generic]) -> bool:
    """Whether every sum over rows or minutes fits into what is added up: then it takes half the time."""
    return cells.dtype == np.uint32 and int(cells.max(initial=0)) * max(cells.shape) <= COUNT_MAX


def _canonical(page: Page, hit: NDArray[np.intp]) -> Iterator[bytes]:
    """Yield the cells as bytes that equal cells share, without the many that are zero or alike.

    Totals are as wide as the largest needs, of bad requests only those that there are, of states one when
    all are the same.  Each part says how long it is.
    """
    wide = "<u2" if page.total.size and int(page.total.max()) < 1 << 16 else "<u4"
    rows, minutes = np.nonzero(page.bad[hit])
    alike = page.state.size and bool((page.state == page.state.flat[0]).all())
    yield f"\n{page.start} {page.bad.shape} {wide} {len(rows)} {alike}\n".encode()
    yield page.total.astype(wide).tobytes()
    for column in (hit[rows], minutes, page.bad[hit[rows], minutes]):
        yield column.astype("<u4").tobytes()
    yield bytes([page.state.flat[0]]) if alike else page.state.tobytes()
