"""Every metric family with its numbers as they are now: the same for `/metrics` and OTLP."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from fractions import Fraction
from typing import TYPE_CHECKING

from collector import families
from collector.catalog import CPU, MEMORY
from collector.price import METRIC_USD
from collector.probing import ANSWERED_WITHIN_S
from collector.schedules import Outcome
from fournines import telemetry
from fournines.telemetry import Distribution
from fournines.views.budget import Scope
from fournines.vitals import Silence
from remediation import metrics as remedies
from remediation.journal import Entry, EntryKind
from slo import metrics
from slo.budget_policies import Answer
from slo.burn import firing
from slo.cells import MINUTE_S, Indicator, Placement, minute_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from collector.bundle import Owner
    from collector.load import Latest, Shown
    from fournines.board import Board
    from fournines.clock import Clock, Record
    from fournines.known import Known
    from fournines.store.books import Books
    from fournines.telemetry import Sample
    from fournines.views.budget import BudgetRow
    from fournines.views.overview import Overview
    from fournines.views.spent import SpentView
    from fournines.vitals import Pulse
    from slo.burn import Alert
    from slo.cells import Sli
    from slo.composites import CompositeBudget
    from slo.ledger import Ledger
    from slo.metrics import Family
    from slo.objectives import Objective

    Numbers = Iterator[tuple[Family, Sample]]

#: A counter cannot go back, so it takes a minute only when that is hardly revised any more.
SETTLED_MINUTES = 10

#: The month's 4 min 19 s, a verification, a person: what it is interesting to recover within.
MITIGATED_WITHIN_S = (60.0, 120.0, 180.0, 240.0, 300.0, 420.0, 600.0, 900.0, 1800.0, 3600.0)


class Samples:
    """Reads the state when it is asked; only what has been counted so far is its own."""

    def __init__(  # noqa: PLR0913 - metrics are about everything
        self,
        *,
        clock: Clock,
        books: Books,
        known: Known,
        objectives: Sequence[Objective],
        board: Board,
        record: Record,
    ) -> None:
        self._clock, self._books, self._known = clock, books, known
        self._objectives = {objective.name: objective for objective in objectives}
        self._board, self._record = board, record
        with books.ledger() as ledger:
            self._counted = Counted(_settled(ledger, minute_of(clock.now())))
        self._told = Told()
        self._lock = threading.Lock()

    def samples(self) -> Mapping[Family, Sequence[Sample]]:
        """Return every family that has numbers now."""
        made: dict[Family, list[Sample]] = defaultdict(list)
        with self._lock:
            for family, sample in self._all():
                made[family].append(sample)
        return made

    def _all(self) -> Numbers:
        now = self._board.prepare()
        promises = self._board.promises(now)
        with self._books.ledger() as ledger:
            counted = (*self._counted.numbers(ledger), *_counted_runs(self._known, ledger))
            seen = self._board.overview_of(ledger, now, promises)
            alerts = firing(tuple(self._objectives.values()), ledger, now)
        yield from counted
        yield from self._promises(seen, self._board.spent_at(now, promises), alerts)
        yield from _gates(self._board)
        yield from self._told.numbers(self._books)
        for one in self._known.doubtful(self._clock.now()):
            yield families.DOUBTFUL, (_where(one.doubt.placement), 1.0)
        yield from _estate(self._known, minute_of(self._clock.now()))
        yield from _reading(self._known)
        yield from _checks(self._known)
        yield from _runs(self._known)
        yield from _remedies(self._books)
        yield from _work(self._board, self._record, self._books)
        yield from _queues(self._known)

    def _promises(self, seen: Overview, views: Iterable[SpentView], alerts: Iterable[Alert]) -> Numbers:
        for objective in self._objectives.values():
            labels = (objective.name, objective.service, str(objective.indicator))
            yield metrics.OBJECTIVE_RATIO, (labels, float(objective.target))
        for row in sorted(seen.placements, key=lambda row: (row.objective, *row.budget.placements)):
            yield from _placed(row)
        for row in sorted(seen.services, key=lambda row: (row.objective, row.service)):
            yield from _pool(row)
        for row in sorted(seen.contracts, key=lambda row: row.objective):
            yield from _contract(row)
        for composite in seen.composites:
            yield from _composite(composite.budget)
        for view in views:
            if view.scope is Scope.SERVICE:
                yield from _spent(view)
        for alert in alerts:
            where = (alert.objective, *_where(alert.placement), str(alert.indicator))
            yield metrics.ALERT_FIRING, ((*where, str(alert.tier), alert.severity), 1.0)


class Counted:
    """Requests counted since this process began, by settled minutes from `start` on, excluded or not."""

    def __init__(self, start: int) -> None:
        self._until = start
        self._total: Counter[Sli] = Counter()
        self._bad: Counter[Sli] = Counter()

    def numbers(self, ledger: Ledger) -> Numbers:
        """Count what has settled since the last time, and yield the sums."""
        self._take(ledger, max(self._until, _settled(ledger, self._until)))
        for sli in ledger.slis:
            labels = (*_where(sli.placement), str(sli.indicator))
            if sli.indicator is not Indicator.SCHEDULE:
                yield metrics.ALL, (labels, self._total[sli] / sli.indicator.scale)
                yield metrics.BAD, (labels, self._bad[sli] / sli.indicator.scale)
            if ledger.newest is not None:
                yield metrics.LAST_INGEST, (labels, float((ledger.newest + 1) * MINUTE_S))

    def _take(self, ledger: Ledger, end: int) -> None:
        start, self._until = self._until, end
        if start == end:
            return
        sums = ledger.raw().over(start, end)
        for column, sli in enumerate(ledger.slis):
            self._total[sli] += int(sums.total[column])
            self._bad[sli] += int(sums.bad[column])


def _settled(ledger: Ledger, unknown: int) -> int:
    """Return the first minute that may still be revised, or `unknown` when none is known at all."""
    return unknown if ledger.newest is None else ledger.newest + 1 - SETTLED_MINUTES


class Told:
    """What the journal has told, counted once per entry."""

    def __init__(self) -> None:
        self._after = 0
        self._count: Counter[tuple[Family, tuple[str, ...]]] = Counter()
        self._opened_at: dict[str, datetime] = {}
        self._mitigated: dict[str, list[float]] = defaultdict(list)

    def numbers(self, books: Books) -> Numbers:
        """Count the entries since the last time, and yield the sums."""
        for kept in books.entries(after=self._after):
            self._after = kept.n
            self._take(kept.entry)
        for (family, labels), number in sorted(self._count.items(), key=str):
            yield family, (labels, float(number))
        for action, lasted in sorted(self._mitigated.items()):
            yield remedies.MITIGATE_SECONDS, ((action,), Distribution.of(lasted, MITIGATED_WITHIN_S))

    def _take(self, entry: Entry) -> None:
        match entry:
            case Entry(kind=EntryKind.OPENED, incident=str(incident), placement=str(placement)):
                self._opened_at[incident] = entry.at
                labels = (Placement.parse(placement).service, str(entry.data.get("severity") or ""))
                self._count[remedies.INCIDENTS_OPENED, labels] += 1
            case Entry(kind=EntryKind.DECIDED, placement=str(placement)):
                words = tuple(
                    str(entry.data.get(word) or "") for word in ("cause", "action", "verdict", "reason")
                )
                self._count[remedies.DECISIONS, (*_where(Placement.parse(placement)), *words)] += 1
            case Entry(kind=EntryKind.RECOVERED, incident=str(incident)) if incident in self._opened_at:
                lasted = entry.at - self._opened_at[incident]
                self._mitigated[str(entry.data.get("action") or "")].append(lasted.total_seconds())
            case _:
                pass


def _placed(row: BudgetRow) -> Numbers:
    """Yield one objective at one placement."""
    budget = row.budget
    where = (budget.objective, *_where(budget.placements[0]), str(budget.indicator))
    for window, rate in row.burn_rates.items():
        if rate is not None:
            yield metrics.BURN_RATE, ((*where, window), float(rate))
    yield from _exhausted(metrics.EXHAUSTION_SECONDS, row, where)
    if budget.ratio is not None:
        yield metrics.SLI_RATIO, (where, float(budget.ratio))
        yield metrics.BUDGET_REMAINING_RATIO, (where, float(budget.left_ratio))
        yield metrics.BUDGET_REMAINING_SECONDS, (where, float(budget.left_minutes * MINUTE_S))
    if budget.coverage is not None:
        yield metrics.COVERAGE_RATIO, (where, float(budget.coverage))
    yield metrics.MINUTES_EXCLUDED, (where, float(budget.excluded))
    if row.beside is not None and (by_time := row.beside.minutes).ratio is not None:
        yield metrics.MINUTES_SLI_RATIO, (where, float(by_time.ratio))
        yield metrics.MINUTES_BAD, (where, float(by_time.bad))


def _pool(row: BudgetRow) -> Numbers:
    """Yield one objective of a service over all of its regions."""
    where = (row.objective, row.service, str(row.budget.indicator))
    yield from _ratios(metrics.POOL_SLI_RATIO, metrics.POOL_REMAINING_RATIO, row, where)
    yield from _exhausted(metrics.POOL_EXHAUSTION_SECONDS, row, where)


def _contract(row: BudgetRow) -> Numbers:
    where = (row.objective, row.tenant, str(row.budget.indicator))
    yield from _ratios(metrics.CONTRACT_SLI_RATIO, metrics.CONTRACT_REMAINING_RATIO, row, where)


def _composite(budget: CompositeBudget) -> Numbers:
    where = (budget.composite, budget.region)
    if budget.coverage is not None:
        yield metrics.COMPOSITE_REMAINING_RATIO, (where, float(budget.left_ratio))
        yield metrics.COMPOSITE_COVERAGE_RATIO, (where, float(budget.coverage))


def _ratios(reached: Family, left: Family, row: BudgetRow, where: tuple[str, ...]) -> Numbers:
    if row.budget.ratio is not None:
        yield reached, (where, float(row.budget.ratio))
        yield left, (where, float(row.budget.left_ratio))


def _exhausted(family: Family, row: BudgetRow, where: tuple[str, ...]) -> Numbers:
    left = row.budget.exhausted_in(row.burn_rates.get("1h"))
    if left is not None:
        yield family, (where, float(left * MINUTE_S))


def _spent(view: SpentView) -> Numbers:
    """Yield who spent a service's budget where; all incidents are one spender, and so are all deployments."""
    where = (view.budget.objective, view.who, str(view.budget.indicator))
    parts: dict[tuple[str, str], Fraction] = defaultdict(Fraction)
    for share in view.spending.shares:
        parts[share.region, str(share.spender.kind)] += share.bad
    allowed = view.budget.total * view.budget.allowed_ratio
    for (region, kind), bad in sorted(parts.items()):
        yield metrics.SPENT_RATIO, ((*where, region, kind), float(bad / allowed))


def _gates(board: Board) -> Numbers:
    for view in board.gates():
        where = (view.verdict.service, view.verdict.region or "")
        yield from (
            (metrics.GATE_ANSWER, ((*where, answer), float(view.answer is answer))) for answer in Answer
        )


def _estate(known: Known, now: int) -> Numbers:
    found = Counter((placement.account, placement.region) for placement in known.services)
    for area, number in sorted(found.items()):
        yield families.PLACEMENTS, (area, float(number))
    for placement, view in sorted(known.services.items()):
        where = _where(placement)
        yield families.RUNNING_TASKS, (where, float(view.running))
        yield families.DESIRED_TASKS, (where, float(view.desired))
        yield families.PENDING_TASKS, (where, float(view.pending))
    for owner, load in sorted(known.loads.items(), key=str):
        shown = load.shown(now)
        yield from _load(owner, shown)
        if isinstance(owner, Placement):
            yield from _used(owner, shown, known)


def _load(owner: Owner, shown: Mapping[Shown, Latest]) -> Numbers:
    names = _where(owner) if isinstance(owner, Placement) else (owner.account, owner.region)
    for (metric, label), latest in shown.items():
        assert metric.exported is not None, "only what is exported is kept"
        yield metric.exported, ((*names, label) if label else names, latest.value)


def _used(placement: Placement, shown: Mapping[Shown, Latest], known: Known) -> Numbers:
    """Yield what a task uses: the share that CloudWatch tells, of what its definition reserves."""
    view = known.services.get(placement)
    made_of = view.definition if view else None
    if made_of is None:
        return
    for family, metric, reserved in (
        (families.CPU_UNITS, CPU, made_of.cpu_units),
        (families.MEMORY_MEGABYTES, MEMORY, made_of.memory_mib),
    ):
        latest = shown.get((metric, ""))
        if latest is not None and reserved is not None:
            yield family, (_where(placement), latest.value * reserved)


def _reading(known: Known) -> Numbers:
    for track, cost in sorted(known.spent.items()):
        labels = (track.account, track.region, str(track.tier))
        yield families.CALLS, (labels, float(cost.calls))
        yield families.METRICS_REQUESTED, (labels, float(cost.metrics))
        yield families.METRICS_GROUPED, (labels, float(cost.metrics_grouped))
        yield families.DOLLARS, (labels, float(cost.metrics * METRIC_USD))
        for reason, number in cost.gaps.items():
            yield families.GAPS, ((*labels, str(reason)), float(number))
    yield families.THRIFT, ((), float(known.thrift))
    for area in sorted(known.counted):
        if (arrived := known.arrived(area)) is not None:
            yield families.WATERMARK, ((area.account, area.region), float(arrived * MINUTE_S))
            yield families.BEHIND, ((area.account, area.region), float(known.behind(area)))
    for sli, number in sorted(known.restated.items()):
        yield metrics.RESTATED_MINUTES, ((*_where(sli.placement), str(sli.indicator)), float(number))
    for of, number in known.mismatches.items():
        yield metrics.LEDGER_MISMATCHES, ((of,), float(number))
    for (placement, doubt), number in sorted(known.doubts.items()):
        yield families.DOUBTS, ((*_where(placement), doubt), float(number))


def _checks(known: Known) -> Numbers:
    for (placement, name), seen in sorted(known.checks.copy().items()):
        labels = (*_where(placement), name)
        yield families.PROBE_CHECKS, (labels, float(seen.checks))
        for reason, number in seen.failures.items():
            yield families.PROBE_FAILURES, ((*labels, str(reason)), float(number))
        yield families.PROBE_SECONDS, (labels, Distribution(ANSWERED_WITHIN_S, seen.within, seen.seconds))


def _counted_runs(known: Known, ledger: Ledger) -> Numbers:
    """Yield scheduled runs as they were decided: that takes longer than any minute takes to settle."""
    runs = known.runs.copy()
    for sli in ledger.slis:
        if sli.indicator is Indicator.SCHEDULE:
            labels = (*_where(sli.placement), str(sli.indicator))
            total = sum(runs[sli.placement, outcome] for outcome in Outcome)
            yield metrics.ALL, (labels, float(total))
            yield metrics.BAD, (labels, float(total - runs[sli.placement, Outcome.SUCCEEDED]))


def _runs(known: Known) -> Numbers:
    for (placement, outcome), number in sorted(known.runs.copy().items()):
        yield families.SCHEDULE_RUNS, ((*_where(placement), str(outcome)), float(number))
    for placement, due in sorted(known.last_success.copy().items()):
        yield families.SCHEDULE_LAST_SUCCESS, (_where(placement), due.timestamp())


def _remedies(books: Books) -> Numbers:
    yield remedies.PAUSED, ((), float(books.runs.paused()))
    standing = Counter((i.service, str(i.severity), str(i.phase)) for i in books.open_incidents())
    for labels, number in sorted(standing.items()):
        yield remedies.INCIDENTS_OPEN, (labels, float(number))
    runs = books.runs.every()
    going = Counter((*_where(r.placement), str(r.action), str(r.state)) for r in runs if not r.state.final)
    for where, number in sorted(going.items()):
        yield remedies.RUNS_OPEN, (where, float(number))
    ended = Counter((*_where(r.placement), str(r.action), str(r.outcome)) for r in runs if r.state.final)
    for where, number in sorted(ended.items()):
        yield remedies.ACTIONS, (where, float(number))


def _work(board: Board, record: Record, books: Books) -> Numbers:
    yield telemetry.UP, ((), 0.0 if board.trouble() else 1.0)
    for name, health in sorted(record.health().items()):
        yield telemetry.JOB_RUNS, ((name,), float(health.runs))
        yield telemetry.JOB_FAILURES, ((name,), float(health.failures))
        yield telemetry.JOB_SKIPPED, ((name,), float(health.skipped))
        if health.last_success is not None:
            yield telemetry.JOB_LAST_SUCCESS, ((name,), health.last_success.timestamp())
    for role, lead in (books.leads or {}).items():
        yield telemetry.LEADS, ((str(role),), float(lead.held))
    yield from _heartbeat(board.pulse)
    backlog = books.outbox.backlog()
    yield telemetry.OUTBOX_PENDING, ((), float(backlog.pending))
    yield telemetry.OUTBOX_STUCK, ((), float(backlog.stuck))
    for place, waiting in sorted(Counter(one.place for one in books.statements.failing()).items()):
        yield telemetry.STATEMENTS_WAITING, ((place,), float(waiting))
    for kind, number in sorted(books.event_counts().items()):
        yield telemetry.EVENTS, ((kind,), float(number))


def _queues(known: Known) -> Numbers:
    for area, look in sorted(known.queues.items(), key=lambda one: one[0].region):
        yield telemetry.EVENTS_WAITING, ((area.region,), float(look.waiting))
        if look.dead is not None:
            yield telemetry.DEAD_LETTERS, ((area.region,), float(look.dead))


def _heartbeat(pulse: Pulse) -> Numbers:
    for region in pulse.regions:
        yield telemetry.HEARTBEATS, ((region,), float(pulse.beats[region]))
        yield telemetry.HEARTBEAT_FAILURES, ((region,), float(pulse.failures[region]))
    for reason in Silence if pulse.regions else ():
        yield telemetry.HEARTBEAT_SILENT, ((str(reason),), float(reason in pulse.silent))


def _where(placement: Placement) -> tuple[str, str, str, str]:
    return placement.account, placement.region, placement.cluster, placement.service
