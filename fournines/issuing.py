"""A month's statement from what is kept: the placements, incidents and imports that belong to it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from slo import closing
from slo.cells import Sli, minute_of
from slo.months import Month, zone_named
from slo.statement import IncidentLine, Statement, Verdict, to_json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from fournines.store.books import Books
    from remediation.incidents import Incident
    from slo.cells import Placement
    from slo.contracts import Contract
    from slo.months import Stretch


@dataclass(frozen=True, slots=True)
class Issue:
    """A statement, and which revision of the month it is; None while the month is not over."""

    statement: Statement
    revision: int | None


def close(books: Books, contract: Contract, month: Month, now: datetime) -> Statement:
    """Return the month's statement for a contract, from all that is kept."""
    period = month.stretch(zone_named(contract.zone))
    placements = tuple(_placements(books, contract))
    slis = [Sli(placement, contract.indicator) for placement in placements]
    history = books.history(slis, period.start, period.until(minute_of(now)).end)
    imported = {sli: history.imported_minutes(sli, history.start, history.end) for sli in slis}
    return closing.statement(
        contract,
        month,
        history,
        placements,
        now=now,
        incidents=tuple(_incidents(books, contract, period)),
        imported={sli: minutes for sli, minutes in imported.items() if minutes},
        coarse=sum(history.coarse_minutes(sli, history.start, history.end) for sli in slis),
    )


def issue(books: Books, statement: Statement, now: datetime) -> Issue:
    """Keep a statement whose month is over; one that says what the last revision said is that revision."""
    if statement.verdict is Verdict.NOT_FINAL:
        return Issue(statement, None)
    earlier = books.issued(statement.contract, statement.month)
    if earlier:
        again = replace(statement, issued_at=earlier[-1].issued_at)
        if to_json(again) == earlier[-1].body:
            return Issue(again, earlier[-1].revision)
    kept = books.issue(statement.contract, statement.month, to_json(statement), now)
    return Issue(statement, kept.revision)


def _placements(books: Books, contract: Contract) -> Iterator[Placement]:
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
            yield IncidentLine(
                id=incident.id,
                service=incident.service,
                regions=tuple(dict.fromkeys(placement.region for placement in where)),
                opened_at=incident.opened_at,
                resolved_at=incident.resolved_at,
                cause=str(incident.cause or ""),
                action=_action(books, incident),
            )


def _action(books: Books, incident: Incident) -> str:
    """Return what was really done; what was only proposed or observed is no action."""
    done = [str(run.action) for run in books.runs.of(incident.id) if run.acted_at and not run.undo]
    return ", ".join(dict.fromkeys(done))
