"""The column of every SLI: a place in each blob, given once and never used again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np
from sqlalchemy import insert, select

from fournines.store.place import StoreError
from fournines.store.tables import sli as table
from slo.cells import Indicator, Placement, Sli

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray
    from sqlalchemy import Connection

#: Which SLIs a block names, and where they are: the same blocks come every minute.
_Shapes = dict[tuple[Sli, int], tuple[tuple[Sli, ...], "NDArray[np.intp]"]]


class Columns:
    """The columns as a transaction sees them; a copy goes back with it when it fails."""

    def __init__(self, places: dict[Sli, int], shapes: _Shapes) -> None:
        self._places, self._shapes = places, shapes

    @classmethod
    def load(cls, connection: Connection) -> Self:
        """Read the columns of the store."""
        rows = connection.execute(select(table.c.name, table.c.col).order_by(table.c.col))
        return cls({_parse(row.name): row.col for row in rows}, {})

    def copy(self) -> Self:
        """Return columns that change alone."""
        return type(self)(dict(self._places), dict(self._shapes))

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[Sli]:
        """Yield the SLIs in the order of their columns."""
        return iter(self._places)

    def __contains__(self, sli: Sli) -> bool:
        return sli in self._places

    def places(self, connection: Connection, slis: tuple[Sli, ...]) -> NDArray[np.intp]:
        """Return the columns of a block's SLIs; one that is new is given the next."""
        shape = (slis[0], len(slis))
        remembered = self._shapes.get(shape)
        if remembered is not None and remembered[0] == slis:
            return remembered[1]
        if len(set(slis)) < len(slis):
            raise StoreError("a block names each SLI once")
        self._give(connection, [sli for sli in slis if sli not in self._places])
        places = self.of(slis)
        self._shapes[shape] = (slis, places)
        return places

    def of(self, slis: Sequence[Sli]) -> NDArray[np.intp]:
        """Return the columns of SLIs that have one."""
        return np.array([self._places[sli] for sli in slis], np.intp)

    def beyond(self, slis: Sequence[Sli]) -> NDArray[np.intp]:
        """Return the columns of SLIs; one that has none stands beyond all that have."""
        return np.array([self._places.get(sli, len(self)) for sli in slis], np.intp)

    def _give(self, connection: Connection, new: Sequence[Sli]) -> None:
        given = dict(zip(new, range(len(self), len(self) + len(new)), strict=True))
        if given:
            connection.execute(insert(table), [{"col": col, "name": str(sli)} for sli, col in given.items()])
            self._places |= given


def _parse(name: str) -> Sli:
    placement, _, indicator = name.rpartition("/")
    return Sli(Placement.parse(placement), Indicator(indicator))
