"""A ledger as the store shows it: an hour at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from slo.tally import Page

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from slo.cells import Sli
    from slo.ledger import Ledger
    from slo.months import Stretch


class Paged:
    """The minutes of a ledger in pages; so many minutes of each SLI are called imported."""

    def __init__(self, ledger: Ledger, imported: Mapping[Sli, int] | None = None) -> None:
        self._ledger, self._imported = ledger, dict(imported or {})

    def pages(self, slis: Sequence[Sli], stretch: Stretch) -> Iterator[Page]:
        columns = [self._ledger.minutes(sli, stretch.start, stretch.end) for sli in slis]
        bad, total, state = (np.array(kind) for kind in zip(*columns, strict=True))
        for hour in range(stretch.start // 60, -(-stretch.end // 60)):
            start, end = max(hour * 60, stretch.start), min(hour * 60 + 60, stretch.end)
            at = slice(start - stretch.start, end - stretch.start)
            imported = np.array([self._imported.pop(sli, 0) for sli in slis], np.int64)
            yield Page(
                start,
                bad[:, at].astype(np.uint32),
                total[:, at].astype(np.uint32),
                state[:, at].astype(np.uint8),
                imported,
                np.zeros(len(slis), np.int64),
            )
