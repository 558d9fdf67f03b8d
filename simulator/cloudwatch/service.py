"""CloudWatch's face to the world: minutes go in, alarms and answers come out.

cloudwatch = CloudWatch(places, Telling(), retention=180, alarm_lag_s=10.0)
cloudwatch.record(minute, outcome, tasks, Arrival(), backlog)         minutes from `minute` on
cloudwatch.evaluate(now) -> list[Transition]                          alarms, once per whole minute passed
cloudwatch.alarm_state(account, region, name) -> State | None
cloudwatch.throttle(region, share)                                    refuse this share of calls from now on
cloudwatch.leave_out(region, share)                                   leave this share of series unanswered
cloudwatch.call(operation, params, region=, account=, now=, caller=)  a dict in boto3's shape; raises Refusal
plan = cloudwatch.plan([Series(account, region, namespace, metric, dimensions, stat), ...])
cloudwatch.columns(plan, range(start, end), now=, caller=) -> Told    its values float64 [series, minutes]
cloudwatch.billed(caller=None) -> dict[str, int]

`places` are in the order of every column. `now` is seconds since 1970, or an aware datetime.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from simulator.calls import Desk
from simulator.cloudwatch.alarms import Alarms, Standing, State, one_of
from simulator.cloudwatch.amiss import Amiss, Told, left
from simulator.cloudwatch.billing import Bill
from simulator.cloudwatch.custom import Custom
from simulator.cloudwatch.evaluation import Evaluator, Transition, change
from simulator.cloudwatch.listing import list_metrics
from simulator.cloudwatch.query import Request, answer, finest
from simulator.cloudwatch.reading import Plan, Reader, Series
from simulator.cloudwatch.store import MINUTE_S, PUNCTUAL, Arrival, Store, Tasks, Telling
from simulator.cloudwatch.values import seconds
from simulator.reach import Reach
from simulator.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from simulator.estate import Place
    from simulator.lived import Lived
    from simulator.queues import Backlog
    from simulator.serving import Outcome

Params: TypeAlias = Mapping[str, Any]

THREE_HOURS = 180


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, where and when."""

    account: str
    region: str
    caller: str
    now: float


class CloudWatch:
    """Metrics and alarms of every account and region of the estate."""

    def __init__(
        self,
        places: Sequence[Place],
        telling: Telling | None = None,
        *,
        retention: int = THREE_HOURS,
        alarm_lag_s: float = 10.0,
        desk: Desk | None = None,
    ) -> None:
        self._store = Store(places, retention, telling or Telling())
        self._custom = Custom(retention)
        self._reader = Reader(places, self._store, self._custom)
        self._alarms = Alarms()
        self._evaluator = Evaluator(self._alarms, self._reader, alarm_lag_s)
        self._set_by_hand: list[Transition] = []
        self._bill = Bill()
        self._desk = desk or Desk(0, Reach(0))
        self._amiss = Amiss(self._desk.seed)
        self._operations: Mapping[str, Callable[[Params, Asker], dict[str, Any]]] = {
            "GetMetricData": self._get_metric_data,
            "ListMetrics": self._list_metrics,
            "PutMetricData": self._put_metric_data,
            "PutMetricAlarm": self._put_metric_alarm,
            "DescribeAlarms": self._describe_alarms,
            "DeleteAlarms": self._delete_alarms,
            "SetAlarmState": self._set_alarm_state,
        }
        self._refused_share: dict[str, float] = {}
        self._refusal_due: dict[str, float] = defaultdict(float)

    def record(
        self,
        minute: int,
        outcome: Outcome,
        tasks: Tasks,
        arrival: Arrival = PUNCTUAL,
        backlog: Backlog | None = None,
    ) -> None:
        """Keep what was measured in the whole minutes (since 1970) from `minute` on."""
        self._store.record(minute, outcome, tasks, arrival, backlog)

    def rest(self, minutes: Lived, whole: Callable[[int], int] = lambda count: count) -> int:
        """Keep minutes until one in which an alarm would change; return how many were kept.

        `whole` says how many may be kept of so many.
        """
        if self._set_by_hand:
            return 0
        before = self._store.before(minutes.start, len(minutes))
        self.record(minutes.start, minutes.outcome, minutes.tasks, minutes.arrival, minutes.backlog)
        count = whole(self._evaluator.still(minutes.start, len(minutes)))
        if count < len(minutes):
            self._store.restore(before)
            return self.rest(minutes.first(count), whole) if count else 0
        self._evaluator.passed(minutes.start + count)
        return count

    def evaluate(self, now: float | datetime) -> list[Transition]:
        """Return the alarms that changed since the last call."""
        by_hand, self._set_by_hand = self._set_by_hand, []
        return by_hand + self._evaluator.evaluate(seconds(now, "now"))

    def alarm_state(self, account: str, region: str, name: str) -> State | None:
        """Return what an alarm says; None if there is no such alarm."""
        alarm = self._alarms.all.get((account, region, name))
        return alarm.standing.state if alarm else None

    def throttle(self, region: str, share: float) -> None:
        """Refuse this share of the region's calls from now on, evenly; 0 ends it."""
        self._refused_share[region] = share

    def leave_out(self, region: str, share: float) -> None:
        """Leave this share of the region's series out of every answer from now on; 0 ends it."""
        self._amiss.shares[region] = share

    def plan(self, series: Sequence[Series]) -> Plan:
        """Find out where series lead, to read them often."""
        return self._reader.plan(series)

    def columns(self, plan: Plan, minutes: range, *, now: float | datetime, caller: str) -> Told:
        """Return minutes of a plan as far as told; billed and refused like a call.

        A step of several minutes asks for periods of so many, which the whole range must be a multiple of.
        Like AWS it tells nothing in periods shorter than those that are still kept of the first minute.
        """
        for region in sorted({series.region for series in plan.series}):
            self._admit(region)
        self._bill.request(caller, "GetMetricData")
        self._bill.metrics(caller, plan.series)
        at, size = seconds(now, "now"), minutes.step
        values = self._reader.read(plan, range(minutes.start, minutes.stop), size, at)
        if size * MINUTE_S % finest(minutes.start * MINUTE_S, at):
            values[:] = np.nan
        amiss = self._amiss.draw(plan.series)
        for row, status in amiss.items():
            values[row] = left(values[row], status)
        return Told(values, amiss)

    def billed(self, caller: str | None = None) -> dict[str, int]:
        """Return what was asked for, by one caller or by all, and what stands there to be billed."""
        standing = {"alarms": len(self._alarms.all), "custom_metrics": len(self._custom.series)}
        return self._bill.told(caller) | standing

    def call(  # noqa: PLR0913 - who asks, where and when belong to every call
        self,
        operation: str,
        params: Mapping[str, Any],
        *,
        region: str,
        account: str,
        now: float | datetime,
        caller: str,
    ) -> dict[str, Any]:
        """Answer an API call.  Raises Refusal."""
        asker = Asker(account, region, caller, seconds(now, "now"))
        return self._desk.answer(
            "cloudwatch",
            operation,
            params,
            lambda: self._answer(operation, params, asker),
            account=account,
            region=region,
            caller=caller,
        )

    def put_alarm(self, params: Params, *, region: str, account: str, now: float) -> None:
        """Set up an alarm that was there before anybody called."""
        self._alarms.put(params, account, region, now)

    def _answer(self, operation: str, params: Params, asker: Asker) -> dict[str, Any]:
        handler = self._operations.get(operation)
        if handler is None:
            raise Refusal("UnknownOperationException", f"CloudWatch's {operation} is not simulated yet.")
        self._admit(asker.region)
        self._bill.request(asker.caller, operation)
        return handler(params, asker)

    def _admit(self, region: str) -> None:
        """Refuse calls that do not get through, and some of the others while the region is throttled."""
        self._desk.reach.admit(region)
        self._refusal_due[region] += self._refused_share.get(region, 0.0)
        if self._refusal_due[region] >= 1.0:
            self._refusal_due[region] -= 1.0
            raise Refusal("Throttling", "Rate exceeded")

    def _get_metric_data(self, params: Params, asker: Asker) -> dict[str, Any]:
        request = Request.parse(params, asker.account, asker.region)
        series = [ask.series for ask in request.asks]
        told = answer(request, self._reader, asker.now, self._amiss.draw(series))
        self._bill.metrics(asker.caller, series, first_page=request.offset == 0)
        return told

    def _list_metrics(self, params: Params, asker: Asker) -> dict[str, Any]:
        return list_metrics(params, asker.account, asker.region, self._reader, asker.now)

    def _put_metric_data(self, params: Params, asker: Asker) -> dict[str, Any]:
        lag_s = self._store.telling.lag_s(params.get("Namespace", ""))
        self._custom.put(params, asker.account, asker.region, now=asker.now, lag_s=lag_s)
        return {}

    def _put_metric_alarm(self, params: Params, asker: Asker) -> dict[str, Any]:
        self.put_alarm(params, region=asker.region, account=asker.account, now=asker.now)
        return {}

    def _describe_alarms(self, params: Params, asker: Asker) -> dict[str, Any]:
        return self._alarms.describe(params, asker.account, asker.region)

    def _delete_alarms(self, params: Params, asker: Asker) -> dict[str, Any]:
        self._alarms.delete(params, asker.account, asker.region)
        return {}

    def _set_alarm_state(self, params: Params, asker: Asker) -> dict[str, Any]:
        """Let an alarm say something until its next evaluation."""
        key = (asker.account, asker.region, params.get("AlarmName", ""))
        if key not in self._alarms.all:
            raise Refusal("ResourceNotFound", f"Alarm {key[2]} does not exist.", 404)
        state = one_of(State, params.get("StateValue", ""), "StateValue")
        reason, data = params.get("StateReason", ""), params.get("StateReasonData", "{}")
        if self._alarms.all[key].standing.state is not state:
            self._set_by_hand.append(change(self._alarms, key, Standing(state, asker.now, reason, data)))
        return {}
