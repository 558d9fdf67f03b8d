"""What Prometheus is told about incidents, decisions and actions."""

from __future__ import annotations

from slo.metrics import PLACEMENT, Family, Kind

#: Labels whose values are words of `remediation.vocabulary`, and of the incident's phase and severity.
DECISION = (*PLACEMENT, "cause", "action", "verdict", "reason")
ACTION = (*PLACEMENT, "action")

INCIDENTS_OPEN = Family(
    "remediation_incidents_open", Kind.GAUGE, "incidents", ("service", "severity", "phase"),
    "Incidents that are not resolved.",
)  # fmt: skip
INCIDENTS_OPENED = Family(
    "remediation_incidents_opened_total", Kind.COUNTER, "incidents", ("service", "severity"),
    "Incidents that were opened.",
)  # fmt: skip
DECISIONS = Family(
    "remediation_decisions_total", Kind.COUNTER, "decisions", DECISION,
    "What was decided, and why; `action` is empty when there is none.",
)  # fmt: skip
ACTIONS = Family(
    "remediation_actions_total", Kind.COUNTER, "actions", (*ACTION, "outcome"),
    "Actions that ended, by how; `restored` is a temporary change that was undone.",
)  # fmt: skip
RUNS_OPEN = Family(
    "remediation_runs_open", Kind.GAUGE, "actions", (*ACTION, "state"),
    "Actions under way; one that is queued is a temporary change that waits to be undone.",
)  # fmt: skip
MITIGATE_SECONDS = Family(
    "remediation_mitigate_seconds", Kind.HISTOGRAM, "seconds", ("action",),
    "Time from the opening of an incident until its objective recovered after an action.",
)  # fmt: skip
PAUSED = Family("remediation_paused", Kind.GAUGE, "", (), "1 while the kill switch is on.")

FAMILIES = (
    INCIDENTS_OPEN,
    INCIDENTS_OPENED,
    DECISIONS,
    ACTIONS,
    RUNS_OPEN,
    MITIGATE_SECONDS,
    PAUSED,
)
