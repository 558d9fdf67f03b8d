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
    "deploymentCircuitBreaker": frozenset({"enable", "rollback", "resetOnHealthyTask", THRESHOLD}),
    "alarms": frozenset({"alarmNames", "enable", "rollback"}),
}
ROLLING = "ROLLING"


def configured(given: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a service is configured with once it was given this.  Raises Refusal."""
    if strange := sorted(_not_lived(given)):
        raise Refusal(
            "UnsupportedFeatureException",
            f"deploymentConfiguration with {', '.join(strange)} is not simulated yet.",
        )
    check_threshold((given.get("deploymentCircuitBreaker") or {}).get(THRESHOLD) or {})
    return {**before, **given}


def _not_lived(given: Mapping[str, Any]) -> Iterator[str]:
    """Yield what was asked for and is not lived through; what is empty or 0 asks for nothing."""
    if given.get("strategy", ROLLING) != ROLLING:
        yield f"strategy {given['strategy']}"
    for key, value in given.items():
        if value and key not in LIVED:
            yield key
        elif isinstance(value, dict):
            yield from (f"{key}.{part}" for part in value if value[part] and part not in LIVED[key])


def check_threshold(given: Mapping[str, Any]) -> None:
    """Refuse a threshold that no breaker can have."""
    if given.get("type", Kind.BOUNDED_PERCENT) not in {*Kind} or given.get("value", 1) < 1:
        raise Refusal(
            "InvalidParameterException",
            f"{THRESHOLD} has a type of {', '.join(Kind)} and a value of 1 or more, got {dict(given)}.",
        )
