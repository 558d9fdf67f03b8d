"""The same behaviour in process and over HTTP, so that what a rehearsal shows is what AWS would see."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from collector.estate import DeploymentStatus, Insights, LaunchType, ProviderShare, Strategy
from collector.probes import Reason
from collector.remains import PartKind, Presence
from collector.source import Batch, CollectError, GapReason, Query, ThrottledError
from remediation.actions.effects import (
    Delivery,
    EndShift,
    RestoreRevision,
    SetScalingMinimum,
    SetStrategy,
    StartShift,
    StopDeployment,
    StopTasks,
    TurnBackAtHook,
)
from remediation.events.event import DeploymentChanged, DeploymentPhase, HookChanged
from remediation.events.parse import parse
from slo.cells import minute_of
from tests.conformance.outsides import Outside, made, received
from tests.living import ACCOUNT, BAD_DEPLOYMENT, NOON, REGIONS, at, small

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from wsgiref.types import WSGIApplication

    from collector.estate import Revision, ServiceView
    from collector.runs import TaskRun

MAKERS = ("direct", "wire")
HERE, THERE = at("course-catalog"), at("course-catalog", "us-east-1")
#: From the ninth minute on, us-east-1 answers nothing.
THROTTLED = {
    "kind": "api_throttling",
    "at": "9m",
    "duration": "1h",
    "where": {"region": "us-east-1"},
    "share": 1.0,
}
ASKED = (
    ("RequestCount", "Sum"),
    ("HTTPCode_Target_5XX_Count", "Sum"),
    ("TargetResponseTime", "SampleCount"),
    ("TargetResponseTime", "TC(:1)"),
    ("HealthyHostCount", "Average"),
)
STORY = small({**BAD_DEPLOYMENT, "at": "3m"}, THROTTLED)


@pytest.fixture(params=MAKERS)
def outside(request: pytest.FixtureRequest, serve: Callable[[WSGIApplication], str]) -> Iterator[Outside]:
    with made(request.param, STORY, serve) as maker:
        yield maker


def batch(view: ServiceView, *metrics: tuple[str, str]) -> Batch:
    group = (("LoadBalancer", view.load_balancers[0]), ("TargetGroup", view.target_groups[0]))
    queries = tuple(Query("AWS/ApplicationELB", metric, group, stat) for metric, stat in metrics)
    return Batch(ACCOUNT, view.placement.region, queries)


# -- Source


def test_a_region_is_discovered_with_all_that_is_asked_of_it_later(outside: Outside) -> None:
    outside.live(1)
    estate = outside.source.estate(ACCOUNT, REGIONS[0])
    assert (estate.account, estate.region, estate.seen_at) == (ACCOUNT, REGIONS[0], outside.now)
    assert [view.placement for view in estate.services] == [HERE, at("payment")]
    for view in estate.services:
        assert view.running == view.desired > 0
        assert view.target_groups[0].startswith("targetgroup/")
        assert view.load_balancers[0].startswith("app/")
        assert view.scaling is not None
        assert view.deployments == ()


def test_a_service_tells_what_it_runs_on_and_by_what_it_is_reached(outside: Outside) -> None:
    view = outside.source.estate(ACCOUNT, REGIONS[0]).services[0]
    assert LaunchType.FARGATE in view.launch_types
    assert view.insights is Insights.ENABLED
    assert view.definition is not None
    assert f":task-definition/{view.definition.family}:{view.definition.revision}" in view.task_definition
    assert view.definition.images != ()
    assert {entrance.target_group for entrance in view.entrances} == set(view.target_groups)
    assert {entrance.port for entrance in view.entrances} <= {80, 443}


def test_a_region_without_clusters_is_empty_not_an_error(outside: Outside) -> None:
    assert outside.source.estate(ACCOUNT, "sa-east-1").services == ()


def test_a_service_is_shown_with_its_deployments_newest_first(outside: Outside) -> None:
    outside.live(4)
    view = outside.source.service(HERE)
    newest = view.deployments[0]
    assert newest.status is DeploymentStatus.IN_PROGRESS
    assert newest.sources_running
    assert newest.created_at == max(deployment.created_at for deployment in view.deployments)
    assert (newest.target.task_definition, newest.sources[0].task_definition) == (
        view.task_definition,
        view.deployments[1].target.task_definition,
    )


def test_a_service_that_is_not_there_is_an_error_that_says_so(outside: Outside) -> None:
    with pytest.raises(CollectError, match="nobody"):
        outside.source.service(replace(HERE, service="nobody"))


def test_metrics_are_counts_by_the_minute_and_absent_where_nothing_was_counted(outside: Outside) -> None:
    outside.live(6)
    view = outside.source.service(HERE)
    asked = batch(view, ("RequestCount", "Sum"), ("HTTPCode_ELB_5XX_Count", "Sum"), ("NoSuchMetric", "Sum"))
    readings = outside.source.metrics(asked, minute_of(NOON), minute_of(NOON) + 3)
    assert readings.gaps == {}
    assert readings.values.shape == (3, 3)
    assert (readings.values[0] > 1000).all()
    assert np.isnan(readings.values[1:]).all()


def test_a_minute_that_was_not_told_yet_is_absent(outside: Outside) -> None:
    outside.live(6)
    asked = batch(outside.source.service(HERE), ("RequestCount", "Sum"))
    newest = minute_of(outside.now)
    readings = outside.source.metrics(asked, newest - 1, newest + 1)
    assert np.isnan(readings.values[0, -1])


def test_a_throttled_region_is_a_gap_and_an_error_with_that_name_and_hides_no_other(outside: Outside) -> None:
    there = batch(outside.source.service(THERE), ("RequestCount", "Sum"))
    outside.live(10)
    with pytest.raises(ThrottledError):
        outside.source.estate(ACCOUNT, THERE.region)
    with pytest.raises(ThrottledError):
        outside.source.service(THERE)
    readings = outside.source.metrics(there, minute_of(NOON), minute_of(NOON) + 3)
    assert {gap.reason for gap in readings.gaps.values()} == {GapReason.THROTTLED}
    assert np.isnan(readings.values).all()
    assert len(outside.source.estate(ACCOUNT, HERE.region).services) == 2


SCHEDULED = small(
    estate={
        "regions": REGIONS,
        "services": [{"name": "payment", "requests_per_minute": 60}],
        "schedules": [
            {"name": "reports", "family": "nightly-reports", "every": "15m"},
            {"name": "backup", "family": "db-backup", "at": "12:05"},
        ],
    }
)


def test_a_scheduled_task_is_told_while_it_runs_and_for_an_hour_more(
    serve: Callable[[WSGIApplication], str],
) -> None:
    told = []
    for maker in MAKERS:
        with made(maker, SCHEDULED, serve) as outside:
            outside.live(2)
            (running,) = runs(outside, "nightly-reports")
            assert running.started_at is not None
            assert (running.stopped_at, running.told_at) == (None, outside.now)
            outside.live(8)
            (ended,) = runs(outside, "nightly-reports")
            assert ended.stopped_at is not None
            assert (ended.arn, ended.created_at, ended.exits) == (
                running.arn,
                NOON,
                (("nightly-reports", 0),),
            )
            assert runs(outside, "payment") == ()
            outside.live(50)
            assert len(runs(outside, "db-backup")) == 1
            told.append((running, ended, runs(outside, "nightly-reports")))
    assert told[0] == told[1]


def test_runs_in_a_cluster_that_is_not_there_are_an_error(outside: Outside) -> None:
    with pytest.raises(CollectError, match="ecs:ListTasks"):
        outside.source.runs(ACCOUNT, REGIONS[0], "nowhere", "nightly-reports")


def runs(outside: Outside, family: str) -> tuple[TaskRun, ...]:
    return outside.source.runs(ACCOUNT, REGIONS[0], HERE.cluster, family)


GIVEN = small(
    {"kind": "part_lost", "at": "1m", "where": {"service": "course-catalog"}, "part": "image"},
    {"kind": "part_lost", "at": "1m", "where": {"service": "course-catalog"}, "part": "secret"},
    {"kind": "part_lost", "at": "1m", "where": {"service": "course-catalog"}, "part": "parameter"},
    {"kind": "part_lost", "at": "2m", "where": {"service": "course-catalog"}, "part": "task_definition"},
    {**THROTTLED, "at": "3m"},
    estate={
        "regions": REGIONS,
        "services": [
            {
                "name": "course-catalog",
                "requests_per_minute": 60,
                "secrets": ["mylearning/catalog-db"],
                "parameters": ["/mylearning/flags", "log-level"],
                "tags": {"fournines:no-rollback-below": "course-catalog:2"},
            }
        ],
    },
)


def test_all_that_a_revision_is_made_of_is_found_and_what_is_gone_is_named(
    serve: Callable[[WSGIApplication], str],
) -> None:
    told = []
    for maker in MAKERS:
        with made(maker, GIVEN, serve) as outside:
            view = outside.source.service(HERE)
            assert view.tags["fournines:no-rollback-below"] == "course-catalog:2"
            revision = view.deployments[0].target
            whole = outside.source.remains(HERE, revision)
            assert [(part.kind, part.presence) for part in whole.parts] == [
                (PartKind.TASK_DEFINITION, Presence.THERE),
                (PartKind.IMAGE, Presence.THERE),
                (PartKind.SECRET, Presence.THERE),
                (PartKind.PARAMETER, Presence.THERE),
                (PartKind.PARAMETER, Presence.THERE),
            ]
            outside.live(2.5)
            ruin = outside.source.remains(HERE, revision)
            assert {part.presence for part in ruin.parts} == {Presence.GONE}
            earlier = outside.source.remains(HERE, view.deployments[1].target)
            assert [str(part.kind) for part in earlier.those(Presence.GONE)] == [
                "secret",
                "parameter",
                "parameter",
            ]
            outside.live(1)
            unseen = outside.source.remains(THERE, outside_revision(revision))
            assert {part.presence for part in unseen.parts} == {Presence.UNANSWERED}
            told.append((whole, ruin, earlier, unseen))
    ours, theirs = ([one.parts for one in each[:3]] for each in told)
    assert ours == theirs


def outside_revision(revision: Revision) -> Revision:
    """The same revision in the other region."""
    return replace(revision, task_definition=revision.task_definition.replace(REGIONS[0], REGIONS[1]))


def test_an_image_is_known_again_by_its_digest(outside: Outside) -> None:
    view = outside.source.service(HERE)
    ((_, digest),) = view.deployments[0].target.images
    assert digest.startswith("sha256:")
    another = replace(view.deployments[0].target, images=(("course-catalog", "sha256:" + "0" * 64),))
    (gone,) = outside.source.remains(HERE, another).those(Presence.GONE)
    assert str(gone).endswith("(its tag names another image now)")
    unknown = replace(another, images=())
    (part,) = outside.source.remains(HERE, unknown).those(Presence.NOT_KNOWN)
    assert part.why == "ECS does not tell which digest ran"


# -- Actuator


def test_a_raised_minimum_is_accepted_once_and_shows(outside: Outside) -> None:
    before = outside.source.service(HERE)
    assert before.scaling is not None
    effect = SetScalingMinimum(placement=HERE, minimum=before.desired + 3)
    receipt = outside.actuator.apply(effect)
    assert receipt.delivery is Delivery.ACCEPTED
    assert effect.done(outside.source.service(HERE))
    outside.live(2)
    assert outside.source.service(HERE).desired >= before.desired + 3
    assert [(call.operation, call.outcome) for call in outside.calls()] == [
        ("RegisterScalableTarget", "accepted")
    ]


def test_a_deployment_under_way_is_rolled_back(outside: Outside) -> None:
    outside.live(4)
    effect = StopDeployment(placement=HERE, deployment_arn=outside.source.service(HERE).deployments[0].arn)
    assert not effect.done(outside.source.service(HERE))
    assert outside.actuator.apply(effect).delivery is Delivery.ACCEPTED
    assert effect.done(outside.source.service(HERE))
    outside.actuator.apply(effect)
    assert effect.done(outside.source.service(HERE)), "asked twice, it is rolled back once"


MOVING = small(
    {**BAD_DEPLOYMENT, "at": "1m", "fails": "once_serving"},
    estate={
        "regions": REGIONS,
        "traffic": {"shape": "flat"},
        "services": [
            {
                "name": "course-catalog",
                "requests_per_minute": 2400,
                "deployment": {
                    "strategy": "canary",
                    "canary_percent": 20,
                    "canary_bake": "3m",
                    "pauses": [{"stage": "POST_PRODUCTION_TRAFFIC_SHIFT", "timeout": "1h"}],
                },
            },
            {"name": "payment", "requests_per_minute": 1800},
        ],
    },
)


@pytest.fixture(params=MAKERS)
def moving(request: pytest.FixtureRequest, serve: Callable[[WSGIApplication], str]) -> Iterator[Outside]:
    with made(request.param, MOVING, serve) as maker:
        yield maker


def test_how_far_traffic_has_moved_is_told_and_where_it_waits(moving: Outside) -> None:
    for _ in range(16):  # the world of the wire moves on when it is stepped
        moving.live(0.25)
    canary = moving.source.service(HERE).deployments[0]
    assert (canary.strategy, canary.weight, canary.hook) == (Strategy.CANARY, 20.0, None)
    assert canary.stage == "PRODUCTION_TRAFFIC_SHIFT"
    assert moving.source.service(HERE).deployments[1].status is DeploymentStatus.SUCCESSFUL
    for _ in range(16):
        moving.live(0.25)
    paused = moving.source.service(HERE).deployments[0]
    assert paused.weight == 100.0
    assert paused.hook is not None
    assert paused.hook.then == "ROLLBACK"
    assert paused.hook.expires_at is not None
    assert paused.hook.expires_at > moving.now


def test_a_deployment_that_waits_at_a_hook_is_turned_back_there(moving: Outside) -> None:
    for _ in range(32):
        moving.live(0.25)
    paused = moving.source.service(HERE).deployments[0]
    assert paused.hook is not None
    stop = StopDeployment(placement=HERE, deployment_arn=paused.arn)
    assert moving.actuator.apply(stop).delivery is Delivery.REFUSED
    effect = TurnBackAtHook(placement=HERE, deployment_arn=paused.arn, hook_id=paused.hook.id)
    assert not effect.done(moving.source.service(HERE))
    assert moving.actuator.apply(effect).delivery is Delivery.ACCEPTED
    assert effect.done(moving.source.service(HERE))
    assert moving.actuator.apply(effect).delivery is Delivery.REFUSED, "a hook is answered once"
    moving.live(0.25)
    assert moving.source.service(HERE).deployments[0].weight == 0.0

    def at_hook(body: str) -> bool:
        event = parse(body)
        return isinstance(event, HookChanged) and event.placement == HERE

    event = parse(received(moving.mailbox, at_hook, only=True).body)
    assert isinstance(event, HookChanged)
    assert event.hook_id == paused.hook.id


def test_an_earlier_revision_is_deployed_again(outside: Outside) -> None:
    outside.live(4)
    good = outside.source.service(HERE).deployments[1].target
    effect = RestoreRevision(placement=HERE, task_definition=good.task_definition, revision_arn=good.arn)
    assert outside.actuator.apply(effect).delivery is Delivery.ACCEPTED
    after = outside.source.service(HERE)
    assert effect.done(after)
    assert after.deployments[0].target.task_definition == good.task_definition


def test_a_strategy_is_changed_without_a_deployment(outside: Outside) -> None:
    before = outside.source.service(HERE)
    effect = SetStrategy(
        placement=HERE, strategy=(ProviderShare("FARGATE", 1, 2), ProviderShare("FARGATE_SPOT", 3))
    )
    assert outside.actuator.apply(effect).delivery is Delivery.ACCEPTED
    after = outside.source.service(HERE)
    assert effect.done(after)
    assert len(after.deployments) == len(before.deployments)


def test_what_makes_no_sense_is_refused_and_recorded(outside: Outside) -> None:
    effect = RestoreRevision(placement=HERE, task_definition="no-such-family:9", revision_arn="")
    receipt = outside.actuator.apply(effect)
    assert receipt.delivery is Delivery.REFUSED
    assert receipt.detail.startswith("UpdateService answered ")
    (call,) = outside.calls()
    assert not call.accepted


def test_a_throttled_change_is_sent_once_and_changes_nothing(outside: Outside) -> None:
    outside.live(10)
    receipt = outside.actuator.apply(SetScalingMinimum(placement=THERE, minimum=30))
    assert receipt.delivery is Delivery.THROTTLED
    assert [call for call in outside.calls() if call.accepted] == []
    assert len(outside.calls()) <= 1


# -- Mailbox


def test_events_arrive_as_the_world_told_them_and_stay_until_they_are_deleted(outside: Outside) -> None:
    for _ in range(8):
        outside.live(0.5)

    def started(body: str) -> bool:
        event = parse(body)
        return isinstance(event, DeploymentChanged) and event.phase is DeploymentPhase.STARTED

    first = received(outside.mailbox, started)
    event = parse(first.body)
    assert isinstance(event, DeploymentChanged)
    assert (event.placement, event.origin.region) == (HERE, HERE.region)
    again = received(outside.mailbox, started)
    assert parse(again.body) == event, "it was not deleted, so it comes again"
    outside.mailbox.delete([first])


# -- both together


def test_both_makers_tell_the_same_of_the_same_moment(serve: Callable[[WSGIApplication], str]) -> None:
    told = []
    for name in MAKERS:
        with made(name, STORY, serve) as maker:
            maker.live(7)
            views = [maker.source.service(place) for place in (HERE, THERE)]
            asked = batch(views[0], *ASKED)
            readings = maker.source.metrics(asked, minute_of(NOON) - 30, minute_of(NOON) + 7)
            told.append((maker.source.estate(ACCOUNT, REGIONS[0]), views, readings))
    (estate, views, readings), (their_estate, their_views, their_readings) = told
    assert estate == their_estate
    assert views == their_views
    np.testing.assert_allclose(readings.values, their_readings.values)


def test_a_beat_is_kept_where_it_was_written_and_a_region_that_refuses_says_so(outside: Outside) -> None:
    outside.beacon.beat(REGIONS[0], "fournines")
    outside.beacon.beat(REGIONS[0], "fournines")
    outside.beacon.beat(REGIONS[1], "another")
    assert outside.custom_metrics() == 2
    outside.live(10)
    with pytest.raises(ThrottledError, match="cloudwatch:PutMetricData"):
        outside.beacon.beat("us-east-1", "fournines")
    outside.beacon.beat(REGIONS[0], "fournines")


# -- Prober


def test_a_check_is_answered_as_users_are(serve: Callable[[WSGIApplication], str]) -> None:
    lost = {"kind": "dependency_failure", "at": "1m", "duration": "1h", "error_ratio": 1.0}
    answers = []
    for maker in MAKERS:
        with made(maker, small({**lost, "where": {"service": HERE.service}}), serve) as outside:
            well = outside.check(HERE)
            outside.live(2)
            ill = outside.check(HERE)
            assert 0 < well.seconds < 1
            answers.append([(answer.reason, answer.detail) for answer in (well, ill)])
    assert answers == [[(None, ""), (Reason.STATUS, "it answers 500")]] * 2


# -- tasks and zones


ZONED = small(
    {"kind": "stuck_tasks", "at": "2m", "where": {"service": "course-catalog", "region": REGIONS[0]}},
    estate={
        "regions": REGIONS,
        "traffic": {"shape": "flat"},
        "services": [
            {"name": "course-catalog", "requests_per_minute": 2400, "zonal_shift": True},
            {"name": "payment", "requests_per_minute": 1800},
        ],
    },
)


@pytest.fixture(params=MAKERS)
def zoned(request: pytest.FixtureRequest, serve: Callable[[WSGIApplication], str]) -> Iterator[Outside]:
    with made(request.param, ZONED, serve) as maker:
        yield maker


def test_a_service_is_shown_with_its_tasks_their_zones_and_their_health(zoned: Outside) -> None:
    zoned.live(5)
    view = zoned.source.service(HERE)
    assert view.tasks is not None
    assert len(view.tasks) == view.running
    assert sum(task.sick for task in view.tasks) == 2
    assert {task.zone for task in view.tasks} == set(view.zones) == set(view.zone_ids)
    assert {task.is_protected for task in view.tasks} == {False}
    assert all(task.started_at is not None and task.started_at < NOON for task in view.tasks)
    assert view.minimum_healthy_percent == 100


def test_whether_a_load_balancer_may_be_shifted_is_told_and_its_shifts(zoned: Outside) -> None:
    here, beside = (zoned.source.service(place) for place in (HERE, at("payment")))
    assert [balancer.is_shiftable for balancer in here.balancers] == [True]
    assert [balancer.is_shiftable for balancer in beside.balancers] == [False]
    assert here.balancers[0].arn.endswith(f":loadbalancer/{here.load_balancers[0]}")
    assert here.balancers[0].shifts == ()


def test_sick_tasks_are_stopped_by_name_and_shown_to_be_gone(zoned: Outside) -> None:
    zoned.live(5)
    before = zoned.source.service(HERE)
    sick = tuple(task.arn for task in before.tasks or () if task.sick)
    effect = StopTasks(placement=HERE, tasks=sick, why="fournines: incident")
    assert not effect.done(before)
    assert zoned.actuator.apply(effect).delivery is Delivery.ACCEPTED
    assert effect.done(zoned.source.service(HERE))
    assert zoned.actuator.apply(effect).delivery is Delivery.ACCEPTED, "to stop them twice is harmless"
    zoned.live(4)
    after = zoned.source.service(HERE)
    assert (after.running, sum(task.sick for task in after.tasks or ())) == (before.running, 0)
    gone = replace(effect, tasks=("arn:aws:ecs:eu-west-1:123456789012:task/mylearning/nobody",))
    refused = zoned.actuator.apply(gone)
    assert (refused.delivery, "InvalidParameterException" in refused.detail) == (Delivery.REFUSED, True)


def test_a_balancer_is_shifted_away_from_a_zone_and_back(zoned: Outside) -> None:
    view = zoned.source.service(HERE)
    zone, zone_id = next(iter(view.zone_ids.items()))
    shift = StartShift(
        placement=HERE, balancer_arn=view.balancers[0].arn, zone_id=zone_id, minutes=90, comment="fournines x"
    )
    end = EndShift(placement=HERE, balancer_arn=shift.balancer_arn, zone_id=zone_id)
    assert (shift.done(view), end.done(view)) == (False, True)
    assert zoned.actuator.apply(shift).delivery is Delivery.ACCEPTED
    shown = zoned.source.service(HERE)
    assert (shift.done(shown), end.done(shown)) == (True, False)
    (told,) = shown.balancers[0].shifts
    assert (told.zone_id, told.comment) == (zone_id, "fournines x")
    assert (told.expires_at - zoned.now).total_seconds() == 90 * 60
    twice = zoned.actuator.apply(shift)
    assert (twice.delivery, "ConflictException" in twice.detail) == (Delivery.REFUSED, True)
    assert zoned.actuator.apply(end).delivery is Delivery.ACCEPTED
    assert end.done(zoned.source.service(HERE))
    assert zoned.actuator.apply(end).delivery is Delivery.ACCEPTED, "what is over needs no end"
    assert [call.operation for call in zoned.calls()] == [
        "StartZonalShift",
        "StartZonalShift",
        "CancelZonalShift",
    ]
    assert zone in view.zones


def test_a_balancer_without_zonal_shift_refuses_and_a_shift_expires_by_itself(zoned: Outside) -> None:
    here, beside = zoned.source.service(HERE), zoned.source.service(at("payment"))
    zone_id = next(iter(here.zone_ids.values()))
    shift = StartShift(
        placement=at("payment"),
        balancer_arn=beside.balancers[0].arn,
        zone_id=zone_id,
        minutes=5,
        comment="fournines",
    )
    refused = zoned.actuator.apply(shift)
    assert (refused.delivery, "ResourceNotFoundException" in refused.detail) == (Delivery.REFUSED, True)
    ours = replace(shift, placement=HERE, balancer_arn=here.balancers[0].arn)
    zoned.actuator.apply(ours)
    zoned.live(6)
    assert not ours.done(zoned.source.service(HERE))
