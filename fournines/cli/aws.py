"""What fournines needs on the AWS side, printed: a CloudFormation template, and the least IAM permissions."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from fournines import template as needs
from fournines.cli import opened, shown
from fournines.trouble import Trouble
from remediation.actions.effects import (
    EndShift,
    RestoreRevision,
    SetScalingMinimum,
    SetStrategy,
    StartShift,
    StopDeployment,
    StopTasks,
    TurnBackAtHook,
)
from remediation.actions.table import remedies
from remediation.vocabulary import ActionName, Mode
from slo.cells import Placement

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from fournines.config import Config
    from fournines.settings import Queue

#: What IAM must allow for an action: everything that its effects may send, there and back.
GRANTS: Mapping[ActionName, tuple[str, ...]] = {
    ActionName.ROLLBACK: (*StopDeployment.iam, *TurnBackAtHook.iam, *RestoreRevision.iam),
    ActionName.SCALE_OUT: SetScalingMinimum.iam,
    ActionName.SPOT_FALLBACK: SetStrategy.iam,
    ActionName.REPLACE_TASKS: StopTasks.iam,
    ActionName.SHIFT_ZONE: (*StartShift.iam, *EndShift.iam),
}


@click.group()
def aws() -> None:
    """Print what AWS needs: CloudFormation, and the least permissions."""


@aws.command(epilog="Example: fournines aws template > fournines-events.json")
def template() -> None:
    """Print the CloudFormation template of a region: its queue of events, and the alarm on our own silence.

    Create it in every region that is watched; its output QueueUrl belongs under aws.queues.  In the two
    regions of the heartbeat give it WatchHeartbeat=yes, and AlarmEmail for who is to be told.
    """
    shown.document(needs.template())


@aws.command(epilog="Example: fournines aws policy --config fournines.yaml > fournines-iam.json")
@opened.config_option
def policy(file: Path) -> None:
    """Print the IAM policy of the service: reading, queues, statements, and just what policies may change."""
    config = opened.read(file)
    arns = [_queue_arn(config, queue) for queue in config.settings.aws.queues]
    roles = [account.role_arn for account in config.settings.aws.accounts if account.role_arn]
    shown.document(needs.permissions(arns, dict(_may_change(config)), roles, _archived(config)))


def _archived(config: Config) -> needs.Archived | None:
    """Return the bucket of statements, if there is one; its ARN names neither region nor account."""
    s3 = config.settings.statements.s3
    if s3 is None:
        return None
    partition = Placement("-", s3.region, "-", "-").arn.split(":")[1]
    return needs.Archived(f"arn:{partition}:s3:::{s3.bucket}", s3.prefix, s3.kms_key)


def _queue_arn(config: Config, queue: Queue) -> str:
    """Return the ARN of a queue, whose URL ends with account and name."""
    parts = urlsplit(queue.url).path.strip("/").split("/")
    if len(parts) != 2:  # noqa: PLR2004 - account and name
        raise Trouble(f"{config.file}: the queue {queue.url} is not understood: expected .../ACCOUNT/NAME")
    partition = Placement(parts[0], queue.region, "-", "-").arn.split(":")[1]
    return f"arn:{partition}:sqs:{queue.region}:{parts[0]}:{parts[1]}"


def _may_change(config: Config) -> Iterator[tuple[Placement, tuple[str, ...]]]:
    """Yield where policies that propose or act may change what; clusters are not named, so any is meant."""
    granted: dict[Placement, dict[str, None]] = {}
    for rule in config.policies.policies:
        if rule.mode is Mode.OBSERVE:
            continue
        actions = [action for name in remedies(rule.cause) for action in GRANTS[name]]
        for account in config.settings.aws.accounts:
            for region in config.settings.aws.regions:
                if any(fnmatchcase(region, glob) for glob in rule.regions):
                    for service in rule.services:
                        where = Placement(account.id, region, "*", _in_iam(service))
                        granted.setdefault(where, {}).update(dict.fromkeys(actions))
    yield from ((where, tuple(actions)) for where, actions in granted.items())


def _in_iam(glob: str) -> str:
    """Return a pattern as IAM reads it, which knows `*` and `?` and no sets of characters."""
    return re.sub(r"\[[^]]*\]", "?", glob)
