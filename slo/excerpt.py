"""A few SLIs of a ledger as a ledger of their own, so that who looks at them for long holds nobody up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from slo.cells import Block
from slo.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from slo.cells import Sli
    from slo.exclusions import Exclusions


def excerpt(ledger: Ledger, slis: Sequence[Sli], exclusions: Exclusions) -> Ledger:
    """Return what the ledger holds of these SLIs, of which there is one at least, under these exclusions."""
    own = Ledger(ring=ledger.ring, windows=ledger.windows, capacity=len(slis))
    if ledger.newest is not None and ledger.oldest is not None:
        raw = ledger.raw()
        told = [raw.minutes(sli, ledger.oldest, ledger.newest + 1) for sli in slis]
        bad, total, state = (np.stack(column, axis=1) for column in zip(*told, strict=True))
        own.load(slis, [Block(tuple(slis), ledger.oldest, bad, total, state)])
        own.exclude(exclusions)
    return own
