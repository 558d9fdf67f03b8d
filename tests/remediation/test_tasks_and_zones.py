"""Single tasks and whole zones: what is blamed, on what evidence, and what is done about it step by step."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from collector.estate import Balancer, DeploymentStatus, Task, TaskHealth, ZonalShift
from remediation.actions.effects import Delivery, EndShift, RestoreRevision, StartShift, StopTasks
from remediation.actions.table import ACTIONS, remedies
from remediation.decision.decide import Decision, decide
from remediation.decision.guards import Switches
from remediation.decision.policy import Policies, Policy
from remediation.decision.record import record
from remediation.diagnosis.diagnose import Confidence, Diagnosis, diagnose
from remediation.diagnosis.health import InZone
from remediation.events.event import TaskChanged, TaskEnd
from remediation.vocabulary import ActionName, Cause, Mode, Outcome, Reason, Verdict
from remediation.workflow.engine import Engine
from remediation.workflow.run import RunState
from remediation.workflow.start import run_for
from slo.cells import Placement, minute_of
from tests.remediation.stage import (
    IRELAND,
    MINUTE,
    NOON,
    SINGAPORE,
    VIRGINIA,
    MemoryRuns,
    Stage,
    at,
    deployment,
    incident,
)

if TYPE_CHECKING:
    from datetime import timedelta

    from remediation.diagnosis.finding import Finding
    from remediation.diagnosis.situation import Situation

ZONES = {"eu-west-1a": "euw1-az2", "eu-west-1b": "euw1-az1", "eu-west-1c": "euw1-az3"}
ARN = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/catalog/1"
PAYMENT = Placement("123456789012", "eu-west-1", "mylearning", "payment")
ALL_ACT = Policies(tuple(Policy(name=f"{c}", cause=c, mode=Mode.ACT) for c in Cause if remedies(c)))


def crew(sick: int = 0, protected: int = 0, **fields: object) -> tuple[Task, ...]:
    """Ten tasks over three zones, the first of them sick, and the first of those protected."""
    zones = list(ZONES)
    return tuple(
        replace(
            Task(
                arn=f"arn:task/{number}",
                status="RUNNING",
                health=TaskHealth.UNHEALTHY if number < sick else TaskHealth.HEALTHY,
                zone=zones[number % 3],
                started_at=at(-3000),
                is_protected=number < protected,
            ),
            **fields,  # type: ignore[arg-type]
        )
        for number in range(10)
    )


class Troubled(Stage):
    """A stage whose zones tell of themselves, and whose neighbours may."""

    zones: dict[Placement, dict[str, InZone]]
    sharing: tuple[Placement, ...] = ()

    def situation(self, place: Placement = IRELAND, minutes: float | None = None) -> Situation:
        found = super().situation(place, minutes)
        told = getattr(self, "zones", {})
        zoned = {p: replace(h, zones=told.get(p, {})) for p, h in found.health.items()}
        beside = {p: replace(h, zones=told.get(p, {})) for p, h in found.neighbours.items()}
        return replace(found, health=zoned, neighbours=beside, sharing=self.sharing)

    def tells(self, place: Placement, minute: int, **failed: float) -> None:
        """Let each zone tell of 2,000 requests in a minute, of which so many failed."""
        told = {
            f"eu-west-1{letter}": InZone(minute_of(NOON) + minute, 2000, failed.get(letter, 0), 3)
            for letter in "abc"
        }
        self.zones = {**getattr(self, "zones", {}), place: told}

    def dies(self, zone: str, minute: float, end: TaskEnd = TaskEnd.UNHEALTHY) -> None:
        """Let a task die in a zone."""
        self.ends(IRELAND, end, minute)
        ended = self.events.pop()
        assert isinstance(ended, TaskChanged)
        self.events.append(replace(ended, zone=zone))


def judged(stage: Stage, minutes: float = 6) -> tuple[Diagnosis, Decision]:
    situation = stage.situation(IRELAND, minutes)
    diagnosis = diagnose(situation)
    return diagnosis, decide(situation, diagnosis, ALL_ACT, Switches(), stage.now)


def finding(diagnosis: Diagnosis, name: str) -> Finding:
    return next(finding for finding in diagnosis.findings if finding.name == name)


# -- tasks that hang


def hanging(
    sick: int = 2, protected: int = 0, ratio: float = 0.2, places: tuple[Placement, ...] = ()
) -> Troubled:
    stage = Troubled(places=places or (IRELAND, VIRGINIA, SINGAPORE))
    stage.change(IRELAND, tasks=crew(sick, protected))
    stage.fails(IRELAND, 1, ratio)
    return stage


def test_sick_tasks_that_explain_what_fails_are_replaced_by_name() -> None:
    diagnosis, decision = judged(hanging())
    assert (diagnosis.cause, diagnosis.confidence) == (Cause.STUCK_TASKS, Confidence.HIGH)
    assert decision.verdict is Verdict.ACT
    assert decision.plan
    assert isinstance(decision.plan.effect, StopTasks)
    assert decision.plan.effect.tasks == ("arn:task/0", "arn:task/1")


def test_protected_ones_are_left_alone_and_so_is_one_of_which_ecs_did_not_say() -> None:
    stage = hanging(sick=3, protected=1, ratio=0.3)
    tasks = stage.views[IRELAND].tasks or ()
    stage.change(IRELAND, tasks=(tasks[0], replace(tasks[1], is_protected=None), *tasks[2:]))
    _, decision = judged(stage)
    assert decision.plan
    assert isinstance(decision.plan.effect, StopTasks)
    assert decision.plan.effect.tasks == ("arn:task/2",)
    assert "2 protected ones left alone" in decision.plan.sentence


def test_when_all_that_is_sick_is_protected_a_person_is_called() -> None:
    _, decision = judged(hanging(sick=2, protected=2))
    assert (decision.verdict, decision.reason) == (Verdict.ESCALATE, Reason.PROTECTED)


@pytest.mark.parametrize(
    ("sick", "ratio", "holds"),
    [(2, 0.6, "no"), (2, 0.1, "yes"), (0, 0.2, "no")],
)
def test_more_failures_than_sick_tasks_explain_are_not_laid_at_their_door(
    sick: int, ratio: float, holds: str
) -> None:
    diagnosis, _ = judged(hanging(sick, ratio=ratio))
    assert str(finding(diagnosis, "stuck_explain").holds) == holds
    assert (diagnosis.cause is Cause.STUCK_TASKS) is (holds == "yes")


def test_most_of_the_tasks_are_no_single_tasks() -> None:
    assert judged(hanging(sick=6, ratio=0.6))[0].cause is not Cause.STUCK_TASKS


def test_what_cannot_be_asked_is_unknown_and_nothing_is_stopped() -> None:
    stage = hanging()
    stage.change(IRELAND, tasks=None)
    diagnosis, decision = judged(stage, minutes=12)
    assert {finding(diagnosis, name).unknown for name in ("stuck_tasks", "stuck_explain")} == {True}
    assert decision.verdict is Verdict.ESCALATE


def test_checks_that_fail_for_want_of_cpu_ask_for_more_tasks_not_for_fewer() -> None:
    stage = hanging()
    stage.cpu[IRELAND] = 90
    assert judged(stage)[0].cause is not Cause.STUCK_TASKS


def test_a_task_that_has_just_started_may_fail_its_check() -> None:
    stage = hanging()
    stage.change(IRELAND, tasks=crew(2, started_at=at(5)))
    assert not finding(judged(stage)[0], "stuck_tasks").yes


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"running": 9}, Reason.GATHERING_EVIDENCE),
        ({"pending": 1}, Reason.GATHERING_EVIDENCE),
    ],
)
def test_nothing_more_is_stopped_while_replacements_are_still_coming(
    fields: dict[str, int], reason: Reason
) -> None:
    stage = hanging()
    stage.change(IRELAND, **fields)
    _, decision = judged(stage)
    assert (decision.verdict, decision.reason) == (Verdict.WAIT, reason)


def test_nothing_is_stopped_where_new_tasks_find_no_room() -> None:
    stage = hanging()
    stage.refuses(IRELAND, 3)
    _, decision = judged(stage)
    assert (decision.verdict, decision.reason) == (Verdict.ESCALATE, Reason.NO_HEADROOM)


def test_a_deployment_that_is_under_way_replaces_tasks_itself() -> None:
    stage = hanging()
    stage.deploys(IRELAND, deployment(2, 4, DeploymentStatus.IN_PROGRESS))
    _, decision = judged(stage)
    assert (decision.verdict, decision.reason) == (Verdict.WAIT, Reason.NEWER_DEPLOYMENT)


@pytest.mark.parametrize(("cpu", "verdict"), [(65.0, Verdict.ACT), (69.0, Verdict.ESCALATE)])
def test_the_tasks_that_stay_must_carry_the_load(cpu: float, verdict: Verdict) -> None:
    stage = hanging()
    stage.cpu[IRELAND] = cpu
    _, decision = judged(stage)
    check = next(check for check in decision.checks if check.guard == "enough_headroom")
    assert decision.verdict is verdict
    assert f"from {cpu:.0f} % to {cpu / 0.8:.0f} %" in check.sentence


class Night:
    """A run of the engine, moved on minute by minute."""

    def __init__(self, stage: Stage, minutes: float = 6) -> None:
        self.stage, self.runs = stage, MemoryRuns()
        _, decision = judged(stage, minutes)
        run = run_for(incident(), decision, stage.now)
        assert run is not None
        self.runs.start(run, ())
        self.id = run.id
        self.engine = Engine(runs=self.runs, look=stage.look, actuator=stage, policies=ALL_ACT)

    @property
    def state(self) -> RunState:
        return self.runs.runs[self.id].state

    def live(self, span: timedelta = MINUTE) -> None:
        self.stage.now += span
        while self.engine.advance(self.stage.now) is not None:
            pass


def test_more_than_a_few_are_stopped_batch_by_batch_each_looked_at_before_the_next() -> None:
    stage = hanging(sick=5, ratio=0.5)
    night = Night(stage)
    night.live()
    (first,) = stage.sent
    assert isinstance(first, StopTasks)
    assert first.tasks == ("arn:task/0", "arn:task/1")
    stage.change(IRELAND, running=8, pending=2)
    night.live(3 * MINUTE)
    assert len(stage.sent) == 1
    stage.change(IRELAND, running=10, pending=0)
    night.live()
    assert [effect.tasks for effect in stage.sent if isinstance(effect, StopTasks)] == [
        ("arn:task/0", "arn:task/1"),
        ("arn:task/2", "arn:task/3"),
    ]
    night.live(2 * MINUTE)
    assert isinstance(stage.sent[-1], StopTasks)
    assert stage.sent[-1].tasks == ("arn:task/4",)
    stage.heals(IRELAND)
    for _ in range(8):
        night.live()
    assert night.state is RunState.CLOSED
    assert night.runs.runs[night.id].outcome is Outcome.RECOVERED


def test_each_batch_is_asked_for_where_a_person_is_to_say_yes() -> None:
    stage = hanging(sick=4, ratio=0.4)
    night = Night(stage)
    asking = replace(night.runs.runs[night.id], asks=15 * MINUTE, approvers=("ada",))
    night.runs.runs[night.id] = asking
    night.live()
    night.runs.answers[night.runs.runs[night.id].question] = ("approve", "ada")
    night.live(15 * MINUTE)
    assert len(stage.sent) == 1
    night.live()
    assert night.state is RunState.ASK
    night.live(5 * MINUTE)
    assert len(stage.sent) == 1


def test_a_batch_whose_answer_was_lost_is_looked_at_before_anything_is_sent_again() -> None:
    stage = hanging()
    stage.deliveries = [Delivery.AMBIGUOUS]
    night = Night(stage)
    for _ in range(3):
        night.live()
    assert len(stage.sent) == 1
    assert night.state is RunState.VERIFY


def test_what_is_left_alone_is_told_when_it_did_not_recover() -> None:
    stage = hanging(sick=2, protected=1)
    night = Night(stage)
    for _ in range(15):
        night.live()
    assert night.state is RunState.ESCALATED
    assert "1 of them protected and left alone" in night.runs.entries[-1].sentence


# -- memory and crash loops


def killed(
    stage: Stage, *minutes: float, version: int = 2, lived: float = 20, place: Placement = IRELAND
) -> None:
    for minute in minutes:
        stage.ends(place, TaskEnd.OUT_OF_MEMORY, minute, version)
        ended = stage.events.pop()
        assert isinstance(ended, TaskChanged)
        stage.events.append(replace(ended, started_at=at(minute - lived)))


def test_a_revision_that_fills_memory_is_rolled_back_long_after_it_succeeded() -> None:
    stage = Troubled()
    stage.deploys(IRELAND, deployment(2, -130, finished=-120))
    killed(stage, 2, 3, 4)
    diagnosis, decision = judged(stage)
    assert (diagnosis.cause, decision.verdict) == (Cause.OUT_OF_MEMORY, Verdict.ACT)
    assert decision.action is ActionName.ROLLBACK
    assert decision.plan
    assert isinstance(decision.plan.effect, RestoreRevision)


def test_a_leak_that_is_as_old_as_the_service_calls_a_person() -> None:
    stage = Troubled()
    killed(stage, 2, 3, 4, version=1)
    diagnosis, decision = judged(stage)
    assert (diagnosis.cause, diagnosis.deployment) == (Cause.OUT_OF_MEMORY, None)
    assert (decision.verdict, decision.reason) == (Verdict.ESCALATE, Reason.NO_ACTION_FOR_CAUSE)


def test_a_revision_is_not_blamed_for_a_leak_that_other_regions_have_without_it() -> None:
    stage = Troubled()
    stage.deploys(IRELAND, deployment(2, -20, finished=-10))
    killed(stage, 2, 3, 4)
    killed(stage, 2, 3, 4, version=1, place=VIRGINIA)
    assert judged(stage)[0].deployment is None


def test_one_task_out_of_memory_is_an_accident() -> None:
    stage = Troubled()
    killed(stage, 2)
    assert judged(stage)[0].cause is Cause.UNKNOWN


@pytest.mark.parametrize(("percent", "tasks"), [(100, 0), (80, 2), (50, 2)])
def test_a_slow_leak_is_met_by_replacing_the_oldest_as_far_as_the_minimum_healthy_allows(
    percent: int, tasks: int
) -> None:
    stage = Troubled()
    stage.change(IRELAND, tasks=crew(started_at=at(-300)), minimum_healthy_percent=percent)
    killed(stage, 2, 3, 4, version=1, lived=320)
    _, decision = judged(stage)
    assert decision.action is ActionName.REPLACE_TASKS
    if not tasks:
        assert (decision.verdict, decision.reason) == (Verdict.ESCALATE, Reason.NO_HEADROOM)
        return
    assert decision.plan
    assert isinstance(decision.plan.effect, StopTasks)
    assert len(decision.plan.effect.tasks) == tasks


def crashes(stage: Stage, *minutes: float, version: int = 2, place: Placement = IRELAND) -> None:
    for minute in minutes:
        stage.ends(place, TaskEnd.CRASHED, minute, version)


def test_a_loop_of_the_newest_revision_alone_is_rolled_back_once_the_others_would_crash_too() -> None:
    stage = Troubled()
    stage.deploys(IRELAND, deployment(2, -10, finished=-2))
    crashes(stage, 4, 4.3, 4.6)
    diagnosis, decision = judged(stage, minutes=5)
    assert (diagnosis.cause, decision.verdict) == (Cause.CRASH_LOOP, Verdict.WAIT)
    diagnosis, decision = judged(stage, minutes=6.1)
    assert (decision.verdict, decision.action) == (Verdict.ACT, ActionName.ROLLBACK)


def test_a_loop_that_other_regions_have_without_a_deployment_is_of_what_tasks_need() -> None:
    stage = Troubled()
    stage.deploys(IRELAND, deployment(2, -10, finished=-2))
    crashes(stage, 4, 4.3, 4.6)
    crashes(stage, 4, 4.3, 4.6, version=1, place=VIRGINIA)
    diagnosis, decision = judged(stage, minutes=7)
    assert (diagnosis.cause, diagnosis.deployment) == (Cause.CRASH_LOOP, None)
    assert "since 12:04 UTC, also where nothing was deployed" in diagnosis.sentence
    assert decision.verdict is Verdict.ESCALATE


def test_crashes_of_a_revision_that_was_replaced_since_are_past() -> None:
    stage = Troubled()
    stage.deploys(IRELAND, deployment(2, -20, finished=-12))
    crashes(stage, 0, 1, 2)
    stage.deploys(IRELAND, replace(deployment(3, 3, finished=5), target=deployment(1, 0).target))
    assert not finding(judged(stage)[0], "crashing").yes


# -- zones


def half_a_zone(neighbour: bool = False, **fields: object) -> Troubled:  # noqa: FBT001, FBT002 - a stage's switch
    stage = Troubled(places=(IRELAND, VIRGINIA), neighbours=(PAYMENT,))
    stage.fails(IRELAND, 1, 0.15)
    stage.tells(IRELAND, 3, b=900)
    stage.change(
        IRELAND,
        tasks=crew(),
        zones=tuple(ZONES),
        zone_ids=ZONES,
        balancers=(replace(Balancer(ARN, is_shiftable=True), **fields),),  # type: ignore[arg-type]
    )
    if neighbour:
        stage.fails(PAYMENT, 1, 0.15)
        stage.tells(PAYMENT, 3, b=700)
    return stage


def test_requests_and_tasks_that_point_to_one_zone_have_it_left() -> None:
    stage = half_a_zone()
    stage.dies("eu-west-1b", 2)
    stage.dies("eu-west-1b", 2.5)
    diagnosis, decision = judged(stage)
    assert (diagnosis.cause, diagnosis.zone, diagnosis.confidence) == (
        Cause.ZONE,
        "eu-west-1b",
        Confidence.HIGH,
    )
    assert decision.verdict is Verdict.ACT
    assert decision.plan
    effect = decision.plan.effect
    assert isinstance(effect, StartShift)
    assert (effect.zone_id, effect.minutes) == ("euw1-az1", 180)
    assert effect.comment.startswith(f"fournines {incident().id}")
    assert decision.plan.inverse == EndShift(placement=IRELAND, balancer_arn=ARN, zone_id="euw1-az1")


def test_a_neighbour_that_fails_there_as_well_is_the_second_kind_of_evidence() -> None:
    diagnosis, decision = judged(half_a_zone(neighbour=True))
    assert (diagnosis.cause, diagnosis.zone, decision.verdict) == (Cause.ZONE, "eu-west-1b", Verdict.ACT)


def test_requests_alone_ask_a_person() -> None:
    diagnosis, decision = judged(half_a_zone(), minutes=12)
    assert (diagnosis.cause, diagnosis.confidence) == (Cause.ZONE, Confidence.LOW)
    assert (decision.verdict, decision.reason) == (Verdict.ESCALATE, Reason.LOW_CONFIDENCE)


def test_a_second_kind_that_names_another_zone_is_none() -> None:
    stage = half_a_zone()
    stage.dies("eu-west-1c", 2)
    stage.dies("eu-west-1c", 2.5)
    assert judged(stage, minutes=12)[1].verdict is Verdict.ESCALATE


def test_a_service_that_fails_alike_in_every_zone_is_not_the_zones_doing() -> None:
    stage = half_a_zone()
    stage.tells(IRELAND, 3, a=300, b=320, c=310)
    stage.dies("eu-west-1b", 2)
    stage.dies("eu-west-1b", 2.5)
    diagnosis, _ = judged(stage)
    assert finding(diagnosis, "failing_in_one_zone").no
    assert diagnosis.cause is not Cause.ZONE


def test_zones_that_told_only_of_the_time_before_tell_nothing() -> None:
    stage = half_a_zone()
    stage.tells(IRELAND, -2, b=900)
    assert finding(judged(stage)[0], "failing_in_one_zone").unknown


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"is_shiftable": False}, "not enabled"),
        ({"is_shiftable": None}, "could not be asked"),
        (
            {"shifts": (ZonalShift("s", "euw1-az2", at(60), "practice"),)},
            "shifted away from euw1-az2 already",
        ),
    ],
)
def test_a_balancer_that_cannot_be_shifted_is_a_persons(fields: dict[str, object], told: str) -> None:
    stage = half_a_zone(neighbour=True, **fields)
    _, decision = judged(stage)
    assert (decision.verdict, decision.reason) == (Verdict.ESCALATE, Reason.NOT_APPLICABLE)
    assert told in decision.sentence


def test_the_other_zones_must_be_able_to_carry_the_load_and_those_who_share_the_balancer_too() -> None:
    stage = half_a_zone(neighbour=True)
    stage.cpu[IRELAND] = 70
    assert judged(stage)[1].reason is Reason.NO_HEADROOM
    stage.cpu[IRELAND] = 40
    stage.cpu[PAYMENT] = 70
    assert judged(stage)[1].verdict is Verdict.ACT
    stage.sharing = (PAYMENT,)
    assert judged(stage)[1].reason is Reason.NO_HEADROOM


def test_a_zone_without_which_nothing_is_left_is_not_left() -> None:
    stage = half_a_zone(neighbour=True)
    stage.change(IRELAND, tasks=crew(zone="eu-west-1b"))
    _, decision = judged(stage)
    assert (decision.verdict, decision.reason) == (Verdict.ESCALATE, Reason.NO_HEADROOM)


def test_the_shift_is_ended_at_its_expiry_and_not_before_the_zone_is_well() -> None:
    stage = half_a_zone(neighbour=True)
    night = Night(stage)
    for _ in range(8):
        night.live()
    assert night.state is RunState.CLOSED
    undo = night.runs.runs[f"{night.id}:undo"]
    assert undo.wake - stage.now > 30 * MINUTE
    stage.now = undo.wake
    stage.dies("eu-west-1b", (stage.now - NOON) / MINUTE - 1)
    night.live()
    assert len(stage.sent) == 1
    stage.now += 15 * MINUTE
    stage.zones = {}
    stage.troubles = []
    for _ in range(5):
        night.live()
    assert isinstance(stage.sent[-1], EndShift)


def test_a_shift_that_expired_by_itself_needs_no_end_and_one_of_somebody_else_is_theirs() -> None:
    stage = half_a_zone()
    end = EndShift(placement=IRELAND, balancer_arn=ARN, zone_id="euw1-az1")
    assert end.done(stage.views[IRELAND])
    ours = ZonalShift("s", "euw1-az1", at(60), "fournines x")
    stage.change(IRELAND, balancers=(Balancer(ARN, is_shiftable=True, shifts=(ours,)),))
    assert not end.done(stage.views[IRELAND])
    theirs = replace(ours, comment="drill")
    stage.change(IRELAND, balancers=(Balancer(ARN, is_shiftable=True, shifts=(theirs,)),))
    assert end.done(stage.views[IRELAND])
    stage.change(IRELAND, balancers=(Balancer(ARN),))
    assert not end.done(stage.views[IRELAND])


def test_every_remedy_is_an_action_and_every_action_has_a_cause() -> None:
    named = {action for cause in Cause for action in remedies(cause)}
    assert named == set(ACTIONS) == set(ActionName)


@pytest.mark.parametrize(("lived", "loop"), [(3000, "no"), (2, "yes")])
def test_tasks_that_ecs_takes_out_after_they_had_served_for_long_are_no_loop(lived: float, loop: str) -> None:
    stage = Troubled()
    for minute in (3, 3.5, 4):
        stage.dies("eu-west-1a", minute)
        ended = stage.events.pop()
        assert isinstance(ended, TaskChanged)
        stage.events.append(replace(ended, started_at=at(minute - lived)))
    assert str(finding(judged(stage)[0], "crashing").holds) == loop


def test_a_look_that_does_not_show_the_tasks_is_no_look_and_stops_nothing() -> None:
    stage = hanging()
    night = Night(stage)
    tasks = stage.views[IRELAND].tasks
    stage.change(IRELAND, tasks=None)
    night.live()
    assert (night.state, stage.sent) == (RunState.ACT, [])
    stage.change(IRELAND, tasks=tasks)
    night.live()
    assert len(stage.sent) == 1


def test_what_becomes_unclear_after_a_person_was_called_is_not_told_again() -> None:
    stage = hanging(sick=2, protected=2)
    _, decision = judged(stage)
    first = record(incident(), decision)
    assert first is not None
    stage.change(IRELAND, tasks=None)
    _, unclear = judged(stage, minutes=12)
    assert (unclear.diagnosis.cause, unclear.verdict) == (Cause.UNKNOWN, Verdict.ESCALATE)
    assert record(first.incident, unclear) is None
