"""A month of many SLIs, read hour by hour: what is sealed is unpacked on other threads, some hours ahead."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import select

from fournines.store import ledger as disk
from fournines.store.packing import HOUR_MINUTES, unpack_some
from fournines.store.tables import hour
from slo.tally import Page

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from concurrent.futures import Future

    from numpy.typing import NDArray
    from sqlalchemy import Connection

    from fournines.store.columns import Columns
    from fournines.store.packing import Cells
    from slo.cells import Sli
    from slo.months import Stretch

#: zlib works without Python's lock, so that a second core halves the time; more gain little.
_THREADS = 2
#: So many hours lie in memory at once.
_AHEAD = 6


def pages(connection: Connection, columns: Columns, slis: Sequence[Sli], stretch: Stretch) -> Iterator[Page]:
    """Yield each hour of a stretch in order, a row for each SLI; unknown where nothing is kept."""
    places = columns.beyond(slis)
    waiting: deque[Future[Page]] = deque()
    with ThreadPoolExecutor(_THREADS, "unpack") as pool:
        for number in range(stretch.start // HOUR_MINUTES, -(-stretch.end // HOUR_MINUTES)):
            begin = number * HOUR_MINUTES
            within = range(max(begin, stretch.start), min(begin + HOUR_MINUTES, stretch.end))
            packed = connection.execute(select(hour.c.cells).where(hour.c.hour == number)).scalar()
            if packed is None:
                loose = disk.read(connection, len(columns) + 1, within.start, within.stop)
                waiting.append(pool.submit(_picked, loose, places, within.start))
            else:
                waiting.append(pool.submit(_unpacked, packed, places, within))
            if len(waiting) > _AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _picked(loose: Cells, places: NDArray[np.intp], start: int) -> Page:
    """Return rows of minutes that are not sealed yet."""
    return _page(loose.pick(places), start)


def _unpacked(blob: bytes, places: NDArray[np.intp], within: range) -> Page:
    """Return rows of a sealed hour, of which some minutes are asked for."""
    first = within.start % HOUR_MINUTES
    return _page(unpack_some(blob, places)[first : first + len(within)], within.start)


def _page(cells: Cells, start: int) -> Page:
    imported, coarse = (marks.sum(axis=0, dtype=np.int64) for marks in (cells.imported, cells.coarse))
    return Page(start, cells.bad.T, cells.total.T, cells.state.T, imported, coarse)
