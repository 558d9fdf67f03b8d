"""Discovery of whole estates on the simulated AWS, in process: refused half the time, and counted."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import yaml

from collector.wire.discovery import BALANCERS_PER_LOOK_MAX, DEFINITIONS_PER_LOOK_MAX
from collector.wire.source import AwsSource
from fournines.rehearsal.direct import Paginator, WorldSessions
from simulator.scenario import DIRECTORY, Scenario
from simulator.world import World
from tests.living import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Iterator

LOOK = timedelta(minutes=5)
SERVICES_LARGE = 210
#: How many calls of a kind AWS takes at once in an account and region [ECS request throttling; ELBv2 API
#: throttling].  The buckets of task definitions and of tasks are assumptions.
BUCKETS = {
    "clusters": (50, {"list_clusters", "describe_clusters"}),
    "services": (100, {"list_services", "describe_services"}),
    "tasks": (100, {"list_tasks", "describe_tasks"}),
    "definitions": (50, {"describe_task_definition"}),
    "balancers": (40, {"describe_target_groups", "describe_listeners", "describe_rules"}),
}


class Tallied:
    """A client that counts its calls."""

    def __init__(self, client: Any, calls: Counter[str]) -> None:  # noqa: ANN401 - any client
        self._client, self._calls = client, calls

    def __getattr__(self, method: str) -> Any:  # noqa: ANN401 - any method
        def call(**params: Any) -> Any:  # noqa: ANN401 - AWS's own parameters
            self._calls[method] += 1
            return getattr(self._client, method)(**params)

        return call

    def get_paginator(self, method: str) -> Paginator:
        return Paginator(self, method)  # type: ignore[arg-type]  # it asks for nothing but the method


class TalliedSessions(WorldSessions):
    """Clients that count together."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.calls = Counter[str]()

    def ecs(self, account: str, region: str, *, patient: bool = False) -> Any:  # noqa: ANN401 - any client
        return Tallied(super().ecs(account, region, patient=patient), self.calls)

    def elbv2(self, account: str, region: str, *, patient: bool = False) -> Any:  # noqa: ANN401 - any client
        return Tallied(super().elbv2(account, region, patient=patient), self.calls)

    def scaling(self, account: str, region: str, *, patient: bool = False) -> Any:  # noqa: ANN401 - any client
        return Tallied(super().scaling(account, region, patient=patient), self.calls)


def shipped(**changes: Any) -> Scenario:  # noqa: ANN401 - a document
    """The estate that is shipped: 21 services in 5 regions."""
    document = yaml.safe_load(DIRECTORY.joinpath("mylearning.yaml").read_text(encoding="utf-8"))
    return Scenario.model_validate({**document, **changes})


def large() -> Scenario:
    """One region of an estate of 1,050 placements in five."""
    services = [{"name": f"service-{n:03}", "requests_per_minute": 600} for n in range(SERVICES_LARGE)]
    estate = {"regions": ["eu-west-1"], "traffic": {"shape": "flat"}, "services": services}
    return shipped(estate=estate, faults=[])


def looks(sessions: TalliedSessions, world: World) -> Iterator[tuple[AwsSource, Counter[str]]]:
    """Look every five minutes; yield the source and what the look cost in calls."""
    now = world.now
    source = AwsSource(sessions, lambda: now)  # type: ignore[arg-type]  # as in a rehearsal
    while True:
        sessions.calls.clear()
        source.estate(ACCOUNT, "eu-west-1")
        yield source, sessions.calls
        now += LOOK


def test_a_hundred_services_are_found_although_every_second_call_is_refused() -> None:
    throttled = {"kind": "api_throttling", "at": "0s", "duration": "1h", "share": 0.5}
    world = World(shipped(faults=[throttled]))
    world.step(world.now + timedelta(minutes=1))
    source = AwsSource(WorldSessions(world), lambda: world.now)  # type: ignore[arg-type]  # as in a rehearsal
    estates = [source.estate(ACCOUNT, region) for region in world.scenario.estate.regions]
    assert sum(len(estate.services) for estate in estates) == 105
    assert all(view.target_groups for estate in estates for view in estate.services)


def test_no_look_at_a_thousand_placements_asks_for_more_than_aws_takes_at_once() -> None:
    world = World(large())
    everything = looks(TalliedSessions(world), world)
    rounds = max(SERVICES_LARGE // DEFINITIONS_PER_LOOK_MAX, SERVICES_LARGE // BALANCERS_PER_LOOK_MAX)
    for _ in range(rounds):
        source, calls = next(everything)
        for kind, (most, methods) in BUCKETS.items():
            assert sum(calls[method] for method in methods) <= most, kind
    (_, calm) = next(everything)
    assert sum(calm.values()) <= 32 + calm["list_tasks"] + calm["describe_tasks"], calm
    assert calm["list_tasks"] == calm["describe_tasks"] == 5, "some 420 tasks, a hundred in a call"
    views = source.estate(ACCOUNT, "eu-west-1").services
    assert len(views) == SERVICES_LARGE
    assert all(view.definition and view.entrances and view.insights for view in views)
