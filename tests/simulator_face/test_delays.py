from __future__ import annotations

import pytest

from simulator.aws.delays import Delay, Delays


def test_a_delay_meets_the_next_call_that_changes_something_and_no_other() -> None:
    delays = Delays()
    assert delays.arm({"before_s": 2.5}) == 1
    assert delays.arm({"after_s": 3}) == 2
    assert delays.take("DescribeServices") == Delay()
    assert delays.take("UpdateService") == Delay(before_s=2.5)
    assert delays.take("StopServiceDeployment") == Delay(after_s=3.0)
    assert delays.take("UpdateService") == Delay()


def test_a_delay_holds_no_thread_for_long() -> None:
    with pytest.raises(ValueError, match="0 to 30 seconds"):
        Delays().arm({"before_s": 31})
