"""A month's statement by itself: issued once its data has settled, laid up, told; and again if it changes.

The store has it first.  What cannot be laid up is tried again with every turn, and holds up nobody: people
are told all the same, and where the files are to be.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache, partial
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from collector.archive import Archive
from collector.source import CollectError
from fournines import issuing
from fournines.paper.formats import CONTENT_TYPES, rendered
from fournines.stating import SETTLE
from fournines.store.books import Books
from fournines.store.dispatches import Dispatch
from remediation.journal import Entry, EntryKind
from slo.cells import moment_of
from slo.contracts import Contract
from slo.exclusions import Exclusions
from slo.months import Month
from slo.operations import Price
from slo.statement import from_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fournines.store.statements import Issued
    from slo.operations import OperationsLine
    from slo.statement import Statement

_log = logging.getLogger(__name__)

#: So many months back a statement is issued by itself, and looked over for what was restated.
MONTHS_BACK_MAX = 3
#: What was issued is closed again so often: an exclusion or an import may have changed what it rests on.
CHECKED_EVERY = timedelta(days=1)
#: The place that is no archive.
SLACK = "slack"


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuance:
    """When statements are issued by themselves, and as what."""

    settle: timedelta = SETTLE
    since: Month | None = None
    formats: tuple[str, ...] = tuple(CONTENT_TYPES)
    prices: tuple[Price, ...] = ()
    exclusions: Exclusions = field(default_factory=Exclusions)


@dataclass(frozen=True, slots=True)
class Statements:
    """Issues, lays up and tells what is due."""

    contracts: Sequence[Contract]
    books: Books
    archives: Mapping[str, Archive]
    issuance: Issuance
    _checked: dict[tuple[str, Month], datetime] = field(default_factory=dict, init=False)

    def run(self, now: datetime) -> None:
        """Look at every month that is due; one that fails keeps no other waiting."""
        failures, kept = list[Exception](), self.books.extent()
        self.books.statements.retain([one.id for one in self.contracts], [*self.archives, SLACK])
        late = self.books.statements.failing()
        for contract in self.contracts:
            stuck = {Month.parse(one.month) for one in late if one.contract == contract.id}
            months = {*due(contract, kept, self.issuance, now), *stuck}
            for month in sorted(filter(contract.holds, months)):
                try:
                    self._look(contract, month, now)
                except Exception as problem:  # noqa: BLE001 - one statement must not keep the others waiting
                    problem.add_note(f"the statement of {contract.id} for {month}")
                    failures.append(problem)
        if failures:
            raise ExceptionGroup(f"{len(failures)} statements could not be issued", failures)

    def _look(self, contract: Contract, month: Month, now: datetime) -> None:
        """Issue the month if it is new or changed, and send the newest revision where it is not yet."""
        checked = self._checked.get((contract.id, month))
        issued = self.books.statements.issued(contract.id, str(month))
        if checked and now - checked < CHECKED_EVERY and issued and not self._missing(issued[-1]):
            return
        issuing.issue(self.books, self._close(contract, month, now), now)
        issued = self.books.statements.issued(contract.id, str(month))
        self._checked[contract.id, month] = now
        if missing := self._missing(issued[-1]):
            self._send(from_json(issued[-1].body), issued, missing, now)

    def _close(self, contract: Contract, month: Month, now: datetime) -> Statement:
        return issuing.close(
            self.books,
            contract,
            month,
            now,
            contracts=self.contracts,
            exclusions=self.issuance.exclusions,
            prices=self.issuance.prices,
        )

    def _missing(self, newest: Issued) -> tuple[str, ...]:
        """Return where the newest revision is not yet; Slack last, since it says where the files are."""
        there = self.books.statements.dispatched(newest.contract, newest.month, newest.revision)
        arrived = {one.place for one in there if one.arrived}
        return tuple(place for place in (*self.archives, SLACK) if place not in arrived)

    def _send(
        self, statement: Statement, issued: Sequence[Issued], missing: Sequence[str], now: datetime
    ) -> None:
        newest = issued[-1]
        files = cache(partial(rendered, statement, self.issuance.formats))
        for place in missing:
            sent = Dispatch(
                contract=newest.contract, month=newest.month, revision=newest.revision, place=place, at=now
            )
            if place == SLACK:
                self.books.statements.note(sent, [self._entry(statement, issued, now)])
            else:
                self.books.statements.note(replace(sent, why=self._lay_up(place, newest, files)))

    def _lay_up(self, place: str, newest: Issued, files: Callable[[], Mapping[str, bytes]]) -> str:
        """Put every file of a revision into a place; return why that failed, or nothing."""
        try:
            for kind, content in files().items():
                self.archives[place].put(key(newest, kind), content, CONTENT_TYPES[kind])
        except CollectError as problem:
            return str(problem)
        except Exception as problem:  # noqa: BLE001 - whatever fails, people are told of the statement
            _log.exception("the statement of %s for %s cannot be laid up", newest.contract, newest.month)
            return f"{type(problem).__name__}: {problem}"
        return ""

    def _entry(self, statement: Statement, issued: Sequence[Issued], now: datetime) -> Entry:
        """Return what the journal keeps and people read."""
        newest = issued[-1]
        return Entry(
            EntryKind.STATED,
            now,
            f"{statement.sentence}{_replaced(issued)}",
            incident=f"statement-{newest.contract}-{newest.month}",
            data={
                "title": f"Statement {statement.month} · {statement.display_name} · {_word(statement)}",
                "contract": newest.contract,
                "month": newest.month,
                "revision": newest.revision,
                "facts": _facts(statement, newest),
                "files": [*self._files(newest)],
            },
        )

    def _files(self, newest: Issued) -> Iterator[str]:
        """Say where the files are, and what is not there yet."""
        late = {
            one.place: one.why
            for one in self.books.statements.dispatched(newest.contract, newest.month, newest.revision)
            if not one.arrived
        }
        for place, archive in self.archives.items():
            for kind in self.issuance.formats:
                yield archive.where(key(newest, kind))
            if place in late:
                yield f"Not there yet, and tried again: {late[place]}"


def due(contract: Contract, kept: range, issuance: Issuance, now: datetime) -> tuple[Month, ...]:
    """Return the newest months that are over and settled, none from before anything was kept."""
    if not kept:
        return ()
    zone = ZoneInfo(contract.zone)
    month, found = Month.of(moment_of(kept.start), zone), list[Month]()
    if issuance.since is not None:
        month = max(month, issuance.since)
    while month.stretch(zone).ends_at + issuance.settle <= now:
        found.append(month)
        month = month.following
    return tuple(found[-MONTHS_BACK_MAX:])


def key(issued: Issued, kind: str) -> str:
    """Return under which key a file of a revision is kept: a revision never overwrites another."""
    return f"{issued.contract}/{issued.month}/{issued.contract}-{issued.month}-r{issued.revision}.{kind}"


def _facts(statement: Statement, newest: Issued) -> dict[str, str]:
    return {
        "Attained": str(statement.attained),
        "Promised": str(statement.target),
        "Credit": str(statement.credit),
        "Coverage": str(statement.totals.coverage),
        "Down": str(statement.totals.downtime),
        "Revision": str(newest.revision),
        **({} if statement.operations is None else _brought(statement.operations.totals)),
    }


def _brought(totals: OperationsLine) -> dict[str, str]:
    """Say what else the month brought, in total."""
    return {
        "Tasks on Spot": f"{totals.spot_share}, saved {totals.savings}",
        "Deployments": f"{totals.deployments}, {totals.rolled_back} rolled back, {totals.failed} failed",
    }


def _replaced(issued: Sequence[Issued]) -> str:
    """Say what the newest revision replaces."""
    if len(issued) == 1:
        return ""
    before: dict[str, Any] = json.loads(issued[-2].body)
    said = f"{before['attained']['text']} attained, {before['verdict'].replace('_', ' ')}"
    return f"  Revision {issued[-1].revision} replaces revision {issued[-2].revision} ({said})."


def _word(statement: Statement) -> str:
    return statement.verdict.replace("_", " ")
