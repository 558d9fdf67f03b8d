"""A period counted: the cells of many placements, column by column, into what a statement needs of them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from slo.budget import bad_minutes
from slo.cells import Sli, State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from slo.contracts import Contract
    from slo.months import Stretch


class History(Protocol):
    """Somewhere minutes are kept: the ledger, or the store, which remembers longer."""

    def minutes(
        self, sli: Sli, start: int, end: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8]]:
        """Return bad, total and state of the minutes `[start, end)`; unknown where nothing is kept."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What a period came to, for one placement or a pool.

    `bad` and `total` are requests; the rest are minutes.  The `elapsed` ones are up, down, unknown or
    excluded; of those up, `no_traffic` had no request.  Of a pool, a minute is down where any placement was.
    """

    bad: Fraction
    total: Fraction
    elapsed: int
    down: int
    unknown: int
    excluded: int
    no_traffic: int

    @property
    def attained(self) -> Fraction | None:
        """Good requests of all; None without any."""
        return 1 - self.bad / self.total if self.total else None

    @property
    def uptime(self) -> Fraction | None:
        """Known minutes that were not down; unknown ones count on neither side."""
        known = self.elapsed - self.unknown - self.excluded
        return 1 - Fraction(self.down, known) if known else None

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
    """What each minute was: int64 counts in the indicator's scale, and what to call it, as bool."""

    bad: NDArray[np.int64]
    total: NDArray[np.int64]
    down: NDArray[np.bool_]
    unknown: NDArray[np.bool_]
    excluded: NDArray[np.bool_]
    no_traffic: NDArray[np.bool_]

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
        )


@dataclass(frozen=True, slots=True, eq=False)
class Tallied:
    """A period of a contract: a tally per column, and the pool minute by minute.

    `unknown_cells` and `due_cells` count columns by minute.  `digest` is SHA-256 over every cell.
    """

    slis: tuple[Sli | None, ...]
    parts: tuple[Tally, ...]
    pool: Minutes
    unknown_cells: NDArray[np.int64]
    due_cells: NDArray[np.int64]
    digest: str


def tally(contract: Contract, slis: Sequence[Sli | None], history: History, stretch: Stretch) -> Tallied:
    """Count the cells of each SLI; None is a placement that was promised and is not there: all unknown."""
    length = len(stretch)
    bad, total = np.zeros(length, np.int64), np.zeros(length, np.int64)
    down = np.zeros(length, np.bool_)
    unknown, excluded, no_traffic = (np.zeros(length, np.int64) for _ in range(3))
    digest, parts = hashlib.sha256(), []
    for sli in slis:
        column = _column(contract, sli, history, stretch, digest)
        parts.append(column.tally(contract.indicator.scale))
        bad += column.bad
        total += column.total
        down |= column.down
        unknown += column.unknown
        excluded += column.excluded
        no_traffic += column.no_traffic
    pool = Minutes(
        bad,
        total,
        down,
        unknown=(unknown > 0) & ~down,
        excluded=excluded == len(slis),
        no_traffic=no_traffic == len(slis),
    )
    return Tallied(tuple(slis), tuple(parts), pool, unknown, len(slis) - excluded, digest.hexdigest())


def _column(
    contract: Contract, sli: Sli | None, history: History, stretch: Stretch, digest: hashlib._Hash
) -> Minutes:
    """Read one column, and add it to the digest."""
    if sli is None:
        nothing = np.zeros(len(stretch), np.int64)
        bad, total, state = nothing, nothing, nothing.astype(np.uint8)
    else:
        bad, total, state = history.minutes(sli, stretch.start, stretch.end)
    digest.update(f"{sli}\n".encode())
    for column, kind in ((bad, "<i8"), (total, "<i8"), (state, "u1")):
        digest.update(column.astype(kind).tobytes())
    enough = total >= contract.bad_minute_events * contract.indicator.scale
    return Minutes(
        bad,
        total,
        down=bad_minutes(bad, total, 1 - Fraction(contract.bad_minute_ratio)) & enough,
        unknown=state == State.UNKNOWN,
        excluded=state == State.EXCLUDED,
        no_traffic=state == State.NO_TRAFFIC,
    )
