from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.serving import Load, Outcome, serve, slowdown
from simulator.traffic import Shaped

START = 29_731_680


def served(requests: int = 10_000, minutes: int = 60, **load: Any) -> Outcome:  # noqa: ANN401 - any field of Load
    offered = np.full((minutes, 2), requests)
    given = {"healthy": 10.0, "task_capacity": 2_000.0, **load}
    return serve(Load(offered=offered, **given), seed=3, start=START)


def offered(outcome: Outcome) -> int:
    return int((outcome.answered + outcome.elb_4xx + outcome.elb_5xx).sum())


ratios = st.floats(0.0, 1.0)


@given(
    requests=st.integers(0, 200_000),
    healthy=st.floats(0.0, 20.0),
    dark=ratios,
    errors=ratios,
    dependency=ratios,
    abrupt=ratios,
)
def test_every_request_gets_exactly_one_answer(  # noqa: PLR0913, PLR0917 - all that can happen to it
    requests: int, healthy: float, dark: float, errors: float, dependency: float, abrupt: float
) -> None:
    outcome = served(
        requests,
        minutes=2,
        healthy=healthy,
        dark_ratio=dark,
        error_ratio=errors,
        dependency_error_ratio=dependency,
        abrupt_ratio=abrupt,
    )
    assert offered(outcome) == requests * 4
    assert (outcome.requests + outcome.elb_503 == requests).all()
    assert all((getattr(outcome, name) >= 0).all() for name in ("target_2xx", "slow", "elb_502", "elb_504"))
    assert (outcome.slow <= outcome.answered).all()
    # The check that readers make of ALB's counts.
    assert (outcome.requests - outcome.elb_4xx <= outcome.total).all()
    assert (outcome.total <= outcome.requests + outcome.elb_5xx).all()


def test_a_quiet_day_stays_far_inside_four_nines() -> None:
    traffic = Shaped(seed=3, peak_rpm=np.full(20, 6_000.0), utc_offset_h=np.zeros(20), swing=0.6)
    load = Load(offered=traffic.offered(START, START + 1440), healthy=10.0, task_capacity=1_000.0)
    outcome = serve(load, seed=3, start=START)
    ratio = outcome.bad.sum() / outcome.total.sum()
    assert 1e-6 < ratio < 1e-5
    assert outcome.slow.sum() / outcome.answered.sum() < 1e-3


def test_a_total_outage_is_503_without_a_target() -> None:
    outcome = served(healthy=0.0)
    assert (outcome.elb_503 == 10_000).all()
    assert (outcome.requests == 0).all()
    assert (outcome.cpu_average < 5).all()


def test_a_part_of_the_minute_in_the_dark_fails_that_part() -> None:
    outcome = served(dark_ratio=0.25)
    assert outcome.elb_503.mean() == pytest.approx(2_500, rel=0.02)
    assert (outcome.requests == 10_000 - outcome.elb_503).all()


def test_a_bad_revision_fails_its_share_at_the_target() -> None:
    outcome = served(error_ratio=0.2)
    assert outcome.target_5xx.mean() == pytest.approx(2_000, rel=0.02)
    assert (outcome.elb_5xx == 0).all()


def test_two_causes_of_errors_do_not_add_up_beyond_all() -> None:
    outcome = served(error_ratio=0.5, dependency_error_ratio=0.5)
    assert outcome.target_5xx.mean() == pytest.approx(7_500, rel=0.02)


def test_a_dying_task_cuts_requests_off_after_a_target_was_chosen() -> None:
    outcome = served(abrupt_ratio=0.1)
    assert outcome.elb_502.mean() == pytest.approx(1_000, rel=0.05)
    assert (outcome.requests == 10_000).all()


def test_beyond_capacity_the_excess_fails_and_the_rest_is_slow() -> None:
    outcome = served(requests=25_000)
    assert (outcome.elb_502 + outcome.elb_504 == 5_000).all()
    assert (outcome.requests == 25_000).all()
    assert (outcome.median_s > 0.3).all()
    assert (outcome.cpu_average > 95).all()


def test_queues_form_from_85_percent_on() -> None:
    assert slowdown(np.array([0.0, 0.85, 1.0])).tolist() == pytest.approx([1.0, 1.0, 5.0])


def test_the_same_minute_is_served_the_same_alone_or_in_a_day() -> None:
    load = np.full((30, 2), 9_000)
    whole = serve(Load(offered=load, healthy=10.0, task_capacity=1_000.0, error_ratio=0.01), 3, START)
    one = serve(Load(offered=load[:1], healthy=10.0, task_capacity=1_000.0, error_ratio=0.01), 3, START + 17)
    assert (one.target_5xx[0] == whole.target_5xx[17]).all()
    assert (one.slow[0] == whole.slow[17]).all()


def test_a_fault_in_one_placement_leaves_the_noise_of_the_others_alone() -> None:
    calm, broken = served(), served(error_ratio=np.array([0.5, 0.0]), latency_factor=np.array([4.0, 1.0]))
    assert (calm.target_2xx[:, 1] == broken.target_2xx[:, 1]).all()
    assert (calm.slow[:, 1] == broken.slow[:, 1]).all()


def test_each_service_has_its_own_threshold_of_slowness() -> None:
    outcome = served(slow_s=np.array([0.06, 0.6]))
    assert outcome.slow.mean(axis=0).tolist() == pytest.approx([5_000, 0], rel=0.02, abs=1)
