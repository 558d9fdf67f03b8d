"""The documents that a simulated estate is kept by: a demo writes them down, a rehearsal reads them.

Everything is observed only, but on the placements that a scenario's stories need.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from remediation.vocabulary import Cause, Mode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: The contract's own promise, and a latency that people still call sub-second.
AVAILABILITY_TARGET = Decimal("0.9999")
LATENCY_TARGET = Decimal("0.999")
LATENCY_THRESHOLD_S = Decimal(1)

#: Below what part of its promise a month earns the tenant which part of its fee [AWS Compute SLA, tiers].
CREDIT_TIERS = (
    (Decimal("0.9999"), Decimal("0.10")),
    (Decimal("0.99"), Decimal("0.30")),
    (Decimal("0.95"), Decimal(1)),
)

#: Which cause a story's expected action undoes.
CAUSES: Mapping[str, Cause] = {
    "rollback": Cause.DEPLOYMENT,
    "scale_out": Cause.SURGE,
    "spot_fallback": Cause.SPOT_SHORTAGE,
    "replace_tasks": Cause.STUCK_TASKS,
    "shift_zone": Cause.ZONE,
}


def objectives() -> list[dict[str, Any]]:
    """Return two OpenSLO documents: availability and latency of every service."""
    return [
        _slo("availability", "Availability", AVAILABILITY_TARGET, {}),
        _slo("latency", "Answers within a second", LATENCY_TARGET, {"threshold_s": LATENCY_THRESHOLD_S}),
    ]


def _slo(indicator: str, title: str, target: Decimal, extra: Mapping[str, object]) -> dict[str, Any]:
    source = {
        "metricSource": {"type": "fournines", "spec": {"service": "*", "indicator": indicator, **extra}}
    }
    return {
        "apiVersion": "openslo/v1",
        "kind": "SLO",
        "metadata": {"name": indicator, "displayName": title},
        "spec": {
            "service": "every-service",
            "description": f"{title} of every service, at each placement.",
            "indicator": {
                "metadata": {"name": indicator},
                "spec": {"ratioMetric": {"bad": source, "total": source}},
            },
            "timeWindow": [{"duration": "30d", "isRolling": True}],
            "budgetingMethod": "Occurrences",
            "objectives": [{"target": target}],
        },
    }


def policies(
    stories: Iterable[tuple[str, str, str]], *, keep_for: str, mode: Mode = Mode.ACT
) -> dict[str, Any]:
    """Return the policies that let each story's expected action be carried out, at its placement alone.

    `stories` are (expected action, service, region); what no action of ours meets needs no policy.
    """
    wanted = [(CAUSES[expect], service, region) for expect, service, region in stories if expect in CAUSES]
    return {
        "policies": [
            {
                "name": f"{cause}-{service}-{region}",
                "cause": str(cause),
                "services": [service],
                "regions": [region],
                "mode": str(mode),
                **({} if cause in {Cause.DEPLOYMENT, Cause.STUCK_TASKS} else {"keep_for": keep_for}),
            }
            for cause, service, region in dict.fromkeys(wanted)
        ]
    }


def contract(tenant: str, services: Iterable[str], regions: Iterable[str]) -> dict[str, Any]:
    """Return a tenant's contract."""
    return {
        "id": f"{tenant}-sla",
        "tenant": tenant,
        "display_name": tenant.replace("-", " ").title(),
        "services": list(services) or ["*"],
        "regions": list(regions) or ["*"],
        "indicator": "availability",
        "target": AVAILABILITY_TARGET,
        "zone": "UTC",
        "tiers": [{"below": below, "credit": credit} for below, credit in CREDIT_TIERS],
    }
