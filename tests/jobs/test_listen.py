"""Events: stored before they are deleted, acted on once, and only where they speak of our own."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from collector.estate import RegionEstate, ServiceView
from fournines.desk import Desk
from fournines.jobs.listen import DISCOVERED_WITHIN, LOOK_AGAIN, Listen
from fournines.known import Known
from fournines.store.books import Books
from remediation.events.event import Letter
from remediation.incidents import Change, Symptom
from slo.burn import Severity
from slo.cells import Placement

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

EVENTS = Path(__file__).parents[1] / "remediation" / "events"
NOON = datetime(2026, 10, 1, 12, tzinfo=UTC)
CART = Placement("111122223333", "us-west-2", "shop", "cart")


class Queue:
    """Letters that come again until they are deleted; it knows how many events were kept at each delete."""

    def __init__(self, books: Books) -> None:
        self.books, self.letters, self.kept_at_delete = books, list[Letter](), list[int]()
        self.troubles: dict[str, str] = {}

    def put(self, name: str, **changes: Any) -> None:  # noqa: ANN401 - a document
        body = json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8")) | changes
        self.letters.append(Letter("us-west-2", str(len(self.letters)), json.dumps(body)))

    def receive(self) -> Sequence[Letter]:
        return tuple(self.letters)

    def delete(self, letters: Sequence[Letter]) -> None:
        self.kept_at_delete.append(sum(self.books.event_counts().values()))
        self.letters = [letter for letter in self.letters if letter not in letters]


def view(place: Placement, **fields: Any) -> ServiceView:  # noqa: ANN401 - fields of the view
    return ServiceView(
        placement=place,
        seen_at=NOON,
        status="ACTIVE",
        desired=2,
        running=2,
        pending=0,
        task_definition="cart:1",
        **fields,
    )


class Room:
    """A job that listens, and what it works on."""

    def __init__(self, books: Books, *views: ServiceView) -> None:
        self.books, self.queue, self.known = books, Queue(books), Known(books, lambda _: 1.0)
        if views:
            self.known.saw(RegionEstate(CART.account, CART.region, NOON, views))
        self.stale: list[Placement] = []
        self.job = Listen(self.queue, books, self.known, Desk(books), self.stale.append)

    def hears(self, name: str, **changes: Any) -> None:  # noqa: ANN401 - a document
        self.queue.put(name, **changes)
        self.job.run(NOON)

    def put_alarm(self, name: str, state: str, minute: int) -> None:
        told = json.loads((EVENTS / "alarm_metric.json").read_text(encoding="utf-8"))["detail"]
        told["state"] = {"value": state, "timestamp": f"2026-10-01T11:5{minute}:00.000+0000"}
        self.queue.put("alarm_metric", id=name, detail=told, time=f"2026-10-01T11:5{minute}:01Z")

    def alarm(self, name: str, state: str, minute: int) -> None:
        self.put_alarm(name, state, minute)
        self.job.run(NOON)


@pytest.fixture
def books() -> Iterator[Books]:
    with Books.open("sqlite://") as opened:
        yield opened


@pytest.fixture
def room(books: Books) -> Room:
    return Room(books, view(CART))


def test_an_event_is_kept_before_it_is_deleted_and_opens_its_incident(room: Room) -> None:
    room.hears("action_spot_refused")
    assert (room.queue.kept_at_delete, room.queue.letters) == ([1], [])
    assert [incident.service for incident in room.books.open_incidents()] == ["cart"]


def test_a_service_that_is_deployed_is_read_anew(room: Room) -> None:
    room.hears("action_spot_refused")
    assert room.stale == []
    room.hears("deployment_started")
    assert room.stale == [CART]


def test_what_cannot_be_kept_is_not_deleted(books: Books) -> None:
    class Full(Books):
        def keep_events(self, *_: object) -> Any:  # noqa: ANN401 - never returns
            raise OSError("disk full")

    room = Room(books, view(CART))
    room.queue.put("action_spot_refused")
    with Full.open("sqlite://") as full:
        listen = Listen(room.queue, full, room.known, Desk(full), room.stale.append)
        with pytest.raises(OSError, match="disk full"):
            listen.run(NOON)
    assert len(room.queue.letters) == 1


def test_a_duplicate_changes_nothing_however_often_it_comes(room: Room) -> None:
    for _ in range(3):
        room.hears("action_spot_refused")
    room.queue.put("action_spot_refused")
    room.hears("action_spot_refused")
    (incident,) = room.books.open_incidents()
    assert (len(incident.symptoms), len(room.books.entries())) == (1, 1)
    assert room.books.event_counts() == {"service_action": 1}


def test_a_crash_between_keeping_and_folding_loses_nothing(room: Room) -> None:
    class Dies(Desk):
        def fold(self, *_: object) -> bool:
            raise KeyboardInterrupt

    room.queue.put("action_spot_refused")
    with pytest.raises(KeyboardInterrupt):
        Listen(room.queue, room.books, room.known, Dies(room.books), room.stale.append).run(NOON)
    assert (room.queue.letters, room.books.open_incidents()) == ([], ())
    room.job.run(NOON)
    assert len(room.books.open_incidents()) == 1
    assert room.books.unfolded_events() == ()


def test_an_event_of_another_estate_is_kept_and_acts_on_nothing(books: Books) -> None:
    room = Room(books, view(Placement(CART.account, CART.region, CART.cluster, "checkout")))
    room.hears("action_spot_refused")
    room.job.run(NOON + DISCOVERED_WITHIN)
    assert books.open_incidents() == ()
    assert (books.event_counts(), books.unfolded_events()) == ({"service_action": 1}, ())


def test_events_wait_until_discovery_knows_what_they_speak_of(books: Books) -> None:
    room = Room(books)
    room.hears("action_spot_refused")
    assert (len(books.unfolded_events()), room.queue.letters) == (1, [])
    room.known.saw(RegionEstate(CART.account, CART.region, NOON, (view(CART),)))
    room.job.run(NOON)
    assert len(books.open_incidents()) == 1


def test_an_alarm_is_placed_by_what_its_metrics_speak_of(books: Books) -> None:
    room = Room(books, view(CART, target_groups=("targetgroup/cart/1",), load_balancers=("app/shop/2",)))
    room.hears("alarm_metric")
    assert [incident.placements for incident in books.open_incidents()] == [(CART,)]


def test_an_alarm_that_rings_before_discovery_waits_for_it_and_then_for_nobody(books: Books) -> None:
    room = Room(books)
    room.hears("alarm_metric")
    room.hears("alarm_metric", id="of nobody", detail={"alarmName": "bill", "state": {"value": "ALARM"}})
    cart = view(CART, target_groups=("targetgroup/cart/1",), load_balancers=("app/shop/2",))
    room.known.saw(RegionEstate(CART.account, CART.region, NOON, (cart,)))
    room.job.run(NOON)
    assert [incident.placements for incident in books.open_incidents()] == [(CART,)]
    assert len(books.unfolded_events()) == 1
    room.job.run(NOON + DISCOVERED_WITHIN)
    assert books.unfolded_events() == ()


def test_a_load_balancer_that_several_share_names_nobody(books: Books) -> None:
    other = Placement(CART.account, CART.region, CART.cluster, "checkout")
    shared = {"load_balancers": ("app/shop/2",)}
    room = Room(books, view(CART, target_groups=("targetgroup/cart/9",), **shared), view(other, **shared))
    assert room.known.placement_behind([("LoadBalancer", "app/shop/2")]) is None
    assert room.known.placement_behind([("TargetGroup", "targetgroup/cart/9")]) == CART
    room.hears("alarm_metric")
    assert books.open_incidents() == ()


def test_what_makes_no_sense_is_kept_as_it_came(room: Room) -> None:
    room.queue.letters.append(Letter("us-west-2", "x", "not JSON at all"))
    room.job.run(NOON)
    assert (room.books.event_counts(), room.queue.letters) == ({"unrecognised/not_json": 1}, [])


def test_two_threads_never_open_two_incidents_of_one_service(tmp_path: Path) -> None:
    with Books.open(str(tmp_path / "books.db")) as books:
        desk, ready = Desk(books), threading.Barrier(8)

        def fold(number: int) -> None:
            ready.wait(10)
            sign = Symptom(
                placement=CART, name=f"sign {number}", severity=Severity.PAGE, sentence="It fails.",
                first_seen=NOON, last_seen=NOON,
            )  # fmt: skip
            desk.fold([sign], NOON)

        threads = [threading.Thread(target=fold, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        (incident,) = books.open_incidents()
        assert len(incident.symptoms) == 8


def test_what_is_over_is_not_changed_any_more(room: Room) -> None:
    room.hears("action_spot_refused")
    (incident,) = room.books.open_incidents()
    nobody = replace(incident, id="nobody")
    room.job.desk.change(
        nobody, lambda seen: Change(seen, ()) if seen is nobody else pytest.fail("no such incident")
    )
    room.job.desk.change(incident, lambda _: None)
    assert room.books.open_incidents() == (incident,)


def test_a_region_that_cannot_be_read_keeps_what_was_known_also_over_a_restart(room: Room) -> None:
    room.books.save_estate(RegionEstate(CART.account, CART.region, NOON, (view(CART),)))
    room.known.could_not_read(CART.account, CART.region, "AccessDenied")
    assert list(room.known.services) == [CART]
    again = Known(room.books, lambda _: 1.0)
    again.could_not_read(CART.account, CART.region, "AccessDenied")
    assert (list(again.services), again.siblings("cart")) == ([CART], (CART,))


def test_an_event_that_changes_an_incident_has_it_looked_into_at_once(room: Room) -> None:
    rung: list[str] = []
    room.job.stirred = lambda: rung.append("remediate")
    room.hears("task_scaled_in")
    assert rung == []
    room.hears("action_spot_refused")
    assert rung == ["remediate"]


def test_an_old_arn_finds_the_one_service_that_it_may_mean(room: Room) -> None:
    room.hears("deployment_started_old_arn")
    assert room.stale == [CART]
    twin = Placement(CART.account, CART.region, "outlet", CART.service)
    room.known.saw(RegionEstate(CART.account, CART.region, NOON, (view(CART), view(twin))))
    room.hears("deployment_started_old_arn", id="another")
    assert room.stale == [CART], "two services may be meant: then it means nobody"


def test_an_alarm_that_ended_before_its_beginning_was_heard_does_not_ring(books: Books) -> None:
    room = Room(books, view(CART, target_groups=("targetgroup/cart/1",)))
    room.alarm("it ended", "OK", minute=1)
    room.alarm("it began", "ALARM", minute=0)
    assert books.open_incidents() == ()
    room.alarm("it began again", "ALARM", minute=2)
    (incident,) = books.open_incidents()
    room.alarm("it ended again, told late", "OK", minute=1)
    (still,) = books.open_incidents()
    assert [symptom.ringing for symptom in still.symptoms] == [True]
    assert still.id == incident.id


def test_what_an_alarm_tells_at_once_is_taken_in_the_order_in_which_it_happened(books: Books) -> None:
    room = Room(books, view(CART, target_groups=("targetgroup/cart/1",)))
    room.put_alarm("it ended", "OK", minute=1)
    room.alarm("it began", "ALARM", minute=0)
    (incident,) = books.open_incidents()
    assert [symptom.ringing for symptom in incident.symptoms] == [False]


def test_nobody_can_tell_of_the_future(room: Room) -> None:
    room.hears("action_spot_refused", time="2999-01-01T00:00:00Z")
    (incident,) = room.books.open_incidents()
    (entry,) = room.books.entries(incident.id)
    assert entry.entry.data["at"] == NOON.isoformat()
    (kept,) = room.books.recent_events(NOON)
    assert kept.origin.at == NOON


def test_what_is_left_over_is_looked_at_now_and_then_and_not_with_every_letter() -> None:
    class Counted(Books):
        looks = 0

        def unfolded_events(self) -> Any:  # noqa: ANN401 - as the books return them
            self.looks += 1
            return super().unfolded_events()

    with Counted.open("sqlite://") as counted:
        room = Room(counted)
        for number in range(5):
            room.hears("action_spot_refused", id=f"{number}")
        assert (counted.looks, len(counted.unfolded_events())) == (1, 5)
        room.job.run(NOON + LOOK_AGAIN)
        assert counted.looks == 3


def test_a_forged_answer_moves_nothing(room: Room) -> None:
    room.hears("action_spot_refused")
    (before,) = room.books.open_incidents()
    for choice in ("approve", "hold", "ack"):
        detail = {"incident": before.id, "choice": choice, "actor": "mallory"}
        room.hears("answer_forged", id=choice, detail=detail)
    assert room.books.open_incidents() == (before,)
    assert room.books.event_counts()["unrecognised/unproven_answer"] == 3


@pytest.mark.parametrize(
    "body", ["[" * 200_000, "\ud800" * 9, "\x00", "x" * 2**20, '{"id": "' + "i" * 9999 + '"}']
)
def test_a_letter_that_no_database_may_want_is_kept_bounded_and_deleted(room: Room, body: str) -> None:
    room.queue.letters.append(Letter("us-west-2", "x", body))
    room.job.run(NOON)
    assert (sum(room.books.event_counts().values()), room.queue.letters) == (1, [])
    assert room.books.open_incidents() == ()
