"""Which lines of a service's list tell a plight."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from collector.estate import Plight
from collector.wire.said import SAID_FOR, SAID_MAX, TEXT_MAX, said

NOON = datetime(2026, 10, 1, 12, tzinfo=UTC)


def line(message: str, minutes: float = 1, number: int = 0) -> dict[str, Any]:
    return {"id": f"line-{number}", "createdAt": NOON - timedelta(minutes=minutes), "message": message}


def told(*lines: dict[str, Any]) -> Any:  # noqa: ANN401 - as boto3 types it
    return said(cast("Any", {"events": list(lines)}), NOON)


@pytest.mark.parametrize(
    ("message", "plight", "about", "capacity"),
    [
        (
            "(service a) was unable to place a task. Reason: Capacity is unavailable at this time. Please",
            Plight.UNPLACED,
            "",
            True,
        ),
        (
            "(service a) was unable to place a task because no container instance met its requirements.",
            Plight.UNPLACED,
            "",
            False,
        ),
        (
            "(service web-app) is unable to consistently start tasks successfully. For more information, see",
            Plight.IMPAIRED,
            "",
            False,
        ),
        (
            "(service web-app) (deployment ecs-svc/12) deployment failed: tasks failed to start.",
            Plight.NOT_DEPLOYED,
            "ecs-svc/12",
            False,
        ),
    ],
)
def test_a_plight_is_known_by_how_its_line_begins(
    message: str,
    plight: Plight,
    about: str,
    capacity: bool,  # noqa: FBT001 - a column of the table
) -> None:
    (one,) = told(line(message))
    assert (one.plight, one.about, one.capacity) == (plight, about, capacity)


@pytest.mark.parametrize(
    "message",
    [
        "(service web-app) has reached a steady state.",
        "(service web-app) (deployment ecs-svc/12) deployment completed.",
        "(service deployment failed) has started 2 tasks.",
        "was unable to place a task",
        "(service web-app",
        "",
    ],
)
def test_any_other_line_tells_none(message: str) -> None:
    assert told(line(message)) == ()


def test_what_is_old_or_too_much_or_too_long_is_left_out() -> None:
    failing = "(service a) is unable to consistently start tasks successfully." + "x" * 2 * TEXT_MAX
    assert told(line(failing, minutes=SAID_FOR / timedelta(minutes=1) + 1)) == ()
    many = told(*(line(failing, minutes=number, number=number) for number in range(SAID_MAX + 5)))
    assert [one.id for one in many] == [f"line-{number}" for number in range(SAID_MAX)]
    assert all(len(one.text) <= TEXT_MAX for one in many)


def test_a_service_without_lines_is_in_no_plight() -> None:
    assert said({}, NOON) == ()
