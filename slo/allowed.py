"""Which exclusions a contract allows, minute by minute, and what is said of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from slo import figures
from slo.cells import Sli, moment_of
from slo.statement import ExclusionLine

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from slo.contracts import Contract
    from slo.exclusions import Excluded, Exclusions
    from slo.months import Stretch


@dataclass(frozen=True, slots=True)
class Allowed:
    """The minutes that are left out of each column that has any, and the exclusions that they rest on."""

    masks: Mapping[Sli, NDArray[np.bool_]]
    lines: tuple[ExclusionLine, ...]


def allowed(contract: Contract, exclusions: Exclusions, slis: Sequence[Sli], stretch: Stretch) -> Allowed:
    """Return what the contract's clauses leave out; beyond its limit the earliest minutes only."""
    own = exclusions.of_contract(contract.tenant, contract.exclusions.clauses)
    spans = {sli: own.spans(sli.placement, stretch) for sli in slis}
    masks = {
        sli: _limited(own.mask(sli.placement, stretch.start, stretch.end), contract.exclusions.minutes_max)
        for sli, found in spans.items()
        if found
    }
    return Allowed(masks, tuple(_lines([span for found in spans.values() for span in found])))


def _limited(mask: NDArray[np.bool_], most: int | None) -> NDArray[np.bool_]:
    """Leave out no more minutes than the limit, the earliest first."""
    if most is not None:
        mask[np.flatnonzero(mask)[most:]] = False
    return mask


def _lines(spans: Sequence[Excluded]) -> Iterator[ExclusionLine]:
    """Yield what each exclusion covered, apart what was entered in time and what afterwards."""

    def key(span: Excluded) -> tuple[str, bool]:
        return span.exclusion.id, span.corrected

    for (_, afterwards), group in groupby(sorted(spans, key=key), key):
        found = list(group)
        one, minutes = found[0].exclusion, [span.minutes for span in found]
        yield ExclusionLine(
            id=one.id,
            reason=one.reason,
            approver=one.approver,
            clause=one.clause,
            created_at=one.created_at,
            afterwards=afterwards,
            first=moment_of(min(stretch.start for stretch in minutes)),
            last=moment_of(max(stretch.end for stretch in minutes)),
            windows=figures.count(len({(stretch.start, stretch.end) for stretch in minutes})),
            minutes=figures.count(sum(map(len, minutes))),
        )
