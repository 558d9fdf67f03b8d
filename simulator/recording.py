"""A recording of real traffic: one count per few minutes, read whole or refused with every error at once."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

HEADER = "timestamp,value"
ERRORS_MAX = 20


class RecordingError(ValueError):
    """A recording cannot be used; the message names each wrong line, what it holds and what was expected."""


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """Counts of requests: `counts[i]` is of the `step` minutes (since 1970, UTC) from `starts[i]`."""

    step: int
    starts: NDArray[np.int64]
    counts: NDArray[np.float64]

    def locate(self, minutes: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return for each minute its row (-1: none) and its place within the row."""
        rows = np.searchsorted(self.starts, minutes, side="right") - 1
        places = minutes - self.starts[rows]
        outside = (rows < 0) | (places >= self.step)
        return np.where(outside, -1, rows), np.where(outside, 0, places)

    @property
    def busiest(self) -> float:
        """The requests per minute of its busiest row, unscaled: what owners who know it provision for."""
        return float(self.counts.max()) / self.step

    def gaps(self, start: int, end: int) -> list[tuple[int, int]]:
        """Return the stretches of `[start, end)` that no row covers, each as (first minute, minute after)."""
        rows, _ = self.locate(np.arange(start, end))
        edges = np.flatnonzero(np.diff(rows < 0, prepend=False, append=False)) + start
        return [(int(first), int(after)) for first, after in zip(edges[::2], edges[1::2], strict=True)]

    def report(self, start: int, end: int, scale: float) -> dict[str, int | float]:
        """Return what replaying `[start, end)` (recorded minutes) uses and lacks, to be told to the user."""
        rows, _ = self.locate(np.arange(start, end))
        used = np.unique(rows[rows >= 0])
        return {
            "rows_used": len(used),
            "requests_recorded": float(self.counts[used].sum()),
            "minutes_missing": int((rows < 0).sum()),
            "minutes": end - start,
            "minutes_per_row": self.step,
            "scale": scale,
        }


def parse(text: str, name: str = "recording") -> Recording:
    """Read CSV rows `timestamp,value`; ISO 8601, UTC where no zone is named.  Raises RecordingError."""
    lines = text.splitlines()
    if not lines or lines[0].strip().lower() != HEADER:
        raise RecordingError(f"{name}, line 1: expected the header {HEADER!r}, got {(lines or [''])[0]!r}")
    errors: list[str] = []
    rows: dict[int, float] = {}
    for number, line in enumerate(lines[1:], start=2):
        if line.strip():
            _read(line, f"{name}, line {number}", rows, errors)
    if not errors and len(rows) < 2:  # noqa: PLR2004 - the step is the distance of two rows
        errors.append(f"{name}: expected at least two rows, got {len(rows)}")
    if errors:
        more = f"\nand {len(errors) - ERRORS_MAX} more" if len(errors) > ERRORS_MAX else ""
        raise RecordingError("\n".join(errors[:ERRORS_MAX]) + more)
    starts = np.array(sorted(rows), dtype=np.int64)
    step = Counter(np.diff(starts).tolist()).most_common(1)[0][0]
    return Recording(step, starts, np.array([rows[start] for start in starts.tolist()]))


def _read(line: str, where: str, rows: dict[int, float], errors: list[str]) -> None:
    """Read one line into `rows`, or say in `errors` what is wrong with it."""
    stamp, _, value = line.partition(",")
    try:
        at = datetime.fromisoformat(stamp.strip())
        count = float(value)
    except ValueError:
        errors.append(f"{where}: expected TIME,NUMBER as in '2014-04-10 00:04:00,94.0', got {line!r}")
        return
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    minute = int(at.timestamp()) // 60
    if not 0 <= count < float("inf"):
        errors.append(f"{where}: expected a count of requests, 0 or more, got {value.strip()}")
    elif rows and minute <= next(reversed(rows)):
        errors.append(f"{where}: expected a later time than the row before, got {stamp.strip()}")
    else:
        rows[minute] = count
