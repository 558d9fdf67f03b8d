"""Alarm actions: the world's notices to the topics that users made through moto's SNS."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from moto.backends import get_backend

if TYPE_CHECKING:
    from simulator.cloudwatch.notice import Notice

LOG = logging.getLogger(__name__)


def publish(notice: Notice) -> None:
    """Publish to the topic; one that is not there hears nothing, and the alarm does not know, as on AWS."""
    _, _, _, region, account, _ = notice.topic.split(":", 5)
    try:
        get_backend("sns")[account][region].publish(
            message=notice.body, arn=notice.topic, subject=notice.subject
        )
    except Exception as error:  # noqa: BLE001 - moto raises a class of its own where a topic is missing
        LOG.warning("no delivery to %s: %s", notice.topic, error)
