"""What CloudWatch tells of a zone: made of what it tells of the whole, only when somebody asks.

Requests are where tasks are that get any, and failures where tasks fail.  Every count is divided so that the
zones add up to the whole exactly.  Whether a zone is the target's or that of the load balancer's node is told
as `Telling` says: with cross-zone load balancing the two differ.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from simulator.cloudwatch.measures import COUNTED, TARGET_CODES, Measure
from simulator.spread import InZone

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from simulator.cloudwatch.measures import Array
    from simulator.cloudwatch.store import Store

#: The lines between zones shift from minute to minute, so that no zone gets every odd request.
_SHIFT_BY_MINUTE, _SHIFT_BY_PLACEMENT = 0.6180339887498949, 0.7548776662466927
#: What fails at the best of times, or of what a service depends on, is where requests are.
ELSEWHERE = 1e-4
#: What a load balancer fails by itself, in which zone it does.
BY_BALANCER = frozenset({Measure.ELB_5XX, Measure.ELB_502})
_LEVELS = {
    Measure.HEALTHY_MINIMUM: InZone.LEAST,
    Measure.HEALTHY_MAXIMUM: InZone.MOST,
    Measure.UNHEALTHY: InZone.UNHEALTHY,
}


def window(  # noqa: PLR0913, PLR0917 - what the whole is asked by, and the zone
    store: Store,
    zone: int,
    namespace: str,
    measure: Measure,
    columns: NDArray[np.int64],
    minutes: range,
    now: float,
) -> Array:
    """Return [columns, minutes] of what can be read of one zone at `now`; NaN where nothing was told."""
    whole = store.window(namespace, measure, columns, minutes, now)
    spread = store.spread(columns, minutes)
    registered = spread[InZone.MOST, zone] + spread[InZone.UNHEALTHY, zone] > 0
    if measure is Measure.HEALTHY:
        return np.where(registered & ~np.isnan(whole), spread[InZone.HEALTHY_S, zone] / 60, np.nan)
    if measure in _LEVELS:
        return np.where(registered & ~np.isnan(whole), spread[_LEVELS[measure], zone], np.nan)
    if measure not in COUNTED:
        return whole
    weights = _nodes(spread) if store.telling.zones_of_balancers else _weights(measure, spread)
    part = divided(whole, weights, zone, _shift(columns, minutes))
    return np.where((part > 0) | _tells_zero(store, measure, registered), part, np.nan)


def divided(counts: Array, weights: Array, zone: int, shift: Array) -> Array:
    """Return a zone's part of whole numbers; `weights` are those of all zones, `shift` is from 0 to 1."""
    upto = np.cumsum(np.where(weights.sum(axis=0) > 0, weights, 1.0), axis=0)
    lines = np.minimum(np.floor(counts * (upto / upto[-1]) + shift), counts)
    part: Array = lines[zone] - lines[zone - 1] if zone else lines[0]
    return part


def _weights(measure: Measure, spread: Array) -> Array:
    """Return where a count happened: [zones, columns, minutes]."""
    routed: Array = spread[InZone.ROUTED_S]
    failing: Array = spread[InZone.FAILING_S]
    if measure is Measure.TARGET_5XX:
        return failing + ELSEWHERE * routed
    if measure in BY_BALANCER:
        nodes: Array = spread[InZone.NODES_S]
        return nodes + ELSEWHERE * routed
    if measure is Measure.TARGET_2XX:
        return np.maximum(routed - failing, 0.0)
    return routed


def _nodes(spread: Array) -> Array:
    """Return which nodes of the load balancer get requests: one in each zone but one shifted away from."""
    left = (spread[InZone.HEALTHY_S] > 0) & (spread[InZone.ROUTED_S] == 0)
    return np.where(left, 0.0, 1.0)


def _shift(columns: NDArray[np.int64], minutes: range) -> Array:
    by_minute = np.arange(minutes.start, minutes.stop) * _SHIFT_BY_MINUTE
    shift: Array = (by_minute + columns[:, None] * _SHIFT_BY_PLACEMENT) % 1.0
    return shift


def _tells_zero(store: Store, measure: Measure, registered: NDArray[np.bool_]) -> NDArray[np.bool_] | bool:
    """Return where a zone without any of these requests tells 0 rather than nothing."""
    if measure is Measure.REQUESTS or (measure in TARGET_CODES and store.telling.reports_zeros):
        return registered
    return measure is Measure.SLOW  # none of the answers were slow
