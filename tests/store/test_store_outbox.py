from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from fournines.slack.told import TOLD
from fournines.store.books import Books
from fournines.store.outbox import EDIT_EVERY, STUCK_ATTEMPTS, Kind, Telling
from remediation.journal import Entry, EntryKind

NOON = datetime(2026, 10, 1, 12, tzinfo=UTC)


@pytest.fixture
def books(store: str) -> Iterator[Books]:
    with Books.open(store) as opened:
        yield opened


def entry(kind: EntryKind, incident: str | None = "search") -> Entry:
    return Entry(kind, NOON, f"{kind} it is", incident=incident)


def kinds(tellings: tuple[Telling, ...]) -> list[tuple[str, Kind, int]]:
    return [(telling.incident, telling.kind, telling.entry) for telling in tellings]


def send_all(books: Books, now: datetime) -> list[tuple[str, Kind, int]]:
    """Send what is due until nothing is, as a working Slack would have it."""
    told = []
    while due := books.outbox.due(now):
        for telling in due:
            books.outbox.sending(telling)
            books.outbox.sent(telling, "C1", f"ts{telling.n}", now)
            told.append((telling.incident, telling.kind, telling.entry))
    return told


def test_every_kind_of_entry_is_told_somehow_or_on_purpose_not() -> None:
    assert set(TOLD) == set(EntryKind)


def test_the_first_entry_of_an_incident_is_the_parent_and_the_rest_are_replies_in_order(books: Books) -> None:
    books.append([entry(kind) for kind in (EntryKind.OPENED, EntryKind.DIAGNOSED, EntryKind.ASKED)])
    books.append([entry(EntryKind.RESTATED, incident=None)])
    assert kinds(books.outbox.due(NOON)) == [("search", Kind.PARENT, 3)]
    assert send_all(books, NOON) == [
        ("search", Kind.PARENT, 3),
        ("search", Kind.REPLY, 2),
        ("search", Kind.REPLY, 3),
    ]


def test_a_reply_knows_its_thread(books: Books) -> None:
    books.append([entry(EntryKind.OPENED), entry(EntryKind.ASKED)])
    (parent,) = books.outbox.due(NOON)
    assert (parent.channel, parent.parent_ts, parent.attempts) == (None, None, 0)
    books.outbox.sent(parent, "C7", "170.5", NOON)
    (reply,) = books.outbox.due(NOON)
    assert (reply.kind, reply.channel, reply.parent_ts) == (Kind.REPLY, "C7", "170.5")


def test_nothing_overtakes_a_reply_that_must_wait_and_other_incidents_go_on(books: Books) -> None:
    books.append([entry(EntryKind.OPENED), entry(EntryKind.OPENED, "payment")])
    send_all(books, NOON)
    books.append([entry(EntryKind.ASKED), entry(EntryKind.ESCALATED), entry(EntryKind.ASKED, "payment")])
    first = books.outbox.due(NOON)[0]
    books.outbox.sending(first)
    books.outbox.retry(first, NOON + timedelta(seconds=30), "ratelimited")
    replies = [
        telling
        for telling in kinds(books.outbox.due(NOON + timedelta(seconds=29)))
        if telling[1] is Kind.REPLY
    ]
    assert replies == [("payment", Kind.REPLY, 5)]
    later = books.outbox.due(NOON + timedelta(seconds=30))
    retried = next(telling for telling in later if telling.incident == "search")
    assert (retried.entry, retried.attempts, retried.ambiguous) == (3, 1, False)


def test_edits_of_one_parent_are_one_edit_and_not_too_often(books: Books) -> None:
    books.append([entry(EntryKind.OPENED)])
    send_all(books, NOON)
    books.append([entry(EntryKind.JOINED) for _ in range(20)])
    assert books.outbox.due(NOON + EDIT_EVERY / 2) == ()
    assert kinds(books.outbox.due(NOON + EDIT_EVERY)) == [("search", Kind.EDIT, 21)]


def test_what_happens_while_the_parent_is_on_its_way_becomes_an_edit(books: Books) -> None:
    books.append([entry(EntryKind.OPENED)])
    (parent,) = books.outbox.due(NOON)
    books.outbox.sending(parent)
    books.append([entry(EntryKind.JOINED)])
    books.outbox.sent(parent, "C1", "1", NOON)
    assert kinds(books.outbox.due(NOON + EDIT_EVERY)) == [("search", Kind.EDIT, 2)]


def test_an_edit_waits_for_no_reply_and_no_reply_for_an_edit(books: Books) -> None:
    books.append([entry(EntryKind.OPENED)])
    send_all(books, NOON)
    books.append([entry(EntryKind.ASKED)])
    assert kinds(books.outbox.due(NOON)) == [("search", Kind.REPLY, 2)]
    assert kinds(books.outbox.due(NOON + EDIT_EVERY)) == [("search", Kind.REPLY, 2), ("search", Kind.EDIT, 2)]


def test_a_message_on_its_way_at_a_crash_may_have_arrived(store: str) -> None:
    with Books.open(store) as books:
        books.append([entry(EntryKind.OPENED)])
        books.outbox.sending(books.outbox.due(NOON)[0])
    with Books.open(store) as books:
        (telling,) = books.outbox.due(NOON)
        assert (telling.ambiguous, telling.attempts) == (True, 1)
        books.outbox.retry(telling, NOON, "no answer", ambiguous=True)
        assert books.outbox.due(NOON)[0].ambiguous
        books.outbox.retry(telling, NOON, "not there")
        assert not books.outbox.due(NOON)[0].ambiguous


def test_what_is_refused_keeps_its_place_and_is_tried_again(books: Books) -> None:
    books.append([entry(EntryKind.OPENED), entry(EntryKind.ASKED)])
    later = NOON + timedelta(minutes=1)
    books.outbox.refused(books.outbox.due(NOON)[0], later, "channel_not_found")
    assert books.outbox.due(NOON) == ()
    assert (books.outbox.backlog().stuck, books.outbox.backlog().why) == (1, "channel_not_found")
    assert send_all(books, later) == [("search", Kind.PARENT, 2), ("search", Kind.REPLY, 2)]
    backlog = books.outbox.backlog()
    assert (backlog.pending, backlog.sent, backlog.stuck, backlog.why) == (0, 2, 0, "")


def test_an_edit_that_is_refused_is_dropped_and_the_next_one_says_it(books: Books) -> None:
    books.append([entry(EntryKind.OPENED)])
    send_all(books, NOON)
    books.append([entry(EntryKind.JOINED)])
    later = NOON + EDIT_EVERY
    books.outbox.refused(books.outbox.due(later)[0], later, "edit_window_closed")
    assert books.outbox.due(later) == ()
    books.append([entry(EntryKind.JOINED)])
    assert kinds(books.outbox.due(later)) == [("search", Kind.EDIT, 3)]


def test_what_does_not_arrive_in_several_attempts_is_stuck(books: Books) -> None:
    books.append([entry(EntryKind.OPENED)])
    for attempt in range(STUCK_ATTEMPTS):
        assert books.outbox.backlog().stuck == 0, attempt
        (telling,) = books.outbox.due(NOON)
        books.outbox.sending(telling)
        books.outbox.retry(telling, NOON, "no answer", ambiguous=True)
    assert (books.outbox.backlog().stuck, books.outbox.backlog().why) == (1, "no answer")


def test_an_escalation_speaks_for_the_decision_that_made_it_and_a_wait_is_no_news(books: Books) -> None:
    books.append([entry(EntryKind.OPENED)])
    send_all(books, NOON)
    for verdict in ("escalate", "wait", "act"):
        books.append([Entry(EntryKind.DECIDED, NOON, verdict, incident="search", data={"verdict": verdict})])
    assert [telling.entry for telling in books.outbox.due(NOON) if telling.kind is Kind.REPLY] == [4]


def test_a_diagnosis_that_says_the_same_again_is_no_reply(books: Books) -> None:
    books.append([entry(EntryKind.OPENED)])
    send_all(books, NOON)
    for sentence in ("a deployment", "a deployment", "a dependency", "a deployment"):
        books.append([Entry(EntryKind.DIAGNOSED, NOON, sentence, incident="search")])
    told = [telling.entry for telling in iter(lambda: next_reply(books), None)]
    assert told == [2, 4, 5]


def test_a_decision_that_says_the_same_again_is_no_reply_unless_it_acts(books: Books) -> None:
    books.append([entry(EntryKind.OPENED)])
    send_all(books, NOON)
    for verdict in ("observe", "wait", "observe", "act", "act"):
        sentence = "too old to act on" if verdict == "wait" else "go back to web:2"
        decided = Entry(EntryKind.DECIDED, NOON, sentence, incident="search", data={"verdict": verdict})
        books.append([decided])
    told = [telling.entry for telling in iter(lambda: next_reply(books), None)]
    assert told == [2, 5, 6]


def next_reply(books: Books) -> Telling | None:
    """Send the next reply, if there is one."""
    telling = next((telling for telling in books.outbox.due(NOON) if telling.kind is Kind.REPLY), None)
    if telling is not None:
        books.outbox.sent(telling, "C1", f"ts{telling.n}", NOON)
    return telling


def test_nothing_is_told_of_what_was_not_kept(books: Books) -> None:
    unkept = Entry(EntryKind.OPENED, NOON, "broken", incident="x", data={"not json": object()})
    with pytest.raises(TypeError):
        books.append([entry(EntryKind.OPENED), unkept])
    assert (books.outbox.due(NOON), books.entries()) == ((), ())
