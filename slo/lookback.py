"""What windows of one SLI hold, in an objective's own budgeting: one of a tier, or a condition's."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from slo.budget import by_request, counted, scale_of, weighed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from slo.cells import Sli
    from slo.conditions import Condition
    from slo.ledger import Ledger
    from slo.objectives import Objective


#: SLIs are read at different minutes: up to so many behind the newest, a window of at most an hour ends with
#: what is known of its own SLI.  What is later than that is no news: its short windows are empty.
LAG_MAX, SHORT_MAX = 10, 60


@dataclass(frozen=True, slots=True)
class Tally:
    """Bad of total in a window, in the indicator's scale or in minutes, and how many minutes are known."""

    bad: int
    total: int
    known: int

    @property
    def ratio(self) -> Fraction | None:
        """Bad of all; None where nothing was counted."""
        return Fraction(self.bad, self.total) if self.total else None


@dataclass(frozen=True, slots=True)
class Look:
    """One window of a condition: whole requests or minutes, and how many budgets they spend at their pace.

    `burn` is None where nothing was counted, `known` says whether anything of the window is known.
    """

    bad: int
    total: int
    burn: Fraction | None
    known: bool


def looks(objective: Objective, condition: Condition, sli: Sli, ledger: Ledger, end: int) -> Iterator[Look]:
    """Yield every window that has to hold, the newest first; each ends with a whole slice before `end`."""
    length, scale = objective.slice_minutes, scale_of(objective)
    end -= end % length
    windows, slots = condition.after // length + 1, condition.lookback // length
    cells = ledger.minutes(sli, end - (windows - 1 + slots) * length, end)
    bad, total, blind, out = weighed(objective, *cells)
    sums = [_sliding(column, slots) for column in (bad, total, ~(blind | out))]
    for of_bad, of_total, known in zip(*(column[::-1].tolist() for column in sums), strict=True):
        burn = Fraction(of_bad, of_total) / objective.budget if of_total else None
        yield Look(of_bad // scale, of_total // scale, burn, known=bool(known))


def _sliding(column: NDArray[np.int64] | NDArray[np.bool_], slots: int) -> NDArray[np.int64]:
    """Return the sums over every `slots` neighbours."""
    running = np.concatenate([[0], np.cumsum(column, dtype=np.int64)])
    sums: NDArray[np.int64] = running[slots:] - running[:-slots]
    return sums


def end_of(ledger: Ledger, sli: Sli) -> int:
    """Return the minute before which short windows end: after the newest that is known of the SLI."""
    if sli not in ledger or ledger.newest is None:
        return 0
    (lag,) = ledger.lags(np.array([ledger.column(sli)])).tolist()
    return ledger.newest + 1 - (lag if lag <= LAG_MAX else 0)


def tally(objective: Objective, sli: Sli, window: int, ledger: Ledger, *, requests: bool = False) -> Tally:
    """Return what a window holds of one SLI: requests, or minutes of whole slices, or `requests` in these."""
    if sli not in ledger or ledger.newest is None:
        return Tally(0, 0, 0)
    end = end_of(ledger, sli) if window <= SHORT_MAX else ledger.newest + 1
    if objective.in_slices or end <= ledger.newest:
        end -= end % objective.slice_minutes
        whole = window - window % objective.slice_minutes
        counting = by_request(objective) if requests else objective
        return _summed(counting, *ledger.minutes(sli, end - whole, end))
    sums, column = ledger.sums(window), ledger.column(sli)
    known = window - int(sums.unknown[column]) - int(sums.excluded[column])
    return Tally(int(sums.bad[column]), int(sums.total[column]), known)


def _summed(
    objective: Objective, bad: NDArray[np.int64], total: NDArray[np.int64], state: NDArray[np.uint8]
) -> Tally:
    """Add up minutes in the objective's own budgeting, in its scale."""
    part, scale = counted(objective, bad, total, state), scale_of(objective)
    known = part.elapsed - part.unknown - part.excluded
    return Tally(int(part.bad * scale), int(part.total * scale), known)
