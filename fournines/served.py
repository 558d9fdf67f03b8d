"""How a placement served over any stretch of minutes that the ledger holds, by its strictest objectives."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from remediation.diagnosis.health import sick_from
from remediation.tenure import SETTLED_MINUTES, Minutes, Tally, tally
from slo.cells import Indicator, Placement, Sli

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fournines.store.books import Books
    from remediation.tenure import Judge
    from slo.ledger import Ledger
    from slo.objectives import Objective


#: What a minute is judged by.
JUDGED = (Indicator.AVAILABILITY, Indicator.LATENCY)


def strictest(objectives: Sequence[Objective], placement: Placement, indicator: Indicator) -> Fraction | None:
    """Return the highest target that was promised of an indicator there, None where none was."""
    targets = [o.target for o in objectives if o.indicator is indicator and o.covers(placement)]
    return Fraction(str(max(targets))) if targets else None


def judge(books: Books, objectives: Sequence[Objective], placement: Placement) -> Judge:
    """Return what judges minutes of a placement; without an objective no minute proves anything."""
    targets = {one: strictest(objectives, placement, one) for one in JUDGED}

    def judged(start: int, end: int) -> Tally:
        with books.ledger() as ledger:
            begin = max(start, ledger.oldest or start)
            if begin >= end:
                return Tally(0, 0, 0, end)
            availability, latency = (
                _minutes(ledger, Sli(placement, one), targets[one], range(begin, end)) for one in JUDGED
            )
        if availability is None:
            return Tally(0, 0, 0, start)
        return tally(begin, end, availability, latency)

    return judged


def _minutes(ledger: Ledger, sli: Sli, target: Fraction | None, span: range) -> Minutes | None:
    if target is None or sli not in ledger:
        return None
    cells = ledger.minutes(sli, span.start, span.stop + SETTLED_MINUTES)
    return Minutes(*cells, sick_from(1 - target), sli.indicator.scale)
