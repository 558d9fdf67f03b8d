"""Whether alarms change: evaluated every minute, all of one kind at once, over what can be read by then.

M of N, missing data and the look further back follow "Configuring how CloudWatch alarms treat missing data"
[CloudWatch user guide]; where its tables are silent, data that is there and does not breach enough means OK.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from simulator import fate
from simulator.cloudwatch.alarms import Alarm, Alarms, Comparison, Missing, Rule, Standing, State
from simulator.cloudwatch.reading import Plan, Reader
from simulator.cloudwatch.store import MINUTE_S
from simulator.cloudwatch.values import moment

if TYPE_CHECKING:
    from simulator.cloudwatch.measures import Array

Bits: TypeAlias = NDArray[np.bool_]
Key: TypeAlias = tuple[str, str, str]

#: How many periods more than EvaluationPeriods are looked at; AWS names no number, its example has two.
FURTHER_BACK = 2
STATES = (State.OK, State.ALARM, State.INSUFFICIENT_DATA)
_OK, _ALARM, _INSUFFICIENT = range(3)
_WORDS = {
    Comparison.AT_LEAST: "greater than or equal to",
    Comparison.ABOVE: "greater than",
    Comparison.BELOW: "less than",
    Comparison.AT_MOST: "less than or equal to",
}


@dataclass(frozen=True, slots=True)
class Transition:
    """An alarm changed: what EventBridge is to be told (`detail`), and the actions of the new state."""

    at: float
    account: str
    region: str
    name: str
    arn: str
    state: State
    previous: State
    detail: dict[str, Any]
    actions: tuple[str, ...]
    rule: Rule


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Alarms of the same period, evaluation periods and lag, as columns."""

    keys: tuple[Key, ...]
    rules: tuple[Rule, ...]
    plan: Plan
    lag_s: float


class Evaluator:
    """Evaluates all alarms once for every whole minute that passes."""

    def __init__(self, alarms: Alarms, reader: Reader, alarm_lag_s: float) -> None:
        self._alarms = alarms
        self._reader = reader
        self._alarm_lag_s = alarm_lag_s
        self._batches: list[Batch] = []
        self._version = -1
        self._minute: int | None = None

    def evaluate(self, now: float) -> list[Transition]:
        """Return what changed since the last call, minute by minute."""
        minute = int(now // MINUTE_S)
        first = minute if self._minute is None else self._minute + 1
        self._minute = max(minute, self._minute or minute)
        return [
            change
            for m in range(first, minute + 1)
            for batch in self._current()
            for change in self._evaluate(batch, float(m * MINUTE_S))
        ]

    def still(self, start: int, count: int) -> int:
        """Return how many of the minutes from `start` on, all kept already, pass without a change."""
        for batch in self._current():
            if not self._plainly_still(batch, start, count):
                ends = range(start + 1, start + count + 1)
                count = next((n for n, end in enumerate(ends) if self._moves(batch, end * MINUTE_S)), count)
        return count

    def passed(self, minute: int) -> None:
        """Note that nothing changed up to this minute."""
        self._minute = minute

    def _current(self) -> list[Batch]:
        if self._version != self._alarms.version:
            self._batches = list(self._batched())
            self._version = self._alarms.version
        return self._batches

    def _plainly_still(self, batch: Batch, start: int, count: int) -> bool:
        """Whether all of them are well and stay so, since no point that they look at meanwhile breaches.

        A sum that is told early is less than it will be, so that this is seen of thresholds from below alone.
        """
        plain = all(
            rule.missing is Missing.NOT_BREACHING
            and rule.comparison in {Comparison.ABOVE, Comparison.AT_LEAST}
            and rule.series.stat == "Sum"
            and rule.period_s == MINUTE_S
            and self._alarms.all[key].standing.state is State.OK
            for key, rule in zip(batch.keys, batch.rules, strict=True)
        )
        if not plain or self._reader.store.revising:
            return False
        first, last = (self._looks(batch, float(end * MINUTE_S))[0] for end in (start + 1, start + count))
        points = self._reader.read(batch.plan, range(first.start, last.stop), 1, math.inf)
        return not breaching(points, batch.rules).any()

    def _looks(self, batch: Batch, at: float) -> tuple[range, float]:
        """Return the minutes that are looked at, up to the newest whose usual lag has passed, and by when."""
        rule = batch.rules[0]
        known_by = at - self._alarm_lag_s
        end = int((known_by - batch.lag_s) // MINUTE_S)
        return range(end - rule.period_s // MINUTE_S * (rule.periods + FURTHER_BACK), end), known_by

    def _batched(self) -> list[Batch]:
        kinds: dict[tuple[int, int, float], list[tuple[Key, Rule]]] = defaultdict(list)
        for key, alarm in self._alarms.all.items():
            rule = alarm.rule
            lag_s = self._reader.store.telling.lag_s(rule.series.namespace)
            kinds[rule.period_s, rule.periods, lag_s].append((key, rule))
        return [
            Batch(
                keys=tuple(key for key, _ in members),
                rules=tuple(rule for _, rule in members),
                plan=self._reader.plan([rule.series for _, rule in members]),
                lag_s=lag_s,
            )
            for (_, _, lag_s), members in kinds.items()
        ]

    def _evaluate(self, batch: Batch, at: float) -> list[Transition]:
        """Judge one batch, and let those change that do."""
        minutes, points, current, decided = self._judged(batch, at)
        stamps = range(minutes.start * MINUTE_S, minutes.stop * MINUTE_S, batch.rules[0].period_s)
        changes = []
        for row in np.flatnonzero(decided != current).tolist():
            was, state = STATES[current[row]], STATES[decided[row]]
            why = explain(batch.rules[row], points[row], stamps, (was, state), at)
            changes.append(change(self._alarms, batch.keys[row], why))
        return changes

    def _moves(self, batch: Batch, at: int) -> bool:
        _, _, current, decided = self._judged(batch, float(at))
        return bool((current != decided).any())

    def _judged(self, batch: Batch, at: float) -> tuple[range, Array, NDArray[np.int64], NDArray[np.int64]]:
        """Return the minutes looked at, their points, and what each alarm says and is to say."""
        minutes, known_by = self._looks(batch, at)
        points = self._reader.read(batch.plan, minutes, batch.rules[0].period_s // MINUTE_S, known_by)
        current = np.array([STATES.index(self._alarms.all[key].standing.state) for key in batch.keys])
        return minutes, points, current, decide(points, breaching(points, batch.rules), batch.rules, current)


def breaching(points: Array, rules: tuple[Rule, ...]) -> Bits:
    """Return which points breach their alarm's threshold; an absent point does not."""
    upward = np.array([r.comparison in (Comparison.ABOVE, Comparison.AT_LEAST) for r in rules])[:, None]
    strict = np.array([r.comparison in (Comparison.ABOVE, Comparison.BELOW) for r in rules])[:, None]
    thresholds = np.array([r.threshold for r in rules])[:, None]
    beyond = np.where(upward, points > thresholds, points < thresholds)
    breaches: Bits = beyond | (~strict & (points == thresholds))
    return breaches


def decide(
    points: Array, breaches: Bits, rules: tuple[Rule, ...], current: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the state of each alarm as an index of STATES; points are [alarms, periods], oldest first."""
    periods = rules[0].periods
    to_alarm = np.array([rule.to_alarm for rule in rules])
    treats = np.array([rule.missing.value for rule in rules])
    real = ~np.isnan(points)
    used = real & (real[:, ::-1].cumsum(axis=1)[:, ::-1] <= periods)
    hits, known = (used & breaches).sum(axis=1), used.sum(axis=1)
    filled = periods - known
    by_data = np.where(hits >= to_alarm, _ALARM, _OK)
    breached = np.where(hits + filled >= to_alarm, _ALARM, _OK)
    ignored = np.where((by_data == _OK) & (hits == known), current, by_data)
    # All that is there breaches and the first breach is old enough: AWS alarms before M points have come.
    age = points.shape[1] - used.argmax(axis=1)
    premature = (hits == known) & (age >= to_alarm)
    told = np.where(known == 0, _INSUFFICIENT, np.where(premature, _ALARM, by_data))
    lacking = np.select(
        [treats == Missing.BREACHING.value, treats == Missing.IGNORE.value, treats == Missing.MISSING.value],
        [breached, ignored, told],
        default=by_data,
    )
    return np.where(filled == 0, by_data, lacking)


def explain(rule: Rule, points: Array, stamps: range, moved: tuple[State, State], at: float) -> Standing:
    """Return the new standing with its reason in AWS's words; `stamps` are the periods' starts."""
    was, state = moved
    real = [(value, stamp) for value, stamp in zip(points.tolist(), stamps, strict=True) if value == value]  # noqa: PLR0124 - NaN differs from itself
    used = real[-rule.periods :]
    data = {
        "version": "1.0",
        "queryDate": _stamp(at),
        "startDate": _stamp(used[0][1] if used else stamps[-rule.periods]),
        "statistic": rule.series.stat,
        "period": rule.period_s,
        "recentDatapoints": [value for value, _ in used],
        "threshold": rule.threshold,
    }
    reason = _reason(rule, used, state, was)
    return Standing(state, at, reason, json.dumps(data, separators=(",", ":")))


def _reason(rule: Rule, used: list[tuple[float, int]], state: State, was: State) -> str:
    missing = rule.periods - len(used)
    if state is State.INSUFFICIENT_DATA:
        return f"Insufficient Data: {missing} datapoint{'s were' if missing > 1 else ' was'} unknown."
    if not used:
        return (
            f"Threshold Crossed: no datapoints were received for {missing} period{'s' * (missing > 1)} and "
            f"{missing} missing datapoint{'s were' if missing > 1 else ' was'} treated as "
            f"[{'Breaching' if state is State.ALARM else 'NonBreaching'}]."
        )
    row = np.array([[value for value, _ in used]])
    hits = int(breaching(row, (rule,)).sum())
    count = hits if state is State.ALARM else len(used) - hits
    least = rule.to_alarm if state is State.ALARM else rule.periods - rule.to_alarm + 1
    shown = ", ".join(f"{value} ({moment(stamp):%d/%m/%y %H:%M:%S})" for value, stamp in reversed(used))
    verb = ("were " if count > 1 else "was ") + ("" if state is State.ALARM else "not ")
    return (
        f"Threshold Crossed: {count} out of the last {len(used)} datapoints [{shown}] {verb}"
        f"{_WORDS[rule.comparison]} the threshold ({rule.threshold}) "
        f"(minimum {least} datapoint{'s' * (least > 1)} for {was} -> {state} transition)."
    )


def change(alarms: Alarms, key: Key, standing: Standing) -> Transition:
    """Let an alarm change its state; return what is to be told of it."""
    alarm = alarms.all[key]
    alarms.stand(key, standing)
    return Transition(
        at=standing.at,
        account=key[0],
        region=key[1],
        name=key[2],
        arn=alarm.rule.arn,
        state=standing.state,
        previous=alarm.standing.state,
        detail=_detail(alarm, standing),
        actions=alarm.rule.actions.get(standing.state, ()) if alarm.rule.actions_enabled else (),
        rule=alarm.rule,
    )


def _detail(alarm: Alarm, standing: Standing) -> dict[str, Any]:
    """Return the detail of a CloudWatch Alarm State Change event."""
    rule = alarm.rule
    metric = {
        "dimensions": dict(rule.series.dimensions),
        "name": rule.series.metric,
        "namespace": rule.series.namespace,
    }
    stat = {"metric": metric, "period": rule.period_s, "stat": rule.series.stat}
    metrics = [{"id": fate.uuid(rule.arn), "metricStat": stat, "returnData": True}]
    return {
        "alarmName": rule.name,
        "configuration": {"description": rule.description, "metrics": metrics},
        "previousState": _told(alarm.standing),
        "state": _told(standing),
    }


def _told(standing: Standing) -> dict[str, str]:
    return {
        "reason": standing.reason,
        "reasonData": standing.reason_data,
        "timestamp": _stamp(standing.at),
        "value": standing.state.value,
    }


def _stamp(at: float) -> str:
    return f"{moment(at):%Y-%m-%dT%H:%M:%S.000+0000}"
