"""How a service is deployed, as scenario documents say it, and the configuration that ECS is given for it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from simulator.fault import Document
from simulator.span import Span  # noqa: TC001 - pydantic reads it while the program runs

MINUTE = timedelta(minutes=1)
#: How long ECS waits for an answer to a hook, at the longest [DeploymentLifecycleHookTimeoutConfiguration].
TIMEOUT_MAX = timedelta(days=14)


class Pause(Document):
    """A stage at which a deployment waits for somebody's word, and what is done without one."""

    stage: Literal[
        "RECONCILE_SERVICE",
        "PRE_SCALE_UP",
        "POST_SCALE_UP",
        "POST_TEST_TRAFFIC_SHIFT",
        "PRE_PRODUCTION_TRAFFIC_SHIFT",
        "POST_PRODUCTION_TRAFFIC_SHIFT",
    ]
    timeout: Span = Field(default="24h", validate_default=True, description="whole minutes, at most 14d")
    on_timeout: Literal["rollback", "continue"] = "rollback"

    @field_validator("timeout", mode="after")
    @classmethod
    def possible(cls, timeout: timedelta) -> timedelta:
        """Refuse what ECS could not be told."""
        if timeout < MINUTE or timeout > TIMEOUT_MAX or timeout % MINUTE:
            raise ValueError("expected whole minutes, from 1m to 14d")
        return timeout


class Deploying(Document):
    """How ECS deploys a service: task by task, or beside what runs, moving its requests."""

    strategy: Literal["rolling", "blue_green", "linear", "canary"] = "rolling"
    bake: Span = Field(
        default="5m",
        validate_default=True,
        description="how long both colours run once all requests have moved; not if rolling",
    )
    step_percent: float = Field(default=10, ge=3, le=100, description="what each step of linear moves")
    step_bake: Span = Field(default="6m", validate_default=True)
    canary_percent: float = Field(default=5, ge=0.1, le=100, description="what a canary gets first")
    canary_bake: Span = Field(default="10m", validate_default=True)
    pauses: tuple[Pause, ...] = ()
    early_success_percent: int | None = Field(
        default=None,
        ge=0,
        le=100,
        description="healthy new tasks at which a rolling deployment is SUCCESSFUL while old ones still run",
    )

    @field_validator("bake", "step_bake", "canary_bake", mode="after")
    @classmethod
    def whole(cls, span: timedelta) -> timedelta:
        """Refuse what is no number of minutes."""
        if span % MINUTE:
            raise ValueError("expected whole minutes")
        return span

    @model_validator(mode="after")
    def consistent(self) -> Deploying:
        """Refuse what belongs to another strategy."""
        if self.strategy == "rolling" and self.pauses:
            raise ValueError("pauses: a rolling deployment has no stages to pause at")
        if self.strategy != "rolling" and self.early_success_percent is not None:
            raise ValueError("early_success_percent: only a rolling deployment has it")
        return self

    def configuration(self) -> dict[str, Any]:
        """Return the part of a deploymentConfiguration that says so [ECS API]."""
        told: dict[str, Any] = {"strategy": self.strategy.upper()}
        if self.strategy != "rolling":
            told["bakeTimeInMinutes"] = self.bake // MINUTE
        if self.strategy == "linear":
            told["linearConfiguration"] = {
                "stepPercent": self.step_percent,
                "stepBakeTimeInMinutes": self.step_bake // MINUTE,
            }
        if self.strategy == "canary":
            told["canaryConfiguration"] = {
                "canaryPercent": self.canary_percent,
                "canaryBakeTimeInMinutes": self.canary_bake // MINUTE,
            }
        if self.pauses:
            told["lifecycleHooks"] = [_hook(pause) for pause in self.pauses]
        if self.early_success_percent is not None:
            told["earlySuccessCriteria"] = {
                "enable": True,
                "healthyPercent": self.early_success_percent,
                "sourceServiceRevisionCleanup": "DEFERRED",
            }
        return told


def _hook(pause: Pause) -> dict[str, Any]:
    return {
        "targetType": "PAUSE",
        "lifecycleStages": [pause.stage],
        "timeoutConfiguration": {
            "timeoutInMinutes": pause.timeout // MINUTE,
            "action": pause.on_timeout.upper(),
        },
    }
