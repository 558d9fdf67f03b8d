"""What Prometheus is told about remediation."""

from __future__ import annotations

from slo.metrics import Family, Kind

EVENTS = Family(
    "remediation_events_total", Kind.COUNTER, "", ("region", "kind"),
    "Events that arrived, each counted once; kind unrecognised is kept and never acted on.",
)  # fmt: skip
INCIDENTS_OPENED = Family(
    "remediation_incidents_opened_total", Kind.COUNTER, "", ("service", "severity"),
    "Incidents that were opened, by the severity that they reached.",
)  # fmt: skip
INCIDENTS_OPEN = Family(
    "remediation_incidents_open", Kind.GAUGE, "", ("service", "severity", "phase"),
    "Incidents that are not resolved.",
)  # fmt: skip
DECISIONS = Family(
    "remediation_decisions_total", Kind.COUNTER, "",
    ("service", "region", "cause", "action", "verdict", "reason"),
    "Decisions that were news, with their reason; action is empty where nothing of ours undoes the cause.",
)  # fmt: skip
ACTIONS = Family(
    "remediation_actions_total", Kind.COUNTER, "", ("service", "region", "action", "outcome"),
    "Actions that ended, by outcome; restored is a temporary change that was undone.",
)  # fmt: skip
RUNS_OPEN = Family(
    "remediation_runs_open", Kind.GAUGE, "", ("service", "region", "action", "state"),
    "Runs that are not over; a queued undo is a temporary change that is in force.",
)  # fmt: skip
MITIGATE_SECONDS = Family(
    "remediation_mitigate_seconds", Kind.HISTOGRAM, "seconds", ("action",),
    "Time from the opening of an incident until its objective recovered after an action.",
)  # fmt: skip
PAUSED = Family("remediation_paused", Kind.GAUGE, "", (), "1 while the kill switch is on.")

FAMILIES = (
    EVENTS,
    INCIDENTS_OPENED,
    INCIDENTS_OPEN,
    DECISIONS,
    ACTIONS,
    RUNS_OPEN,
    MITIGATE_SECONDS,
    PAUSED,
)
