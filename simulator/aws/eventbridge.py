"""EventBridge's delivery: the world's events to the rules and targets that users put through moto's API.

moto keeps rules and matches patterns; its own delivery fills in wall-clock times, so the sending is ours.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from moto.backends import get_backend
from moto.events.utils import EventTemplateParser

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from simulator.bus import Delivery

LOG = logging.getLogger(__name__)
BUS = "default"


@dataclass(slots=True)
class EventBridge:
    """The default event bus of every region; it counts what it sent and what no target took."""

    sent: int = 0
    undeliverable: int = 0

    def deliver(self, delivery: Delivery) -> None:
        """Send one event to every target of every enabled rule that matches it."""
        event: Any = delivery.event
        rules = get_backend("events")[delivery.account][delivery.region].event_buses[BUS].rules
        for rule in list(rules.values()):
            if rule.state == "ENABLED" and rule.event_pattern.matches_event(event):
                for target in list(rule.targets):
                    self._send(rule.arn, target, event)

    def _send(self, rule: str, target: Mapping[str, Any], event: Mapping[str, Any]) -> None:
        """Send to the target, else to its dead-letter queue, else nowhere: EventBridge drops it too."""
        body, why = shaped(target, event), dict[str, str]()
        for arn in _ways(target):
            try:
                _put(arn, body, target, why)
            except Exception as error:  # noqa: BLE001 - moto raises one class per service when a target is missing
                LOG.warning("no delivery to %s: %s", arn, error)
                why = _undelivered(rule, target, error)
            else:
                self.sent += 1
                return
        self.undeliverable += 1


def shaped(target: Mapping[str, Any], event: Mapping[str, Any]) -> str:
    """Return the body that a target asks for: the event, its own constant, or a template filled in."""
    if "Input" in target:
        return str(target["Input"])
    template = target.get("InputTransformer")
    if template is None:
        return json.dumps(event)
    known: Any = {**event, "ingestion-time": event["time"]}
    return json.dumps(
        EventTemplateParser.parse(template["InputTemplate"], template.get("InputPathsMap", {}), known)
    )


def _ways(target: Mapping[str, Any]) -> Iterator[str]:
    yield target["Arn"]
    if dead_letters := target.get("DeadLetterConfig", {}).get("Arn"):
        yield dead_letters


def _undelivered(rule: str, target: Mapping[str, Any], error: Exception) -> dict[str, str]:
    """Return what EventBridge says of an event among the dead letters [EventBridge guide, eb-rule-dlq]."""
    return {
        "RULE_ARN": rule,
        "TARGET_ARN": str(target["Arn"]),
        "ERROR_CODE": "NO_RESOURCE",
        "ERROR_MESSAGE": str(error)[:256] or type(error).__name__,
    }


def _put(arn: str, body: str, target: Mapping[str, Any], why: Mapping[str, str]) -> None:
    _, _, service, region, account, name = arn.split(":", 5)
    if service == "sqs":
        group = target.get("SqsParameters", {}).get("MessageGroupId")
        attributes = {word: {"DataType": "String", "StringValue": text} for word, text in why.items()}
        get_backend("sqs")[account][region].send_message(
            queue_name=name, message_body=body, message_attributes=attributes, group_id=group
        )
    elif service == "sns":
        get_backend("sns")[account][region].publish(message=body, arn=arn)
    else:
        raise NotImplementedError(f"the simulator delivers events to SQS and SNS, not to {service}")
