"""What AWS leaves open, or documents in two ways, as scenario documents settle it."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from pydantic import Field, field_validator

from simulator.fault import Document
from simulator.span import Span  # noqa: TC001 - pydantic reads it while the program runs

RETENTION_MIN, RETENTION_MAX = timedelta(hours=1), timedelta(days=63)


class AwsSettings(Document):
    """What AWS leaves open, or documents in two ways; the defaults are the cautious reading."""

    strategy_reaches: Literal["next_placements", "new_deployments"] = Field(
        default="next_placements",
        description="what a new capacity provider strategy applies to without a deployment: undocumented",
    )
    update_service_deploys: tuple[Literal["desiredCount", "deploymentConfiguration"], ...] = Field(
        default=(),
        description="fields whose change starts a deployment besides those that every document names",
    )
    metric_lag: dict[str, Span] = Field(
        default_factory=dict, description="namespace: how much later than its end a minute is told"
    )
    metric_retention: Span = Field(
        default="3h",
        validate_default=True,
        description="how long minutes can be read, 1h to 63d: what a reader was away for must fit in",
    )
    reports_zeros: bool = Field(
        default=False,
        description="a response code that nobody got is told as 0 while there are targets, or not at all",
    )
    clock_aligned: bool = Field(
        default=False,
        description="periods longer than a minute follow the clock, or the StartTime that was asked for",
    )
    zone_of_counts: Literal["target", "balancer"] = Field(
        default="target",
        description="whose zone a load balancer's counts are told by: with cross-zone load balancing, where "
        "each node sends requests to all zones, no document says",
    )
    alarm_lag: Span = Field(
        default="10s", validate_default=True, description="from a point's arrival to the alarm's change"
    )
    alarm_bake: Span = Field(
        default="4m", validate_default=True, description="how long alarms are watched after a roll-out"
    )
    sick_replaced_after: Span | None = Field(
        default=None,
        description="when ECS itself replaces a task whose container's health check fails: no document says "
        "when; never without it",
    )
    stop_task_minds_protection: bool = Field(
        default=False,
        description="StopTask refuses a protected task: the guide speaks of scale-in and deployments alone",
    )
    zonal_shift_lag: Span = Field(
        default="60s", validate_default=True, description="how long clients go on asking in a zone left"
    )
    breaker_covers: Literal["rolling", "all"] = Field(
        default="rolling", description="the strategies that the circuit breaker covers: documents conflict"
    )
    alarms_cover: Literal["rolling", "all"] = Field(
        default="rolling", description="the strategies that deployment alarms cover: documents conflict"
    )
    bake_time: Literal["configured", "own"] = Field(
        default="configured",
        description="a blue/green bake lasts as configured, or alarm_bake where alarms watch, else not",
    )
    stop_at_pause: Literal["refused", "accepted"] = Field(
        default="refused",
        description="StopServiceDeployment while a deployment waits at a pause hook: undocumented",
    )
    event_lag: Span = Field(
        default="2s", validate_default=True, description="the longest ordinary delay of an event"
    )

    @field_validator("metric_retention", mode="after")
    @classmethod
    def kept_long_enough(cls, retention: timedelta) -> timedelta:
        """Refuse to keep less than alarms look back on, or more than AWS keeps in periods under an hour."""
        if not RETENTION_MIN <= retention <= RETENTION_MAX:
            raise ValueError("expected a length of time from 1h to 63d")
        return retention
