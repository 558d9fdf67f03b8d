"""What Prometheus is told about promises: families of SLIs, budgets and burn rates, and their naming."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

#: https://prometheus.io/docs/concepts/data_model/ without the colon, which is kept for recording rules.
_NAME = re.compile(r"[a-z][a-z0-9_]*")

#: A family in one of these units ends in it [https://prometheus.io/docs/practices/naming/].
_UNITS_IN_NAMES = ("seconds", "bytes", "ratio")

PLACEMENT = ("account", "region", "cluster", "service")
SLI = (*PLACEMENT, "indicator")
OBJECTIVE = ("objective", *SLI)
POOL = ("objective", "service", "indicator")
CONTRACT = ("contract", "tenant", "indicator")


class Kind(StrEnum):
    """How a family's samples behave."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Family:
    """One metric family, by the name that queries use: a counter's ends in `_total`.

    `unit` is a word for people and panels: `seconds`, `bytes`, `ratio` (0 to 1), `requests`, or empty.
    """

    name: str
    kind: Kind
    unit: str
    labels: tuple[str, ...]
    help: str

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"a family is named in lower case with underscores, got {self.name!r}")
        if (self.kind is Kind.COUNTER) != self.name.endswith("_total"):
            raise ValueError(f"counters, and only counters, end in _total, got {self.name!r} as {self.kind}")
        if self.unit in _UNITS_IN_NAMES and not self.name.removesuffix("_total").endswith(f"_{self.unit}"):
            raise ValueError(f"{self.name!r} is in {self.unit}, so its name must end in _{self.unit}")
        if any(not _NAME.fullmatch(label) for label in self.labels) or len(set(self.labels)) < len(
            self.labels
        ):
            raise ValueError(f"labels are distinct lower-case names, got {self.labels}")
        if not self.help:
            raise ValueError(f"{self.name!r} needs a sentence of help")


ALL = Family(
    "sli_all_total", Kind.COUNTER, "requests", SLI,
    "Requests counted by the indicator, checks, or runs; latency counts are estimates of CloudWatch.",
)  # fmt: skip
BAD = Family(
    "sli_bad_total", Kind.COUNTER, "requests", SLI,
    "Requests that the indicator counts as bad: failed, or slower than the threshold.",
)  # fmt: skip
LAST_INGEST = Family(
    "sli_last_ingest_timestamp_seconds", Kind.GAUGE, "seconds", SLI,
    "End of the newest minute that is known, as Unix time.",
)  # fmt: skip
OBJECTIVE_RATIO = Family(
    "slo_objective_ratio", Kind.GAUGE, "ratio", ("objective", "service", "indicator"),
    "The objective's target.",
)  # fmt: skip
SLI_RATIO = Family(
    "slo_sli_ratio", Kind.GAUGE, "ratio", OBJECTIVE,
    "Good requests of all over the objective's period, as far as it is known; absent without traffic.",
)  # fmt: skip
BUDGET_REMAINING_RATIO = Family(
    "slo_error_budget_remaining_ratio", Kind.GAUGE, "ratio", OBJECTIVE,
    "What is left of the error budget of the objective's period; negative once it is overspent.",
)  # fmt: skip
BUDGET_REMAINING_SECONDS = Family(
    "slo_error_budget_remaining_seconds", Kind.GAUGE, "seconds", OBJECTIVE,
    "What is left of the error budget, as time of total failure at the period's even traffic.",
)  # fmt: skip
BURN_RATE = Family(
    "slo_burn_rate", Kind.GAUGE, "", (*OBJECTIVE, "window"),
    "How many budgets the window would spend at its own pace; 1 is exactly sustainable.",
)  # fmt: skip
EXHAUSTION_SECONDS = Family(
    "slo_error_budget_exhaustion_seconds", Kind.GAUGE, "seconds", OBJECTIVE,
    "Time until the budget is spent at the pace of the last hour; absent while nothing is spent.",
)  # fmt: skip
COVERAGE_RATIO = Family(
    "slo_coverage_ratio", Kind.GAUGE, "ratio", OBJECTIVE,
    "Known minutes of the objective's period so far; what is unknown is neither good nor bad.",
)  # fmt: skip
MINUTES_SLI_RATIO = Family(
    "slo_minutes_sli_ratio", Kind.GAUGE, "ratio", OBJECTIVE,
    "Good minutes of all that are known over the objective's period: the same cells, counted by time.",
)  # fmt: skip
MINUTES_BAD = Family(
    "slo_minutes_bad", Kind.GAUGE, "minutes", OBJECTIVE,
    "Minutes of the objective's period in which too many requests were bad.",
)  # fmt: skip
MINUTES_EXCLUDED = Family(
    "slo_minutes_excluded", Kind.GAUGE, "minutes", OBJECTIVE,
    "Minutes of the objective's period that were agreed not to count.",
)  # fmt: skip
POOL_SLI_RATIO = Family(
    "slo_pool_sli_ratio", Kind.GAUGE, "ratio", POOL,
    "Good requests of all over all regions of a service together: added up, never averaged.",
)  # fmt: skip
POOL_REMAINING_RATIO = Family(
    "slo_pool_error_budget_remaining_ratio", Kind.GAUGE, "ratio", POOL,
    "What is left of the error budget of all regions together; negative once it is overspent.",
)  # fmt: skip
POOL_EXHAUSTION_SECONDS = Family(
    "slo_pool_error_budget_exhaustion_seconds", Kind.GAUGE, "seconds", POOL,
    "Time until the budget of all regions together is spent if the last hour goes on.",
)  # fmt: skip
SPENT_RATIO = Family(
    "slo_error_budget_spent_ratio", Kind.GAUGE, "ratio", (*POOL, "region", "spender"),
    "What part of the budget of all regions an incident, a deployment, or nobody that we know of spent.",
)  # fmt: skip
CONTRACT_SLI_RATIO = Family(
    "slo_contract_sli_ratio", Kind.GAUGE, "ratio", CONTRACT,
    "What a contract has attained in its month so far, as its statement counts it.",
)  # fmt: skip
CONTRACT_REMAINING_RATIO = Family(
    "slo_contract_error_budget_remaining_ratio", Kind.GAUGE, "ratio", CONTRACT,
    "What is left of what a contract allows in its month; negative once it is overspent.",
)  # fmt: skip
COMPOSITE_REMAINING_RATIO = Family(
    "slo_composite_error_budget_remaining_ratio", Kind.GAUGE, "ratio", ("composite", "region"),
    "What is left of a composite in a region, by what its members spent; negative once it is overspent.",
)  # fmt: skip
COMPOSITE_COVERAGE_RATIO = Family(
    "slo_composite_coverage_ratio", Kind.GAUGE, "ratio", ("composite", "region"),
    "Known minutes of that member of a composite of which least is known.",
)  # fmt: skip
ALERT_FIRING = Family(
    "slo_alert_firing", Kind.GAUGE, "", (*OBJECTIVE, "tier", "severity"),
    "1 while a tier's two windows both burn too fast with enough evidence, or a written condition holds.",
)  # fmt: skip
GATE_ANSWER = Family(
    "slo_gate_answer", Kind.GAUGE, "", ("service", "region", "answer"),
    "1 for what the gate answers who would deploy, 0 for the other three; an override counts.",
)  # fmt: skip
RESTATED_MINUTES = Family(
    "sli_restated_minutes_total", Kind.COUNTER, "", SLI,
    "Minutes that had already been counted and were corrected by later readings.",
)  # fmt: skip
LEDGER_MISMATCHES = Family(
    "ledger_mismatches_total", Kind.COUNTER, "", ("of",),
    "Sums of a `window` or a `day` that were not those of their minutes; the hourly check mended them.",
)  # fmt: skip

FAMILIES = (
    ALL,
    BAD,
    LAST_INGEST,
    OBJECTIVE_RATIO,
    SLI_RATIO,
    BUDGET_REMAINING_RATIO,
    BUDGET_REMAINING_SECONDS,
    BURN_RATE,
    EXHAUSTION_SECONDS,
    COVERAGE_RATIO,
    MINUTES_SLI_RATIO,
    MINUTES_BAD,
    MINUTES_EXCLUDED,
    POOL_SLI_RATIO,
    POOL_REMAINING_RATIO,
    POOL_EXHAUSTION_SECONDS,
    SPENT_RATIO,
    CONTRACT_SLI_RATIO,
    CONTRACT_REMAINING_RATIO,
    COMPOSITE_REMAINING_RATIO,
    COMPOSITE_COVERAGE_RATIO,
    ALERT_FIRING,
    GATE_ANSWER,
    RESTATED_MINUTES,
    LEDGER_MISMATCHES,
)
