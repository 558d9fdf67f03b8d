"""A deployment configuration: what of it the world lives through."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simulator.ecs.breaker import THRESHOLD, Kind
from simulator.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: What is lived through, and the parts of what has parts.
LIVED: Mapping[str, frozenset[str]] = {
    "strategy": frozenset(),
    "maximumPercent": frozenset(),
    "minimumHealthyPercent": frozenset(),
    "bakeTimeInMinutes": frozenset(),
    "lifecycleHooks": frozenset(),
    "linearConfiguration": frozenset({"stepPercent", "stepBakeTimeInMinutes"}),
    "canaryConfiguration": frozenset({"canaryPercent", "canaryBakeTimeInMinutes"}),
    "deploymentCircuitBreaker": frozenset({"enable", "rollback", "resetOnHealthyTask", THRESHOLD}),
    "alarms": frozenset({"alarmNames", "enable", "rollback"}),
    "earlySuccessCriteria": frozenset({"enable", "healthyPercent", "sourceServiceRevisionCleanup"}),
}
#: Parts of one strategy alone, and the bounds of their figures [DeploymentConfiguration].
ONLY_OF = {
    "linearConfiguration": "LINEAR",
    "canaryConfiguration": "CANARY",
    "earlySuccessCriteria": "ROLLING",
}
BOUNDS = {
    "stepPercent": (3.0, 100.0),
    "stepBakeTimeInMinutes": (0, 1440),
    "canaryPercent": (0.1, 100.0),
    "canaryBakeTimeInMinutes": (0, 1440),
    "healthyPercent": (0, 100),
}
ROLLING, BLUE_GREEN, PAUSE = "ROLLING", "BLUE_GREEN", "PAUSE"


def rolls(configuration: Mapping[str, Any]) -> bool:
    """Whether tasks are replaced where they stand, rather than beside those that run."""
    return bool(configuration.get("strategy", ROLLING) == ROLLING)


def configured(given: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a service is configured with once it was given this.  Raises Refusal."""
    if strange := sorted(_not_lived(given)):
        raise Refusal(
            "UnsupportedFeatureException",
            f"deploymentConfiguration with {', '.join(strange)} is not simulated yet.",
        )
    check_threshold((given.get("deploymentCircuitBreaker") or {}).get(THRESHOLD) or {})
    after = {**before, **given}
    if wrong := next(_impossible(given, after), ""):
        raise Refusal("InvalidParameterException", wrong)
    return after


def _not_lived(given: Mapping[str, Any]) -> Iterator[str]:
    """Yield what was asked for and is not lived through; what is empty or 0 asks for nothing."""
    for key, value in given.items():
        if value and key not in LIVED:
            yield key
        elif isinstance(value, dict):
            yield from (f"{key}.{part}" for part in value if value[part] and part not in LIVED[key])
    hooks = given.get("lifecycleHooks") or ()
    if any(hook.get("targetType", "AWS_LAMBDA") != PAUSE for hook in hooks):
        yield "lifecycleHooks other than PAUSE"
    if hooks and given.get("strategy") == ROLLING:
        yield "lifecycleHooks of a rolling deployment"


def _impossible(given: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    """Yield what ECS would refuse, in words."""
    strategy = after.get("strategy", ROLLING)
    if strategy == BLUE_GREEN and after.get("bakeTimeInMinutes") is None:
        yield "bakeTimeInMinutes is required for the strategy BLUE_GREEN."
    for part, only in ONLY_OF.items():
        if given.get(part) and strategy != only:
            yield f"{part} is only valid for the strategy {only}."
        for name, value in (given.get(part) or {}).items():
            low, high = BOUNDS.get(name, (None, None))
            if low is not None and not low <= value <= high:
                yield f"{part}.{name} is from {low} to {high}, got {value}."
    for hook in given.get("lifecycleHooks") or ():
        if not hook.get("lifecycleStages"):
            yield "A lifecycle hook needs lifecycleStages."


def check_threshold(given: Mapping[str, Any]) -> None:
    """Refuse a threshold that no breaker can have."""
    if given.get("type", Kind.BOUNDED_PERCENT) not in {*Kind} or given.get("value", 1) < 1:
        raise Refusal(
            "InvalidParameterException",
            f"{THRESHOLD} has a type of {', '.join(Kind)} and a value of 1 or more, got {dict(given)}.",
        )
