from dataclasses import replace
from datetime import UTC, datetime, timedelta

from fournines.store.books import Books
from remediation.events.event import (
    AlarmChanged,
    Answer,
    DeploymentChanged,
    DeploymentPhase,
    Event,
    Origin,
    ServiceAction,
    TaskChanged,
    TaskEnd,
    Unrecognised,
)
from remediation.incidents import Change, Incident, Symptom
from remediation.journal import Entry, EntryKind
from remediation.vocabulary import ActionName, Cause
from slo.burn import Severity
from slo.cells import Placement

NOON = datetime(2026, 10, 1, 12, tzinfo=UTC)
HERE = Placement("1", "eu-west-1", "main", "search")


def origin(name: str, minutes: int | None = 0, region: str = "eu-west-1") -> Origin:
    at = None if minutes is None else NOON + timedelta(minutes=minutes)
    return Origin(id=name, account="1", region=region, at=at)


def action(name: str, minutes: int | None = 0, region: str = "eu-west-1") -> ServiceAction:
    where = Placement("1", region, "main", "search")
    return ServiceAction(
        origin=origin(name, minutes, region), placement=where, name="N", level="WARN", reason=""
    )


EVERY_KIND: list[Event] = [
    DeploymentChanged(
        origin=origin("d"),
        placement=HERE,
        deployment_id="ecs-svc/1",
        phase=DeploymentPhase.STARTED,
        reason="r",
    ),
    TaskChanged(
        origin=origin("t"),
        placement=None,
        task_arn="arn",
        version=3,
        last_status="RUNNING",
        desired_status="STOPPED",
        end=TaskEnd.SPOT_INTERRUPTION,
        reason="",
    ),
    action("s", None),
    AlarmChanged(
        origin=origin("a"),
        name="n",
        state="ALARM",
        previous="OK",
        suppressed=False,
        metrics=("m",),
        dimensions=(("LoadBalancer", "app/x/1"),),
    ),
    Answer(origin=origin("w"), incident="i", choice="approve", actor="Ann"),
    Unrecognised(origin=origin("u"), why="never seen"),
]


def test_every_kind_of_event_comes_back_as_it_was(store: str) -> None:
    with Books.open(store) as books:
        assert books.keep_events([(f"raw {event.origin.id}", event) for event in EVERY_KIND], NOON) == tuple(
            EVERY_KIND
        )
        assert books.unfolded_events() == tuple(EVERY_KIND)
        assert books.event_counts()["answer"] == 1


def test_an_event_that_comes_twice_is_kept_once_however_it_comes(store: str) -> None:
    with Books.open(store) as books:
        assert books.keep_events([("x", action("1")), ("x", action("1"))], NOON) == (action("1"),)
        assert books.keep_events([("x", action("1")), ("y", action("2"))], NOON) == (action("2"),)
        assert books.unfolded_events() == (action("1"), action("2"))


def test_a_crash_between_keeping_and_folding_loses_no_event(store: str) -> None:
    incident = Incident(id="search-1", service="search", opened_at=NOON)
    with Books.open(store) as books:
        new = books.keep_events([("x", action("1")), ("y", action("2"))], NOON)
        assert books.unfolded_events() == new
        books.save(
            [Change(incident, (Entry(EntryKind.OPENED, NOON, "It fails.", incident="search-1"),))], new[:1]
        )
        assert books.unfolded_events() == new[1:]
        books.save([], new[1:])
        assert books.unfolded_events() == ()


def test_recent_events_are_found_by_placement_or_region_and_in_order_of_their_own_time(store: str) -> None:
    events = [action("late", 5), action("early", 1), action("old", -9), action("far", 2, "us-east-1")]
    with Books.open(store) as books:
        books.keep_events([("x", event) for event in events], NOON)
        books.keep_events([("x", action("timeless", None))], NOON + timedelta(minutes=3))

        def found(**where: object) -> list[str]:
            return [event.origin.id for event in books.recent_events(NOON, **where)]  # type: ignore[arg-type]

        assert found() == ["early", "far", "timeless", "late"]
        assert found(placements={"service_action": [HERE]}) == ["early", "timeless", "late"]
        assert found(regions={"service_action": ["us-east-1"]}) == ["far"]
        assert found(placements={"task_changed": [HERE]}, regions={"task_changed": ["us-east-1"]}) == []
        both = found(placements={"service_action": [HERE]}, regions={"service_action": ["us-east-1"]})
        assert both == ["early", "far", "timeless", "late"]


def test_an_incident_comes_back_as_it_was_and_only_open_ones_are_open(store: str) -> None:
    symptom = Symptom(
        placement=HERE,
        name="page-quick",
        severity=Severity.PAGE,
        sentence="21x",
        first_seen=NOON,
        last_seen=NOON,
    )
    incident = Incident(
        id="search-1",
        service="search",
        opened_at=NOON,
        symptoms=(symptom,),
        cause=Cause.DEPLOYMENT,
        action=ActionName.ROLLBACK,
        placement=HERE,
        sentence="It fails.",
    )
    over = Incident(
        id="old", service="payment", opened_at=NOON - timedelta(days=2), resolved_at=NOON - timedelta(days=1)
    )
    with Books.open(store) as books:
        books.save([Change(incident, ()), Change(over, ())])
        assert books.incident("search-1") == incident
        assert books.incident("nobody") is None
        assert books.open_incidents() == (incident,)
        assert books.incidents_since(NOON - timedelta(hours=1)) == (incident,)
        assert books.incidents_since(NOON - timedelta(days=1)) == (over, incident)


def test_every_event_of_a_kind_is_found_in_its_order(store: str) -> None:
    with Books.open(store) as books:
        books.keep_events([("{}", action("late", 5)), ("{}", EVERY_KIND[0]), ("{}", action("old"))], NOON)
        assert [event.origin.id for event in books.events_of("service_action", NOON)] == ["old", "late"]
        assert books.events_of("service_action", NOON + timedelta(minutes=6)) == ()


def test_a_storm_is_kept_once_and_folded_in_one_go() -> None:
    storm = [("x", action(f"{number // 2}")) for number in range(5000)]
    with Books.open("sqlite://") as books:
        assert len(books.keep_events(storm, NOON)) == 2500
        assert books.keep_events(storm, NOON) == ()
        assert books.event_counts() == {"service_action": 2500}
        books.save([], books.unfolded_events())
        assert books.unfolded_events() == ()


def test_events_are_dropped_when_they_are_old_deployments_later_and_never_what_waits() -> None:
    long_ago, month = timedelta(days=400), timedelta(days=35)
    with Books.open("sqlite://") as books:
        books.keep_events([("x", action("oldest")), ("x", EVERY_KIND[0])], NOON - 2 * long_ago)
        books.save([], books.unfolded_events())
        books.keep_events([("x", action("old")), ("x", action("waits"))], NOON - 2 * month)
        books.keep_events([("x", replace(EVERY_KIND[0], origin=origin("deployed")))], NOON - 2 * month)
        books.save([], [event for event in books.unfolded_events() if event.origin.id != "waits"])
        books.keep_events([("x", action("new"))], NOON)
        assert books.forget_events(NOON - month, NOON - long_ago) == 3
        assert books.forget_events(NOON - month, NOON - long_ago) == 0
        kept = {event.origin.id for event in books.recent_events(NOON - timedelta(days=999))}
        assert kept == {"waits", "deployed", "new"}
        assert sum(books.event_counts().values()) == 6, "what was heard stays counted"
