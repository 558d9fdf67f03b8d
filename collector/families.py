"""What Prometheus is told of the metrics that are read, and of the reading itself."""

from __future__ import annotations

from slo.metrics import PLACEMENT, Family, Kind

CPU_RATIO = Family(
    "ecs_service_cpu_ratio", Kind.GAUGE, "ratio", PLACEMENT, "CPU used of what the tasks reserve."
)
CPU_MAX_RATIO = Family(
    "ecs_service_cpu_max_ratio",
    Kind.GAUGE,
    "ratio",
    PLACEMENT,
    "CPU used by the busiest task, of what it reserves.",
)
MEMORY_RATIO = Family(
    "ecs_service_memory_ratio", Kind.GAUGE, "ratio", PLACEMENT, "Memory used of what the tasks reserve."
)
MEMORY_MAX_RATIO = Family(
    "ecs_service_memory_max_ratio",
    Kind.GAUGE,
    "ratio",
    PLACEMENT,
    "Memory used by the fullest task, of what it reserves.",
)
RESPONSE_SECONDS = Family(
    "alb_target_response_time_seconds", Kind.GAUGE, "seconds", PLACEMENT,
    "Average time until a target began to answer; averages cannot be pooled.",
)  # fmt: skip
RESPONSE_P99_SECONDS = Family(
    "alb_target_response_time_p99_seconds", Kind.GAUGE, "seconds", PLACEMENT,
    "99th percentile of the time until a target began to answer; percentiles cannot be pooled.",
)  # fmt: skip
UNHEALTHY_TARGETS = Family(
    "alb_unhealthy_targets", Kind.GAUGE, "targets", PLACEMENT, "Targets that fail their health checks."
)
BAD_GATEWAYS = Family(
    "alb_502_responses", Kind.GAUGE, "requests", PLACEMENT,
    "Requests that the load balancer answered with 502 in the newest whole minute.",
)  # fmt: skip
UNAVAILABLES = Family(
    "alb_503_responses", Kind.GAUGE, "requests", PLACEMENT,
    "Requests that the load balancer answered with 503 in the newest whole minute.",
)  # fmt: skip
CONNECTION_ERRORS = Family(
    "alb_target_connection_errors", Kind.GAUGE, "connections", PLACEMENT,
    "Connections to targets that failed in the newest whole minute.",
)  # fmt: skip
ZONE_REQUESTS = Family(
    "alb_zone_requests", Kind.GAUGE, "requests", (*PLACEMENT, "zone"),
    "Requests of an availability zone in the newest whole minute; read while the service is hot.",
)  # fmt: skip
ZONE_FAILURES = Family(
    "alb_zone_target_failures", Kind.GAUGE, "requests", (*PLACEMENT, "zone"),
    "Requests of an availability zone that targets failed in the newest whole minute; read while hot.",
)  # fmt: skip
ZONE_REFUSALS = Family(
    "alb_zone_balancer_failures", Kind.GAUGE, "requests", (*PLACEMENT, "zone"),
    "Requests of an availability zone that the load balancer itself failed, whoever shares it.",
)  # fmt: skip
ZONE_HEALTHY = Family(
    "alb_zone_healthy_targets", Kind.GAUGE, "targets", (*PLACEMENT, "zone"),
    "Healthy targets of an availability zone; read while the service is hot.",
)  # fmt: skip
RUNNING_TASKS = Family("ecs_service_running_tasks", Kind.GAUGE, "tasks", PLACEMENT, "Tasks that run.")
DESIRED_TASKS = Family("ecs_service_desired_tasks", Kind.GAUGE, "tasks", PLACEMENT, "Tasks that should run.")
PENDING_TASKS = Family(
    "ecs_service_pending_tasks", Kind.GAUGE, "tasks", PLACEMENT, "Tasks that are starting."
)
CPU_UNITS = Family(
    "ecs_service_cpu_utilized_units",
    Kind.GAUGE,
    "units",
    PLACEMENT,
    "CPU units that a task uses; 1024 are one vCPU.",
)
MEMORY_MEGABYTES = Family(
    "ecs_service_memory_utilized_megabytes", Kind.GAUGE, "megabytes", PLACEMENT, "Memory that a task uses."
)
TASK_CPU_RATIO = Family(
    "ecs_service_task_cpu_max_ratio", Kind.GAUGE, "ratio", PLACEMENT,
    "CPU used by the busiest task, by enhanced Container Insights.",
)  # fmt: skip
TASK_MEMORY_RATIO = Family(
    "ecs_service_task_memory_max_ratio", Kind.GAUGE, "ratio", PLACEMENT,
    "Memory used by the fullest task, by enhanced Container Insights.",
)  # fmt: skip
QUEUE_DEPTH = Family(
    "sqs_queue_visible_messages",
    Kind.GAUGE,
    "messages",
    PLACEMENT,
    "Messages that wait in the service's queue.",
)
QUEUE_AGE_SECONDS = Family(
    "sqs_queue_oldest_message_age_seconds", Kind.GAUGE, "seconds", PLACEMENT,
    "Age of the oldest message that waits in the service's queue.",
)  # fmt: skip
FARGATE_VCPU = Family(
    "fargate_vcpus", Kind.GAUGE, "vcpus", ("account", "region", "class"),
    "Fargate vCPUs in use, as they count against the account's quota.",
)  # fmt: skip

_TRACK = ("account", "region", "tier")

CALLS = Family("collector_calls_total", Kind.COUNTER, "calls", _TRACK, "Calls of GetMetricData.")
METRICS_REQUESTED = Family(
    "collector_metrics_requested_total", Kind.COUNTER, "metrics", _TRACK,
    "Statistics asked of GetMetricData: what CloudWatch bills if it bills each one.",
)  # fmt: skip
METRICS_GROUPED = Family(
    "collector_metrics_grouped_total", Kind.COUNTER, "metrics", _TRACK,
    "The same if CloudWatch bills up to five statistics of a metric in a call as one.",
)  # fmt: skip
DOLLARS = Family(
    "collector_spent_dollars_total", Kind.COUNTER, "dollars", _TRACK,
    "What reading cost at CloudWatch's list price, if each statistic is billed.",
)  # fmt: skip
THRIFT = Family(
    "collector_thrift_level", Kind.GAUGE, "", (),
    "How much is saved to keep to the month's budget: 0 nothing, 3 also on what counts.",
)  # fmt: skip
GAPS = Family(
    "collector_gaps_total",
    Kind.COUNTER,
    "series",
    (*_TRACK, "reason"),
    "Series that were not answered, by reason.",
)
WATERMARK = Family(
    "collector_watermark_timestamp_seconds", Kind.GAUGE, "seconds", ("account", "region"),
    "Until when what counts has been read, as Unix time.",
)  # fmt: skip
BEHIND = Family(
    "collector_owners_behind", Kind.GAUGE, "owners", ("account", "region"),
    "Services and queues whose minutes lag far behind the region's: late, refused or silent.",
)  # fmt: skip
DOUBTS = Family(
    "collector_doubts_total", Kind.COUNTER, "readings", (*PLACEMENT, "doubt"),
    "Readings whose counts contradict one another.",
)  # fmt: skip
DOUBTFUL = Family(
    "collector_doubtful", Kind.GAUGE, "", PLACEMENT,
    "1 while the numbers of a placement have not added up for 10 minutes or longer.",
)  # fmt: skip
PLACEMENTS = Family(
    "collector_placements", Kind.GAUGE, "placements", ("account", "region"), "Services found by discovery."
)

_PROBE = (*PLACEMENT, "probe")

PROBE_CHECKS = Family("probe_checks_total", Kind.COUNTER, "checks", _PROBE, "Checks from outside that ended.")
PROBE_FAILURES = Family(
    "probe_failures_total", Kind.COUNTER, "checks", (*_PROBE, "reason"),
    "Checks from outside that were not as expected, or could not be made, by reason.",
)  # fmt: skip
PROBE_SECONDS = Family(
    "probe_duration_seconds", Kind.HISTOGRAM, "seconds", _PROBE, "How long checks from outside took."
)

SCHEDULE_RUNS = Family(
    "schedule_runs_total", Kind.COUNTER, "runs", (*PLACEMENT, "outcome"),
    "Scheduled runs of which it is decided what became of them, as it was first decided.",
)  # fmt: skip
SCHEDULE_LAST_SUCCESS = Family(
    "schedule_last_success_timestamp_seconds", Kind.GAUGE, "seconds", PLACEMENT,
    "When the newest scheduled run that succeeded was due, as Unix time.",
)  # fmt: skip

#: What is told of the reading itself, of what is checked from outside, and of scheduled runs.
READING = (
    CALLS, METRICS_REQUESTED, METRICS_GROUPED, DOLLARS, THRIFT, GAPS, WATERMARK, BEHIND, DOUBTS, DOUBTFUL,
    PLACEMENTS, PROBE_CHECKS, PROBE_FAILURES, PROBE_SECONDS, SCHEDULE_RUNS, SCHEDULE_LAST_SUCCESS,
)  # fmt: skip
