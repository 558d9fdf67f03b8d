"""Which signals make a service worth a closer look."""

from __future__ import annotations

from pathlib import Path

import pytest

from remediation.events.parse import parse
from remediation.stir import stirred

EVENTS = Path(__file__).with_name("events")


@pytest.mark.parametrize(
    ("event", "stirs"),
    [
        ("deployment_started", True),
        ("deployment_failed", True),
        ("action_spot_refused", True),
        ("task_crashed", True),
        ("task_out_of_memory", True),
        ("task_running", False),
        ("task_scaled_in", False),
        ("action_steady_state_old_arn", False),
        ("health_issue", False),
        ("alarm_composite_suppressed", False),
    ],
)
def test_trouble_and_change_stir_a_service_and_ordinary_comings_and_goings_do_not(
    event: str,
    stirs: bool,  # noqa: FBT001 - a column of the table
) -> None:
    found = parse((EVENTS / f"{event}.json").read_text(encoding="utf-8"))
    assert (stirred(found) is not None) is stirs
