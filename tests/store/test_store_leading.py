"""Replicas on one database: one leads, the others follow, and who was deposed writes nothing."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pytest

from fournines.clock import Job
from fournines.known import Known
from fournines.replica import Replica
from fournines.store.books import Books
from fournines.store.leading import Lead, Role
from fournines.store.place import DeposedError, StoreError
from remediation.journal import Entry, EntryKind
from slo.cells import Block, Indicator, Placement, Sli, State, minute_of
from slo.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Schemas

NOON = datetime(2026, 10, 1, 12, tzinfo=UTC)
START = minute_of(NOON)
SMALL = partial(Ledger, ring=240, windows=(1, 5, 60))
SLIS = tuple(Sli(Placement("1", "eu-west-1", "main", name), Indicator.AVAILABILITY) for name in "abc")
OPENED = Entry(EntryKind.OPENED, NOON, "It fails.", incident="i")


@pytest.fixture
def pair(schemas: Schemas) -> Iterator[tuple[Books, Books]]:
    """Two replicas of one store."""
    url = schemas()
    with Books.open(url, SMALL) as first, Books.open(url, SMALL) as second:
        first.share(tuple(Role))
        second.share(tuple(Role))
        yield first, second


def lead(books: Books, role: Role = Role.WORK) -> Lead:
    assert books.leads is not None
    return books.leads[role]


def campaign(books: Books, role: Role = Role.WORK) -> bool:
    return lead(books, role).campaign(lambda: None)


def block(start: int, bad: list[int], slis: tuple[Sli, ...] = SLIS[:1]) -> Block:
    counts = np.array(bad, np.int64)[:, None].repeat(len(slis), axis=1)
    return Block(
        slis, start, counts, np.full_like(counts, 100), np.full(counts.shape, State.OBSERVED, np.uint8)
    )


def bad(books: Books, sli: Sli = SLIS[0]) -> list[int]:
    with books.ledger() as ledger:
        assert ledger.self_check() == ()
        column: list[int] = ledger.minutes(sli, START, START + 3)[0].tolist()
    return column


def lapse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let leads from now on be over as soon as they are taken."""
    monkeypatch.setattr("fournines.store.leading.LEAD_S", -1.0)


def test_one_of_two_leads_until_it_resigns(pair: tuple[Books, Books]) -> None:
    first, second = pair
    assert campaign(first)
    assert not campaign(second)
    assert campaign(first)
    assert (lead(first).held, lead(second).held) == (True, False)
    assert (first.leads_work(), second.leads_work()) == (True, False)
    assert campaign(second, Role.TELL), "each role has its own leader"
    lead(first).resign()
    assert campaign(second)
    assert lead(second).term == 2


def test_who_is_not_heard_of_is_replaced_and_writes_nothing_any_more(
    pair: tuple[Books, Books], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = pair
    with monkeypatch.context() as now:
        lapse(now)
        assert campaign(first)
    first.append([OPENED])
    assert campaign(second)
    for write in (
        lambda: first.append([OPENED]),
        lambda: first.record(block(START, [1]), NOON),
        lambda: first.runs.claim(NOON),
    ):
        with pytest.raises(DeposedError, match="another replica leads the role work"):
            write()
    second.append([OPENED])
    assert len(first.entries()) == 2
    assert second.verify_journal() is None


def test_who_never_led_writes_nothing(pair: tuple[Books, Books]) -> None:
    with pytest.raises(DeposedError):
        pair[0].append([OPENED])


def test_who_tells_is_fenced_by_its_own_role(pair: tuple[Books, Books]) -> None:
    first, second = pair
    campaign(first)
    campaign(second, Role.TELL)
    first.append([OPENED])
    (telling,) = second.outbox.due(NOON)
    with pytest.raises(DeposedError, match="leads the role tell"):
        first.outbox.sending(telling)
    second.outbox.sending(telling)


def test_no_new_term_begins_while_something_of_the_last_is_under_way(
    pair: tuple[Books, Books], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = pair
    campaign(first)
    with lead(first).at_work() as leads:
        assert leads
        lead(first).resign()
        with monkeypatch.context() as now:
            lapse(now)
            assert campaign(second)
        assert not campaign(first)
    assert campaign(first)
    assert lead(first).term == 3


def test_memory_follows_what_the_leader_writes(pair: tuple[Books, Books]) -> None:
    first, second = pair
    campaign(first)
    assert bad(second) == [0, 0, 0]
    first.record(block(START, [1, 2, 3]), NOON)
    assert bad(second) == [1, 2, 3]
    first.record(block(START + 1, [7]), NOON + timedelta(minutes=1))
    first.record(block(START, [5], slis=SLIS[1:]), NOON)
    assert bad(second) == [1, 7, 3]
    assert bad(second, SLIS[2]) == [5, 0, 0]
    first.import_cells([block(START, [9], slis=SLIS[2:]), block(START + 2, [9], slis=SLIS[2:])], "x", NOON)
    assert bad(second, SLIS[2]) == [5, 0, 9]
    lead(first).resign()
    campaign(second)
    second.record(block(START + 2, [4]), NOON + timedelta(minutes=2))
    assert bad(first) == bad(second) == [1, 7, 4]


def test_who_missed_more_than_is_noted_reads_the_ring_anew(
    pair: tuple[Books, Books], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = pair
    campaign(first)
    bad(second)
    first.record(block(START, [1]), NOON)
    assert bad(second) == [1, 0, 0]
    monkeypatch.setattr("fournines.store.live.NOTES_MAX", 1)
    for minute in range(3):
        first.record(block(START + minute, [minute + 4]), NOON + timedelta(minutes=1))
    assert bad(second) == [4, 5, 6]


def test_new_columns_of_one_replica_are_never_given_again_by_the_next(pair: tuple[Books, Books]) -> None:
    first, second = pair
    bad(first)
    bad(second)
    campaign(first)
    first.record(block(START, [1]), NOON)
    lead(first).resign()
    campaign(second)
    second.record(block(START, [2], slis=SLIS[1:2]), NOON)
    assert [bad(first, sli)[0] for sli in SLIS] == [bad(second, sli)[0] for sli in SLIS] == [1, 2, 0]


def test_a_write_that_fails_after_it_has_followed_loses_nothing(pair: tuple[Books, Books]) -> None:
    first, second = pair
    bad(first)
    campaign(second)
    second.record(block(START, [1]), NOON)
    lead(second).resign()
    campaign(first)
    with pytest.raises(StoreError, match="a block names each SLI once"):
        first.record(block(START, [9], slis=SLIS[:1] * 2), NOON)
    assert bad(first) == [1, 0, 0]
    first.record(block(START + 1, [2]), NOON)
    assert bad(first) == bad(second) == [1, 2, 0]


def test_jobs_run_where_their_role_is_led_and_stand_by_elsewhere(pair: tuple[Books, Books]) -> None:
    done: list[str] = []
    taken_over = threading.Event()

    def replica(books: Books, name: str) -> tuple[Replica, tuple[Job, ...]]:
        assert books.leads is not None
        one = Replica(books.leads, Known(books, lambda _: 1.0), taken_over.set)
        jobs = (Job("collect", timedelta(seconds=1), lambda _: done.append(name)),)
        return one, one.gated(jobs, timedelta(seconds=1))

    (first, jobs), (second, others) = replica(pair[0], "first"), replica(pair[1], "second")
    assert [job.name for job in jobs] == ["lead", "collect"]
    first.ask(NOON)
    assert taken_over.is_set(), "what another did until then is taken over before anything begins"
    second.ask(NOON)
    for job in (jobs[1], others[1]):
        job.run(NOON)
    assert done == ["first"]
    first.resign()
    second.ask(NOON)
    for job in (jobs[1], others[1]):
        job.run(NOON)
    assert done == ["first", "second"]


def test_a_file_has_one_owner_who_leads_everything() -> None:
    with Books.open("sqlite://") as books:
        books.share(tuple(Role))
        assert books.leads is None
        assert books.leads_work()
        books.append([OPENED])
