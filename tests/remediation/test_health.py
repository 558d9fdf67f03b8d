"""How a placement serves, from its minutes."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from remediation.actions.action import Before, Recovery, served_again
from remediation.diagnosis.health import Health, Series
from slo.cells import Indicator, State
from tests.remediation.stage import IRELAND, Stage, at

SICK, WELL = (100, 1000), (0, 1000)


def health(*cells: tuple[int, int] | None, latency: Series | None = None) -> Health:
    return Health(placement=IRELAND, availability=Series(0, cells, Fraction(1, 10_000)), latency=latency)


def test_the_ledger_s_minutes_become_a_series_and_only_the_known_ones_tell() -> None:
    states = [State.OBSERVED, State.NO_TRAFFIC, State.UNKNOWN, State.EXCLUDED]
    minutes = (
        np.array([5, 0, 0, 0], np.int64),
        np.array([10, 0, 0, 0], np.int64),
        np.array(states, np.uint8),
    )
    series = Series.of(Indicator.LATENCY, Decimal("0.9990"), 7, minutes)
    assert series.cells == ((5, 10), (0, 0), None, None)
    assert (series.allowed, series.scale, series.newest) == (Fraction(1, 1000), 1000, 8)


@pytest.mark.parametrize(
    ("cells", "failing", "onset"),
    [
        ((), None, None),
        ((None, None), None, None),
        ((WELL,) * 5, False, None),
        ((WELL, WELL, WELL, SICK, SICK), True, 3),
        ((SICK, WELL, WELL, WELL, SICK), True, 4),
        ((SICK, WELL, WELL, SICK, SICK), True, 0),
        ((SICK, SICK, WELL, WELL), False, None),
        ((WELL, SICK, None, None, SICK, None), True, 1),
    ],
    ids=["nothing", "unknown", "well", "sick", "parted", "not parted", "over", "gaps part nothing"],
)
def test_trouble_begins_after_the_last_calm_stretch(
    cells: tuple[tuple[int, int] | None, ...],
    failing: bool | None,  # noqa: FBT001 - what is expected
    onset: int | None,
) -> None:
    assert (health(*cells).failing, health(*cells).onset) == (failing, onset)


def test_few_requests_prove_trouble_only_together() -> None:
    quiet = health(*((1, 5),) * 5)
    assert quiet.sick(4) is False
    assert quiet.failing is True
    assert quiet.onset == 0


def test_one_retry_on_a_quiet_night_is_no_trouble() -> None:
    assert health((0, 5), (0, 5), (1, 5), (0, 5), (0, 5)).failing is False


def test_slow_is_trouble_even_where_nothing_fails() -> None:
    slow = Series(0, ((600_000, 1_000_000),) * 5, Fraction(1, 100), 1000)
    assert health(*(WELL,) * 5, latency=slow).failing is True


def test_what_is_usual_is_the_earlier_part_of_the_hour() -> None:
    busy = health(*((0, 1000),) * 30, *((0, 2500),) * 5)
    assert (busy.per_minute, busy.usual, busy.demand) == (2500, 1000, 2.5)
    assert health(*((0, 1000),) * 10).demand is None


@pytest.mark.parametrize(
    ("ratio", "before", "minutes", "recovery"),
    [
        (0.0, 0.3, 14, Recovery.RECOVERED),
        (0.0, 0.3, 12.5, Recovery.NOT_YET),
        (0.0, 0.3, 15, Recovery.RECOVERED),
        (0.2, 0.3, 16, Recovery.NOT_YET),
        (0.9, 0.3, 16, Recovery.WORSE),
        (0.02, 0.001, 16, Recovery.NOT_YET),
    ],
    ids=["three minutes", "too early", "later", "as before", "worse", "little is not worse"],
)
def test_only_minutes_after_the_action_prove_anything(
    ratio: float, before: float, minutes: float, recovery: Recovery
) -> None:
    stage = Stage(lag={IRELAND: 0})
    stage.fails(IRELAND, 5, before)
    stage.troubles[0].end = 11
    if ratio:
        stage.fails(IRELAND, 11, ratio)
    look = served_again(Before(at(10), before), stage.situation(IRELAND, minutes))
    assert look.recovery is recovery


def test_without_a_minute_after_the_action_nothing_can_be_seen() -> None:
    assert served_again(Before(at(10), 0.3), Stage().situation(IRELAND, 11)).recovery is Recovery.CANNOT_SEE
