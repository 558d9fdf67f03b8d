"""Whether more fails than a deployment can have caused that gets only a share of the requests."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING

from remediation.diagnosis.deployments import suspect
from remediation.diagnosis.finding import Finding, Holds, holds
from remediation.diagnosis.health import RECENT_MINUTES, SICK_BURN

if TYPE_CHECKING:
    from remediation.diagnosis.health import Health, Series
    from remediation.diagnosis.situation import Situation

NAME = "more_than_its_share"
#: By chance alone a share of the requests is seldom larger than it is by so many standard deviations.
DEVIATIONS = 4


def more_than_its_share(situation: Situation) -> Finding:
    """Whether more fails than the weight of the blamed deployment explains: then it is not the only cause.

    The weight that is told is the newest; while it grows, no minute before can have had more.
    """
    here = situation.here
    found = suspect(situation, situation.placement, here.onset) if here and here.onset is not None else None
    if here is None or found is None:
        return Finding(NAME, Holds.NO, "There is no deployment that could have too small a share.")
    if not found.moves_traffic or found.finished_at is not None:
        return Finding(NAME, Holds.NO, "The deployment may be answering every request.")
    if found.weight is None:
        return Finding(NAME, Holds.UNKNOWN, "ECS does not say which share of the requests it gets.")
    weight, ratio = found.weight / 100, _worst(here)
    beyond = any(_beyond(series, here, weight) for series in _indicators(here))
    return Finding(
        NAME,
        holds(truth=beyond),
        f"{ratio:.2%} of the requests fail, and the deployment gets {weight:.2%} of them.",
        {"weight_ratio": weight, "bad_ratio": ratio},
    )


def _indicators(here: Health) -> list[Series]:
    return [series for series in (here.availability, here.latency) if series is not None]


def _newest(here: Health) -> list[int]:
    """Return the minutes of the trouble that are looked at."""
    return [minute for minute in here.known if minute >= (here.onset or 0)][:RECENT_MINUTES]


def _worst(here: Health) -> float:
    ratios = (series.ratio(_newest(here)) for series in _indicators(here))
    return float(max((ratio for ratio in ratios if ratio is not None), default=0))


def _beyond(series: Series, here: Health, weight: float) -> bool:
    cells = [cell for minute in _newest(here) if (cell := series.at(minute)) is not None]
    bad, total = (sum(cell[part] for cell in cells) / series.scale for part in (0, 1))
    chance = DEVIATIONS * sqrt(weight * (1 - weight) * total)
    return bad > weight * total + chance + float(SICK_BURN * series.allowed) * total
