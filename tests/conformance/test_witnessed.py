"""What ECS says of tasks that ended and of a service's plight: the same in process and over HTTP."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pytest

from collector.estate import Plight
from collector.source import CollectError
from remediation.events.event import Origin, TaskChanged, TaskEnd
from remediation.events.parse import parse
from tests.conformance.outsides import made, received
from tests.living import at, small

if TYPE_CHECKING:
    from collections.abc import Callable
    from wsgiref.types import WSGIApplication

    from tests.conformance.outsides import Outside

    Serve = Callable[[WSGIApplication], str]

MAKERS = ("direct", "wire")
HERE, OTHER = at("course-catalog"), at("payment")
STORY = small(
    {
        "kind": "crash_loop",
        "at": "3m",
        "duration": "1h",
        "where": {"service": "course-catalog", "region": "eu-west-1"},
        "lives": "20s",
    },
    {
        "kind": "broken_deployment",
        "at": "3m",
        "where": {"service": "payment", "region": "eu-west-1"},
    },
    {"kind": "api_outage", "at": "20m", "duration": "1h", "where": {"region": "eu-west-1"}},
)


def crashed(outside: Outside) -> tuple[TaskChanged, ...]:
    ends = outside.witness.ends(HERE)
    assert ends.whole
    return tuple(task for task in ends.tasks if task.end is TaskEnd.CRASHED)


def test_tasks_that_ended_are_told_as_their_events_tell_them(serve: Serve) -> None:
    told = []
    for maker in MAKERS:
        with made(maker, STORY, serve) as outside:
            assert outside.witness.ends(HERE).tasks == ()
            outside.live(8)
            asked = {task.task_arn: task for task in crashed(outside)}
            event = parse(received(outside.mailbox, partial(_crash, asked)).body)
            assert isinstance(event, TaskChanged)
            here = asked[event.task_arn]
            nobody = Origin(id="", account="", region="", at=None)
            assert replace(here, origin=nobody) == replace(event, origin=nobody)
            assert here.origin.at is not None
            assert event.origin.at is not None
            assert abs((here.origin.at - event.origin.at).total_seconds()) < 1
            told.append(tuple(sorted(asked)))
    assert told[0] == told[1]
    assert len(told[0]) >= 3


def _crash(known: dict[str, TaskChanged], body: str) -> bool:
    event = parse(body)
    return isinstance(event, TaskChanged) and event.end is TaskEnd.CRASHED and event.task_arn in known


def test_a_service_tells_its_plight_where_it_is_described(serve: Serve) -> None:
    told = []
    for maker in MAKERS:
        with made(maker, STORY, serve) as outside:
            outside.live(7)
            views = {
                view.placement: view for view in outside.source.estate(HERE.account, HERE.region).services
            }
            told.append((views[HERE].said, views[OTHER].said))
    impaired, failed = told[0]
    assert told[0] == told[1]
    assert {one.plight for one in impaired} == {Plight.IMPAIRED}
    (one,) = failed
    assert (one.plight, one.about[:8], one.text) == (
        Plight.NOT_DEPLOYED,
        "ecs-svc/",
        "deployment failed: task failed to start.",
    )


@pytest.mark.parametrize("maker", MAKERS)
def test_who_cannot_be_asked_is_an_error(maker: str, serve: Serve) -> None:
    with made(maker, STORY, serve) as outside:
        outside.live(21)
        with pytest.raises(CollectError, match="cannot be read"):
            outside.witness.ends(HERE)
