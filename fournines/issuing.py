"""A month's statement from what is kept: the placements, incidents and imports that belong to it.

A month that is over is issued: kept as a revision that never changes.  Closed again, it becomes the next
revision if what it is made of has changed, and stays the last one if not.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from fournines import operating
from remediation.journal import EntryKind
from slo import closing, restating
from slo.cells import Placement, minute_of
from slo.closing import TREND_MONTHS, Beside
from slo.exclusions import Exclusions
from slo.figures import NOTHING, Figure
from slo.months import Month, zone_named
from slo.operations import operations
from slo.statement import IncidentLine, MonthLine, Statement, Verdict, from_json, restored, to_json

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from fournines.store.books import Books
    from remediation.incidents import Incident
    from remediation.journal import Entry
    from slo.contracts import Contract
    from slo.months import Stretch
    from slo.operations import Price

_NOTHING = Figure(None, NOTHING)


@dataclass(frozen=True, slots=True)
class Issue:
    """A statement, and which revision of the month it is; None while the month is not over."""

    statement: Statement
    revision: int | None


def close(  # noqa: PLR0913 - what belongs to a month comes from many sides
    books: Books,
    contract: Contract,
    month: Month,
    now: datetime,
    *,
    contracts: Sequence[Contract] = (),
    exclusions: Exclusions | None = None,
    prices: Sequence[Price] = (),
) -> Statement:
    """Return the month's statement for a contract, from all that is kept.

    `contracts` are all that there are: what several tenants are promised, they share.  `prices` are those of
    tasks.
    """
    period = month.stretch(zone_named(contract.zone))
    so_far = period.until(minute_of(now))
    placements = tuple(placements_of(books, contract))
    beside = Beside(
        exclusions=exclusions or Exclusions(),
        incidents=tuple(_incidents(books, contract, period)),
        operations=operations(so_far, operating.facts(books, contract.covers, so_far, prices)),
        trend=tuple(_trend(books, contract, month)),
        shared=_shared(books, contract, contracts, placements),
    )
    return closing.statement(contract, month, books, placements, now=now, beside=beside)


def issue(books: Books, statement: Statement, now: datetime) -> Issue:
    """Keep a statement whose month is over; one that is made of what the last revision was is that one.

    Who closes the month beside somebody else comes after what they kept, or finds it the same.
    """
    if statement.verdict is Verdict.NOT_FINAL:
        return Issue(statement, None)
    last = latest(books, statement.contract, statement.month)
    if last is None:
        return _kept(books, replace(statement, revision=1), now) or issue(books, statement, now)
    if last.statement.input_hash == statement.input_hash:
        return last
    changed = restating.changes(last.statement, statement, _corrected(books, statement, last.statement))
    new = replace(statement, revision=(last.revision or 0) + 1, changes=changed)
    return _kept(books, new, now) or issue(books, statement, now)


def latest(books: Books, contract: str, month: str) -> Issue | None:
    """Return the newest revision of a month as it was issued; None where there is none."""
    issued = books.statements.issued(contract, month)
    return Issue(from_json(issued[-1].body), issued[-1].revision) if issued else None


def _kept(books: Books, statement: Statement, now: datetime) -> Issue | None:
    """Keep a statement as the revision that it says it is; None where that one is taken."""
    whole = replace(statement, trend=(*statement.trend[:-1], closing.month_line(statement)))
    after = (whole.revision or 1) - 1
    kept = books.statements.issue(whole.contract, whole.month, to_json(whole), now, after=after)
    return None if kept is None else Issue(whole, kept.revision)


def _corrected(books: Books, statement: Statement, last: Statement) -> int:
    """Return how many cells at most were corrected since the last revision, of what it was made of."""
    own = {line.placement for line in statement.lines}
    first, after = minute_of(statement.start), minute_of(statement.end)
    return sum(
        int(entry.data["cells"])
        for entry in books.entries_of(EntryKind.RESTATED, last.issued_at)
        if _touches(entry, own, range(first, after))
    )


def _touches(entry: Entry, placements: Collection[str], minutes: range) -> bool:
    """Whether a restatement is of these placements and minutes."""
    begins, ends = (minute_of(datetime.fromisoformat(entry.data[name])) for name in ("first", "last"))
    return (
        begins < minutes.stop
        and ends >= minutes.start
        and any(sli.rpartition("/")[0] in placements for sli in entry.data["slis"])
    )


def _trend(books: Books, contract: Contract, month: Month) -> Iterator[MonthLine]:
    """Yield the months before as they were issued, oldest first; one that was not says so."""
    before = [month]
    while len(before) < TREND_MONTHS:
        before.append(before[-1].previous)
    for one in reversed(before[1:]):
        issued = books.statements.issued(contract.id, str(one))
        if issued:
            yield restored(MonthLine, json.loads(issued[-1].body)["trend"][-1])
        else:
            yield MonthLine(
                month=str(one),
                verdict="",
                attained=_NOTHING,
                downtime=_NOTHING,
                credit=_NOTHING,
                revision=None,
            )


def _shared(
    books: Books, contract: Contract, contracts: Sequence[Contract], placements: Sequence[Placement]
) -> frozenset[str]:
    """Return the services that are not the tenant's alone: by their tags, and by what others are promised."""
    if contract.own:
        return frozenset()
    tenants = {
        view.placement: view.belonging.tenant for estate in books.estates() for view in estate.services
    }
    others = [one for one in contracts if one.tenant != contract.tenant]
    return frozenset(
        placement.service
        for placement in placements
        if tenants.get(placement) != contract.tenant or any(other.covers(placement) for other in others)
    )


def placements_of(books: Books, contract: Contract) -> Iterator[Placement]:
    """Yield what the contract covers: what was ever counted, and what could be, having a load balancer."""
    counted = {sli.placement for sli in books.slis() if sli.indicator is contract.indicator}
    countable = {
        view.placement for estate in books.estates() for view in estate.services if view.target_groups
    }
    yield from (placement for placement in sorted(counted | countable) if contract.covers(placement))


def _incidents(books: Books, contract: Contract, period: Stretch) -> Iterator[IncidentLine]:
    """Yield the incidents of the period that touched what was promised."""
    for incident in books.incidents_since(period.starts_at):
        where = [placement for placement in incident.placements if contract.covers(placement)]
        if where and incident.opened_at < period.ends_at:
            done = [run for run in books.runs.of(incident.id) if run.acted_at and not run.undo]
            yield IncidentLine(
                id=incident.id,
                service=incident.service,
                regions=tuple(dict.fromkeys(placement.region for placement in where)),
                opened_at=incident.opened_at,
                acted_at=min((run.acted_at for run in done if run.acted_at), default=None),
                recovered_at=_recovered_at(books, incident),
                resolved_at=incident.resolved_at,
                cause=str(incident.cause or ""),
                # What was only proposed or observed is no action.
                action=", ".join(dict.fromkeys(str(run.action) for run in done)),
            )


def _recovered_at(books: Books, incident: Incident) -> datetime | None:
    """Return when the objective had recovered, as far as an action was verified."""
    entries = (kept.entry for kept in books.entries(incident.id))
    return max((entry.at for entry in entries if entry.kind is EntryKind.RECOVERED), default=None)
