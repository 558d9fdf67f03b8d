"""Letters from moto's queues, several at once: they arrive, stay until deleted, and trouble is told."""

from __future__ import annotations

from threading import Event, Lock
from typing import TYPE_CHECKING, Any

import pytest
from moto.server import ThreadedMotoServer

from collector.wire.session import Access, Sessions
from remediation.events.event import Letter
from remediation.wire.queues import LISTENERS_MAX, Queue, SqsMailbox

if TYPE_CHECKING:
    from collections.abc import Iterator

ACCOUNT = "123456789012"
PAUSE = Event()  # never set: lets the threads work between two looks
REGIONS = ("eu-west-1", "us-east-1", "ap-southeast-1")


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def sessions(moto: str) -> Iterator[Sessions]:
    made = Sessions(Access(endpoint_url=moto, access_key_id="a", secret_access_key="b"))
    yield made
    made.close()


@pytest.fixture
def queues(sessions: Sessions, request: pytest.FixtureRequest) -> tuple[Queue, ...]:
    name = request.node.name.partition("[")[0]
    urls = {
        region: sessions.sqs(ACCOUNT, region).create_queue(QueueName=name)["QueueUrl"] for region in REGIONS
    }
    return tuple(Queue(ACCOUNT, region, url) for region, url in urls.items())


def send(sessions: Sessions, queue: Queue, *bodies: str) -> None:
    for body in bodies:
        sessions.sqs(queue.account, queue.region).send_message(QueueUrl=queue.url, MessageBody=body)


def received(mailbox: SqsMailbox, count: int) -> list[Letter]:
    """Receive until so many have come; pytest's timeout is the bound."""
    letters: list[Letter] = []
    while len(letters) < count:
        letters += mailbox.receive()
        PAUSE.wait(0.01)
    return letters


def in_queue(sessions: Sessions, queue: Queue) -> int:
    told = sessions.sqs(queue.account, queue.region).get_queue_attributes(
        QueueUrl=queue.url,
        AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
    )
    return sum(int(count) for count in told["Attributes"].values())


def test_letters_of_every_region_arrive_with_their_bodies(
    sessions: Sessions, queues: tuple[Queue, ...]
) -> None:
    for queue in queues:
        send(sessions, queue, f"from {queue.region}")
    mailbox = SqsMailbox(sessions, queues, wait_s=1)
    letters = received(mailbox, len(REGIONS))
    mailbox.close()
    assert sorted(letter.body for letter in letters) == sorted(f"from {region}" for region in REGIONS)
    assert {letter.queue for letter in letters} == {str(queue) for queue in queues}


def test_a_letter_stays_in_its_queue_until_it_is_deleted(
    sessions: Sessions, queues: tuple[Queue, ...]
) -> None:
    queue = queues[0]
    send(sessions, queue, *(str(i) for i in range(12)))
    mailbox = SqsMailbox(sessions, queues[:1], wait_s=0)
    letters = received(mailbox, 12)
    assert in_queue(sessions, queue) == 12
    mailbox.delete(letters)
    mailbox.close()
    assert in_queue(sessions, queue) == 0


def test_receiving_never_waits(sessions: Sessions, queues: tuple[Queue, ...]) -> None:
    mailbox = SqsMailbox(sessions, queues, wait_s=1)
    assert mailbox.receive() == []
    mailbox.close()


def test_a_queue_that_is_gone_is_told_and_keeps_no_other_from_arriving(
    sessions: Sessions, queues: tuple[Queue, ...], caplog: pytest.LogCaptureFixture
) -> None:
    gone, alive = queues[:2]
    sessions.sqs(gone.account, gone.region).delete_queue(QueueUrl=gone.url)
    send(sessions, alive, "still here")
    mailbox = SqsMailbox(sessions, (gone, alive), wait_s=1)
    assert [letter.body for letter in received(mailbox, 1)] == ["still here"]
    while not mailbox.troubles:
        PAUSE.wait(0.01)
    assert list(mailbox.troubles) == [str(gone)]
    mailbox.close()
    assert f"queue {gone} cannot be read" in caplog.text


def test_a_letter_that_cannot_be_deleted_is_logged_and_comes_again(
    sessions: Sessions, queues: tuple[Queue, ...], caplog: pytest.LogCaptureFixture
) -> None:
    mailbox = SqsMailbox(sessions, queues[:1], wait_s=0)
    mailbox.delete([Letter(str(queues[0]), "no such handle", "x")])
    mailbox.close()
    assert "were not deleted and will come again" in caplog.text


def test_a_closed_mailbox_has_no_listeners_and_says_so(sessions: Sessions, queues: tuple[Queue, ...]) -> None:
    mailbox = SqsMailbox(sessions, queues[:1], wait_s=0)
    mailbox.close()
    assert mailbox.troubles == {str(queues[0]): "the thread that listened has ended"}


def test_a_wait_that_sqs_would_refuse_is_refused(sessions: Sessions) -> None:
    with pytest.raises(ValueError, match="0 to 20 s"):
        SqsMailbox(sessions, (), wait_s=21)


class Deep:
    """A queue that holds so many messages, and how many threads asked it at the same time at most."""

    def __init__(self, messages: int) -> None:
        self.left, self.deleted, self.at_once, self.most = messages, 0, 0, 0
        self.lock = Lock()

    def sqs(self, *_: str) -> Any:  # noqa: ANN401 - stands in for a boto3 client
        return self

    def receive_message(self, **asked: Any) -> dict[str, Any]:  # noqa: ANN401 - AWS's own parameters
        with self.lock:
            self.at_once += 1
            self.most = max(self.most, self.at_once)
            given = [self.left - number for number in range(min(self.left, 10))]
            self.left -= len(given)
        PAUSE.wait(0.01 if given else asked["WaitTimeSeconds"] / 100)
        with self.lock:
            self.at_once -= 1
        return {"Messages": [{"ReceiptHandle": str(one), "Body": str(one)} for one in given]}

    def delete_message_batch(self, **asked: Any) -> dict[str, Any]:  # noqa: ANN401 - AWS's own parameters
        with self.lock:
            self.deleted += len(asked["Entries"])
        return {}


def test_a_deep_queue_is_emptied_by_several_and_somebody_is_told_that_letters_came() -> None:
    deep, arrived = Deep(500), Event()
    mailbox = SqsMailbox(deep, [Queue(ACCOUNT, "eu-west-1", "deep")], wait_s=1, arrived=arrived)
    letters = received(mailbox, 500)
    mailbox.delete(letters)
    mailbox.close()
    assert len({letter.body for letter in letters}) == deep.deleted == 500
    assert 1 < deep.most <= LISTENERS_MAX
    assert arrived.is_set()


def test_who_is_not_to_listen_leaves_every_letter_in_its_queue(
    sessions: Sessions, queues: tuple[Queue, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("remediation.wire.queues.REST_S", 0.05)
    listening = Event()
    mailbox = SqsMailbox(sessions, queues, wait_s=0, listens=listening.is_set)
    for queue in queues:
        send(sessions, queue, "news")
    PAUSE.wait(0.5)
    assert mailbox.receive() == []
    listening.set()
    assert [letter.body for letter in received(mailbox, len(queues))] == ["news"] * len(queues)
    mailbox.close()
