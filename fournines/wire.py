"""The outside on AWS and Slack, plugged together: the only place that knows the rooms' network code."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from collector.bundle import Area
from collector.checkup import QueueLook
from collector.estate import TagKeys
from collector.source import Batch, CollectError, Readings
from collector.wire.archive import FolderArchive, S3Archive
from collector.wire.beacon import AwsBeacon
from collector.wire.checkup import AwsCheckup
from collector.wire.knocking import knock
from collector.wire.probe import HttpProber
from collector.wire.session import Access, Sessions
from collector.wire.source import AwsSource
from fournines.service import Outside
from fournines.slack.chat import LogChat, SlackChat
from remediation.wire.actuator import AwsActuator
from remediation.wire.queues import Queue, SqsMailbox
from remediation.wire.webhook import HttpHook
from remediation.wire.witness import AwsWitness

if TYPE_CHECKING:
    from collector.archive import Archive
    from collector.knock import Knock
    from fournines.settings import Settings

_log = logging.getLogger(__name__)

#: A dead address takes seconds to say so; this many are waited for side by side.
KNOCKS_AT_ONCE_MAX = 16


def outside(
    settings: Settings,
    sessions: Sessions,
    now: Callable[[], datetime],
    listens: Callable[[], bool] = lambda: True,
) -> Outside:
    """Return the seams on AWS and Slack as the settings say; queues are heard while `listens` says so."""
    aws = settings.aws
    arrived = threading.Event()
    queues = [Queue(aws.accounts[0].id, queue.region, queue.url) for queue in aws.queues]
    return Outside(
        source=AwsSource(sessions, now, TagKeys(**aws.tags.model_dump())),
        witness=AwsWitness(sessions),
        actuator=AwsActuator(sessions),
        mailbox=SqsMailbox(sessions, queues, arrived=arrived, listens=listens),
        chat=slack(settings) or LogChat(),
        beacon=AwsBeacon(sessions, aws.accounts[0].id),
        prober=HttpProber(),
        archives=archives(settings, sessions),
        letters=letters(settings, AwsCheckup(sessions, now)) if queues else None,
        arrived=arrived,
        hook=hook(settings),
    )


def letters(settings: Settings, checkup: AwsCheckup) -> Callable[[], dict[Area, QueueLook]]:
    """Return who counts what the queues hold, one after the other; what cannot be looked at is logged."""
    home = settings.aws.accounts[0].id

    def look() -> dict[Area, QueueLook]:
        found = dict[Area, QueueLook]()
        for queue in settings.aws.queues:
            try:
                found[Area(home, queue.region)] = checkup.queue(home, queue.region, queue.url)
            except CollectError as problem:
                _log.warning("the queue of %s cannot be looked at: %s", queue.region, problem)
        return found

    return look


def archives(settings: Settings, sessions: Sessions) -> dict[str, Archive]:
    """Return where statements are laid up, by the name of the place."""
    folder, s3 = settings.statements.folder, settings.statements.s3
    found: dict[str, Archive] = {}
    if folder is not None:
        found["folder"] = FolderArchive(Path(folder))
    if s3 is not None:
        home = settings.aws.accounts[0].id
        found["s3"] = S3Archive(sessions=sessions, account=home, **s3.model_dump())
    return found


def slack(settings: Settings) -> SlackChat | None:
    """Return Slack, if it is configured."""
    found = settings.slack
    return SlackChat(found.token.get_secret_value(), found.base_url) if found else None


def hook(settings: Settings) -> HttpHook | None:
    """Return where CI is told of the quarantine, if it is configured."""
    found = settings.webhook
    return HttpHook(found.url, found.secret.get_secret_value()) if found else None


def checkup(settings: Settings, now: Callable[[], datetime]) -> AwsCheckup:
    """Return who looks at AWS for the doctor, with the service's own credentials and roles."""
    return AwsCheckup(sessions(settings), now)


def source(settings: Settings, now: Callable[[], datetime]) -> AwsSource:
    """Return who reads AWS, alone: for a command that asks once."""
    return AwsSource(sessions(settings), now, TagKeys(**settings.aws.tags.model_dump()))


def knocks(settings: Settings, sessions: Sessions) -> list[Knock]:
    """Ask every region of every account side by side whether it answers."""
    with ThreadPoolExecutor(KNOCKS_AT_ONCE_MAX, thread_name_prefix="knock") as pool:
        return list(pool.map(lambda scope: knock(sessions, *scope), settings.aws.scopes))


def sessions(settings: Settings) -> Sessions:
    """Return the clients of AWS as the settings say; nothing is asked yet."""
    aws = settings.aws
    keys = aws.credentials
    return Sessions(
        Access(
            endpoint_url=aws.endpoint_url,
            access_key_id=keys.access_key_id if keys else None,
            secret_access_key=keys.secret_access_key.get_secret_value() if keys else None,
            session_token=keys.session_token.get_secret_value() if keys and keys.session_token else None,
            roles={account.id: account.role_arn for account in aws.accounts if account.role_arn},
        )
    )


@dataclass(frozen=True, slots=True)
class InProcess:
    """The same adapters on clients that answer without a network; metrics are read as columns."""

    sessions: Any
    columns: Callable[[Batch, int, int], Readings]
    now: Callable[[], datetime]

    def source(self) -> AwsSource:
        """Return the source."""
        return AwsSource(self.sessions, self.now, metrics=self.columns)

    def witness(self) -> AwsWitness:
        """Return the witness."""
        return AwsWitness(self.sessions)

    def actuator(self) -> AwsActuator:
        """Return the actuator."""
        return AwsActuator(self.sessions)

    def beacon(self, account: str) -> AwsBeacon:
        """Return the beacon of an account."""
        return AwsBeacon(self.sessions, account)
