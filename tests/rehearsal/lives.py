"""Shipped scenarios with something changed, lived through."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fournines import staging
from fournines.rehearsal import scenarios
from fournines.rehearsal.rehearse import KEEP_FOR, rehearse, stories
from simulator.scenario import Scenario

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from fournines.store.books import Books
    from remediation.vocabulary import Mode

Summary = dict[str, Any]

#: One scenario per story, each in two regions: seconds, where the whole estate takes half a minute.
STORIES = (
    "bad-deployment",
    "bad-blue-green",
    "bad-canary",
    "crash-loop",
    "dependency",
    "image-gone",
    "no-way-back",
    "out-of-memory",
    "quiet-hour",
    "redeployed",
    "spot-shortage",
    "stuck-at-hook",
    "stuck-tasks",
    "surge",
    "target-also-bad",
    "zone-outage",
)


def changed(
    name: str, *more: Mapping[str, Any], aws: Mapping[str, Any] | None = None, policies: object = None
) -> Scenario:
    """Return a shipped scenario with more faults, other answers of AWS, or other policies."""
    document = scenarios.read(name).model_dump(by_alias=True)
    document["faults"] = [*document["faults"], *more]
    document["aws"] |= aws or {}
    return Scenario.model_validate({**document, "policies": policies or document["policies"]})


def ruled(name: str, mode: Mode, **rule: object) -> dict[str, Any]:
    """Return the policies that a scenario's stories need, in another mode and with other limits."""
    written = staging.policies(stories(scenarios.read(name)), keep_for=KEEP_FOR, mode=mode)
    return {"policies": [policy | rule for policy in written["policies"]]}


def lived(scenario: Scenario, attend: Callable[[Books, datetime], None] | None = None) -> Summary:
    """Return the judgement of a rehearsal."""
    return rehearse(scenario, attend=attend) if attend else rehearse(scenario)


def safe(summary: Summary) -> bool:
    """Whether nothing wrong was done, and every fault was met rightly or told to people."""
    met = (fault["right"] or fault["detected_after_s"] is not None for fault in summary["faults"])
    return not summary["wrong_actions"] and summary["alerts"]["lost"] == 0 and all(met)
