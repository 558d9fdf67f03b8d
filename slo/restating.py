"""What a new revision of a statement says otherwise than the one before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slo import figures
from slo.statement import Change

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from slo.statement import Line, Statement

#: Figures of the whole that are compared, and how they are called.
_FIGURES = (
    ("attained", "attained"),
    ("credit", "credit"),
    ("credit_amount", "credit, as an amount"),
)
_TOTALS = (
    ("total", "requests"),
    ("bad", "bad requests"),
    ("downtime", "down, anywhere"),
    ("unknown", "unknown minutes"),
    ("excluded", "excluded minutes"),
    ("imported", "imported minutes"),
)
_LINE_FIGURES = ("bad", "total", "downtime", "unknown", "excluded", "imported")
#: More lines than this are counted instead of named.
LINES_MAX = 20


def changes(before: Statement, after: Statement, restated: int) -> tuple[Change, ...]:
    """Return what differs; `restated` settled cells were corrected since the revision before."""
    return tuple(_changes(before, after, restated))


def _changes(before: Statement, after: Statement, restated: int) -> Iterator[Change]:
    yield from _pair("verdict", before.verdict.value, after.verdict.value)
    for name, label in _FIGURES:
        yield from _pair(label, getattr(before, name).text, getattr(after, name).text)
    for name, label in _TOTALS:
        yield from _pair(label, getattr(before.totals, name).text, getattr(after.totals, name).text)
    yield from _pair("cells corrected since", "0", f"{restated:,}")
    yield from _lines(before, after)
    yield from _exclusions(before, after)
    yield from _pair(
        "incidents", _named(one.id for one in before.incidents), _named(one.id for one in after.incidents)
    )
    yield from _pair("terms and method", " ".join(before.method), " ".join(after.method))
    yield from _pair("statement version", str(before.version), str(after.version))
    yield Change(
        what="input, its SHA-256", before=f"{before.input_hash[:12]}…", after=f"{after.input_hash[:12]}…"
    )


def _pair(what: str, before: str, after: str) -> Iterator[Change]:
    if before != after:
        yield Change(what=what, before=before, after=after)


def _lines(before: Statement, after: Statement) -> Iterator[Change]:
    """Yield each line whose counts are others; of very many only how many."""
    earlier = {_key(line): line for line in before.lines}
    changed = [line for line in after.lines if _counts(earlier.get(_key(line))) != _counts(line)]
    if len(changed) > LINES_MAX:
        yield Change(what="lines with other counts", before="", after=figures.several(len(changed), "line"))
        return
    for line in changed:
        yield Change(
            what=f"{line.service} {line.region}", before=_counts(earlier.get(_key(line))), after=_counts(line)
        )


def _key(line: Line) -> tuple[str, str, str]:
    return line.service, line.region, line.placement


def _counts(line: Line | None) -> str:
    if line is None:
        return "not there"
    bad, total, down, unknown, excluded, imported = (getattr(line, name).text for name in _LINE_FIGURES)
    return (
        f"{bad} of {total} requests bad, down {down}, {unknown} unknown, {excluded} excluded, "
        f"{imported} imported"
    )


def _exclusions(before: Statement, after: Statement) -> Iterator[Change]:
    """Yield exclusions that came, went or cover other minutes."""
    earlier, later = (
        {one.id: one for one in statement.exclusions if one.windows.exact} for statement in (before, after)
    )
    for name in sorted({*earlier, *later}):
        said = [
            "" if one is None else f"{one.minutes} minutes by clause {one.clause}: {one.reason}"
            for one in (earlier.get(name), later.get(name))
        ]
        yield from _pair(f"exclusion {name}", *said)


def _named(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
