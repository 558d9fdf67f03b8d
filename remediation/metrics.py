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
INCIDENTS = Family(
    "remediation_incidents_total", Kind.COUNTER, "incidents", ("service", "severity"),
    "Incidents that were opened.",
)  # fmt: skip
RESOLVED = Family(
    "remediation_resolved_total", Kind.COUNTER, "incidents", ("service", "cause"),
    "Incidents that are over, by the cause that was named last.",
)  # fmt: skip
OPEN_SECONDS = Family(
    "remediation_resolved_seconds_total", Kind.COUNTER, "seconds", ("service", "cause"),
    "How long the incidents that are over were open, summed.",
)  # fmt: skip
DECISIONS = Family(
    "remediation_decisions_total", Kind.COUNTER, "decisions", DECISION,
    "What was decided, and why; `action` is empty when there is none.",
)  # fmt: skip
ACTIONS = Family(
    "remediation_actions_total", Kind.COUNTER, "actions", (*ACTION, "outcome"),
    "Actions that ended, by how.",
)  # fmt: skip
ACTIONS_OPEN = Family(
    "remediation_actions_open", Kind.GAUGE, "actions", (*ACTION, "state"),
    "Actions under way, and undoings that wait for their time.",
)  # fmt: skip
PAUSED = Family("remediation_paused", Kind.GAUGE, "", (), "1 while the kill switch is on.")

FAMILIES = (INCIDENTS_OPEN, INCIDENTS, RESOLVED, OPEN_SECONDS, DECISIONS, ACTIONS, ACTIONS_OPEN, PAUSED)
