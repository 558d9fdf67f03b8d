"""GetMetricData: asked strictly, aligned, paged and answered as AWS does [botocore's model of CloudWatch]."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from simulator import fate
from simulator.cloudwatch.amiss import MESSAGES, Status, left
from simulator.cloudwatch.expressions import Formula, ordered, solve, wrong
from simulator.cloudwatch.measures import Array
from simulator.cloudwatch.reading import Reader, Series
from simulator.cloudwatch.store import MINUTE_S
from simulator.cloudwatch.values import dimensions_of, moment, position, seconds, token
from simulator.refusal import Refusal

if TYPE_CHECKING:
    from numpy.typing import NDArray

QUERIES_MAX = 500
POINTS_MAX = 100_800
DAY_S = 86_400
#: Age of StartTime: its rounding and the smallest period kept [GetMetricData, model].
RESOLUTIONS = ((15 * DAY_S, 60), (63 * DAY_S, 300), (float("inf"), 3600))
SUB_MINUTE_PERIODS = (1, 5, 10, 20, 30)
_ID = re.compile(r"[a-z][a-zA-Z0-9_]*")


@dataclass(frozen=True, slots=True)
class Ask:
    """One metric query of a request."""

    id: str
    label: str
    series: Series
    period_s: int
    unit: str | None
    returned: bool


@dataclass(frozen=True, slots=True)
class Request:
    """A GetMetricData request that makes sense; times in seconds since 1970, `end` exclusive.

    `asks` and `formulas` are its queries, formulas in an order in which they can be solved; `shown` are those
    that are returned, in the order of the request.
    """

    asks: tuple[Ask, ...]
    formulas: tuple[Formula, ...]
    shown: tuple[Ask | Formula, ...]
    start: float
    end: float
    newest_first: bool
    points_max: int
    offset: int
    subject: str

    @classmethod
    def parse(cls, params: Mapping[str, Any], account: str, region: str) -> Request:
        """Read the parameters.  Raises Refusal with the first thing that is wrong."""
        queries = params.get("MetricDataQueries") or []
        if not queries:
            raise Refusal("ValidationError", "The parameter MetricDataQueries is required.")
        if len(queries) > QUERIES_MAX:
            message = f"The collection MetricDataQueries must not have a size greater than {QUERIES_MAX}."
            raise Refusal("ValidationError", message)
        asks = tuple(_ask(query, account, region) for query in queries if "Expression" not in query)
        formulas = _formulas(queries, asks)
        read: list[Ask | Formula] = [*asks, *formulas]
        by_id = {query.id: query for query in read}
        if len(by_id) < len(queries):
            raise Refusal(
                "ValidationError", "The values for parameter id in MetricDataQueries are not unique."
            )
        if not any(query.returned for query in by_id.values()):
            raise Refusal("ValidationError", "At least one query must have ReturnData true.")
        start, end = seconds(params.get("StartTime"), "StartTime"), seconds(params.get("EndTime"), "EndTime")
        if start >= end:
            raise Refusal(
                "ValidationError", "The parameter StartTime must be less than the parameter EndTime."
            )
        points_max = params.get("MaxDatapoints") or POINTS_MAX
        if not 0 < points_max <= POINTS_MAX:
            message = f"The parameter MaxDatapoints must be between 1 and {POINTS_MAX}."
            raise Refusal("ValidationError", message)
        subject = fate.hexadecimal(16, start, end, account, region, *by_id)
        return cls(
            asks=asks,
            formulas=formulas,
            shown=tuple(each for query in queries if (each := by_id[query["Id"]]).returned),
            start=start,
            end=end,
            newest_first=_newest_first(params.get("ScanBy", "TimestampDescending")),
            points_max=points_max,
            offset=position(params.get("NextToken"), subject),
            subject=subject,
        )


def _newest_first(order: str) -> bool:
    if order not in ("TimestampAscending", "TimestampDescending"):
        message = (
            f"The value {order} for parameter ScanBy is neither TimestampAscending nor TimestampDescending."
        )
        raise Refusal("ValidationError", message)
    return order == "TimestampDescending"


def _id(query: Mapping[str, Any]) -> str:
    name: str = query.get("Id", "")
    if not _ID.fullmatch(name):
        message = f"The value {name} for parameter Id must match [a-z][a-zA-Z0-9_]*."
        raise Refusal("ValidationError", message)
    return name


def _formulas(queries: Sequence[Mapping[str, Any]], asks: Sequence[Ask]) -> tuple[Formula, ...]:
    """Read the expressions among the queries, and put them in an order in which they can be solved."""
    metrics = [ask.id for ask in asks]
    formulas = []
    for query in queries:
        if "Expression" not in query:
            continue
        name = _id(query)
        if "MetricStat" in query:
            raise Refusal("ValidationError", f"Query {name} must have either Expression or MetricStat.")
        label, returned = query.get("Label") or name, query.get("ReturnData", True)
        formulas.append(Formula.parse(name, query["Expression"], label, metrics, returned=returned))
    return ordered(formulas, metrics)


def _ask(query: Mapping[str, Any], account: str, region: str) -> Ask:
    """Read one metric query."""
    name = _id(query)
    stat = query.get("MetricStat")
    if not stat:
        raise Refusal("ValidationError", f"Query {name} needs MetricStat.")
    owner = query.get("AccountId", account)
    if owner != account:
        message = f"Query {name}: reading account {owner} from {account} is not simulated yet."
        raise Refusal("ValidationError", message)
    period = stat.get("Period", 0)
    if period not in SUB_MINUTE_PERIODS and (period <= 0 or period % MINUTE_S):
        message = (
            f"Query {name}: the parameter Period must be 1, 5, 10, 20, 30 or a multiple of 60, got {period}."
        )
        raise Refusal("ValidationError", message)
    metric = stat["Metric"]
    dimensions = dimensions_of(metric.get("Dimensions", ()))
    series = Series(account, region, metric["Namespace"], metric["MetricName"], dimensions, stat["Stat"])
    label = query.get("Label") or metric["MetricName"]
    return Ask(name, label, series, period, stat.get("Unit"), query.get("ReturnData", True))


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """The points of one query, oldest first: `values` with NaN for absent, `stamps` shared by its period."""

    values: Array
    stamps: Sequence[float]
    status: Status = Status.COMPLETE


def answer(request: Request, reader: Reader, now: float, amiss: Mapping[int, Status]) -> dict[str, Any]:
    """Answer a request as far as its minutes can be read at `now`; `amiss` says which asks are left out."""
    read = _columns(request, reader, now, amiss)
    columns = [read[query.id] for query in request.shown]
    lengths = np.array([len(column.stamps) for column in columns])
    whole = int(lengths.sum())
    upto = min(request.offset + request.points_max, whole)
    firsts, lasts = _cut(lengths, request.offset, upto)
    stamped: dict[tuple[int, int, int], list[Any]] = {}
    results = []
    for query, column, first, last in zip(request.shown, columns, firsts, lasts, strict=True):
        stamps, values = _page(column, first, last, stamped, newest_first=request.newest_first)
        results.append(
            {
                "Id": query.id,
                "Label": query.label,
                "Timestamps": stamps,
                "Values": values,
                **_status(column, whole=last == len(column.stamps)),
            }
        )
    told = {"MetricDataResults": results, "Messages": []}
    return told | ({"NextToken": token(upto, request.subject)} if upto < whole else {})


def _status(column: Column, *, whole: bool) -> dict[str, Any]:
    """Return how a series is told: what a later page holds is missing without a fault."""
    if column.status is Status.COMPLETE:
        return {"StatusCode": (Status.COMPLETE if whole else Status.PARTIAL).value}
    code = column.status.value
    return {"StatusCode": code, "Messages": [{"Code": code, "Value": MESSAGES[column.status]}]}


def _page(
    column: Column,
    first: int,
    last: int,
    stamped: dict[tuple[int, int, int], list[Any]],
    *,
    newest_first: bool,
) -> tuple[list[Any], list[float]]:
    """Return times and values of the points `[first, last)` in scan order; whole rows share their times."""
    key = (id(column.stamps), first, last)
    if key not in stamped:
        ordered = column.stamps[::-1] if newest_first else column.stamps
        stamped[key] = [moment(at) for at in ordered[first:last]]
    values = (column.values[::-1] if newest_first else column.values)[first:last]
    present = ~np.isnan(values)
    if present.all():
        return stamped[key], values.tolist()
    times = stamped[key]
    return [times[i] for i in np.flatnonzero(present).tolist()], values[present].tolist()


def _cut(lengths: NDArray[np.int64], first: int, last: int) -> tuple[list[int], list[int]]:
    """Return which points of each series a page holds, dealt out one by one to all series in turn."""
    if first == 0 and last == lengths.sum():
        return [0] * len(lengths), lengths.tolist()
    places = np.concatenate([np.arange(length) for length in lengths])
    owners = np.repeat(np.arange(len(lengths)), lengths)
    order = np.lexsort((owners, places))
    before = np.bincount(owners[order[:first]], minlength=len(lengths))
    upto = np.bincount(owners[order[:last]], minlength=len(lengths))
    return before.tolist(), upto.tolist()


def _columns(request: Request, reader: Reader, now: float, amiss: Mapping[int, Status]) -> dict[str, Column]:
    """Read all metrics, those of one period at once, and solve what is made of them."""
    columns: dict[str, Column] = {}
    statuses = {request.asks[row].id: status for row, status in amiss.items()}
    by_period: dict[int, list[Ask]] = defaultdict(list)
    for ask in request.asks:
        by_period[ask.period_s].append(ask)
    for period_s, asks in by_period.items():
        stamps = buckets(request, period_s, reader, now)
        plan = reader.plan([ask.series for ask in asks])
        size = period_s // MINUTE_S
        minutes = range(stamps.start // MINUTE_S, stamps.start // MINUTE_S + len(stamps) * size)
        rows = reader.read(plan, minutes, size, now)
        for row, ask in zip(rows, asks, strict=True):
            told = _in_unit(ask, reader)
            values = row if told else np.full_like(row, np.nan)
            status = statuses.get(ask.id, Status.COMPLETE)
            order = -1 if request.newest_first else 1
            columns[ask.id] = Column(left(values[::order], status)[::order], stamps, status)
    for formula in request.formulas:
        columns[formula.id] = _solved(formula, columns, now)
    return columns


def _solved(formula: Formula, columns: Mapping[str, Column], now: float) -> Column:
    """Return the points of a formula, at the stamps of what it is made of, and as badly told as the worst."""
    parts = {name: columns[name] for name in formula.needs}
    stamps, *others = {id(part.stamps): part.stamps for part in parts.values()}.values()
    if others:
        raise wrong(formula.id, "series of different periods are not simulated yet")
    passed = np.array(stamps, dtype=np.float64) <= now
    values = solve(formula, {name: part.values for name, part in parts.items()}, passed)
    status = max((part.status for part in parts.values()), key=list(Status).index)
    return Column(left(values, status) if status is Status.INTERNAL else values, stamps, status)


def _in_unit(ask: Ask, reader: Reader) -> bool:
    """Return whether the series is told in the unit that was asked for; units are never converted."""
    return ask.unit is None or ask.unit == reader.unit(ask.series)


def finest(start: float, now: float) -> int:
    """Return the smallest period that is kept of a time, in seconds."""
    return next(period_s for age, period_s in RESOLUTIONS if now - start < age)


def buckets(request: Request, period_s: int, reader: Reader, now: float) -> range:
    """Return the stamps of the buckets that may hold points: aligned, no finer than what is kept."""
    resolution = finest(request.start, now)
    if period_s % resolution:
        return range(0)
    kept = reader.kept(now)
    first = int(request.start // resolution * resolution)
    if reader.store.telling.clock_aligned:
        first -= first % period_s
    skipped = max(0, kept.start * MINUTE_S - first) // period_s
    last = min(math.ceil(request.end), kept.stop * MINUTE_S)
    return range(first + skipped * period_s, max(last, 0), period_s)
