"""Whether there is room: tasks, Spot, CPU, a lost region; and what watching costs."""

from __future__ import annotations

from collector import families
from dashboards import panels, queries
from dashboards.page import Page, constant, datasource, labels, marks
from dashboards.panels import Column
from dashboards.targets import PromQL

UID = "fournines-capacity"
MISSING = panels.steps("red", (0.9, "orange"), (1, "green"))
BUSY = panels.steps("green", (0.7, "yellow"), (0.85, "red"))


def page(web_url: str) -> Page:
    """Return the page; `web_url` is where fournines answers people."""
    return Page(
        uid=UID,
        title="fournines / Capacity",
        description="Is there room: tasks, Spot, CPU, a lost region; and what does watching cost?",
        variables=(
            datasource("prometheus"),
            labels("region", "region", families.DESIRED_TASKS.name, title="Region", multi=True),
            labels(
                "service", "service", f'{families.DESIRED_TASKS.name}{{region=~"$region"}}',
                title="Service", multi=True,
            ),
            constant("fournines", web_url),
        ),
        tiles=(
            panels.row(1, "Room"), *_room(),
            panels.row(7, "Tasks and load"), *_tasks(),
            panels.row(14, "What watching costs"), *_cost(),
        ),
        annotations=(
            marks(
                "Scale-out and Spot",
                queries.actions("2m",
                "region, service, action, outcome",
                'action=~"scale_out|spot_fallback"'),
                title="{{action}}: {{outcome}}", words="{{service}} in {{region}}", color="blue",
            ),
        ),
        span="now-24h",
    )  # fmt: skip


def _room() -> tuple[panels.Tile, ...]:
    q = queries
    busiest = f"max({q.gauge(families.CPU_RATIO, q.SCOPE)})"
    fullest = f"max({q.gauge(families.MEMORY_RATIO, q.SCOPE)})"
    return (
        panels.stat(
            2, "Running of desired",
            "All chosen services. Below 100 %: placements are refused, or tasks crash.",
            q.now(q.headroom("")),
            unit="percentunit", decimals=1, limits=MISSING,
        ),
        panels.stat(
            3, "Tasks missing", "Desired less running, over all chosen services.",
            q.now(q.tasks_missing()), unit="none", limits=panels.ANY_MILD, width=5,
        ),
        panels.stat(
            4, "If the busiest region were lost",
            "What the other regions could carry at 85 % of CPU, of what all carry now. 100 % is just enough.",
            q.now(q.survives_a_region()), unit="percentunit", decimals=0,
            limits=panels.steps("red", (1, "orange"), (1.2, "green")), width=5,
        ),
        panels.stat(5, "Busiest service, CPU", "Average of its tasks, of what they reserve.",
                    q.now(busiest), unit="percentunit", decimals=0, limits=BUSY, width=5),
        panels.stat(6, "Fullest service, memory", "Average of its tasks, of what they reserve.",
                    q.now(fullest), unit="percentunit", decimals=0, limits=BUSY, width=5),
    )  # fmt: skip


def _tasks() -> tuple[panels.Tile, ...]:
    q = queries
    return (
        panels.lines(
            8, "Running of desired, by region",
            "A region that stays below 100 % is refused capacity: Spot first, then on demand.",
            PromQL(q.headroom("region"), "{{region}}"), unit="percentunit", limits=MISSING,
        ),
        panels.lines(
            9, "Tasks pending, by service",
            "Tasks that were placed and are still starting. For minutes: images, addresses, quota.",
            PromQL(q.total(families.PENDING_TASKS, q.SCOPE, "service") + " > 0", "{{service}}"),
            unit="none", bars=True,
        ),
        panels.lines(
            10, "CPU, ten busiest",
            "Average of the tasks, of what they reserve. Target tracking usually aims at 60 %.",
            PromQL(f"topk(10, {q.gauge(families.CPU_RATIO, q.SCOPE)})", "{{service}} {{region}}"),
            unit="percentunit", limits=BUSY,
        ),
        panels.lines(
            11, "Memory, ten fullest", "A line that only climbs is a leak.",
            PromQL(f"topk(10, {q.gauge(families.MEMORY_RATIO, q.SCOPE)})", "{{service}} {{region}}"),
            unit="percentunit", limits=BUSY,
        ),
        panels.lines(
            12, "vCPUs in use, with the forecast for 7 days",
            "CPU used by all chosen services, and a straight line through the last 7 days, a week ahead.",
            PromQL(q.vcpus(), "now"),
            PromQL(q.vcpus(ahead="7 * 86400"), "in a week"),
            unit="none",
        ),
        panels.table(
            13, "Services, fewest running of desired first",
            "Where tasks are missing, and how busy the rest is.",
            Column(
                title="Running of desired", unit="percentunit", decimals=0, steps=MISSING, bar=True,
                query=q.cell(q.headroom("service, region, cluster")),
            ),
            Column(
                title="Running", unit="none", decimals=0,
                query=q.cell(q.total(families.RUNNING_TASKS, q.SCOPE, "service, region, cluster")),
            ),
            Column(
                title="CPU", unit="percentunit", decimals=0, steps=BUSY,
                query=q.cell(q.per("service, region, cluster", q.gauge(families.CPU_RATIO, q.SCOPE))),
            ),
            labels={"service": "Service", "region": "Region", "cluster": "Cluster"},
            worst_first="Running of desired", width=12, height=8,
        ),
    )  # fmt: skip


def _cost() -> tuple[panels.Tile, ...]:
    q = queries
    return (
        panels.stat(
            15, "GetMetricData, last day",
            "What the collector's requests cost at most: every statistic billed on its own. AWS may bill "
            "five statistics of one metric once.",
            q.now(q.calls_price_usd("1d", "")), unit="currencyUSD", decimals=2, width=6,
        ),
        panels.lines(
            16, "Statistics asked per hour", "By tier: what counts, what explains, what burns.",
            PromQL(q.increase(families.METRICS_REQUESTED, "", "1h", "tier"), "{{tier}}"),
            unit="none", width=9,
        ),
        panels.lines(
            17, "Series not answered",
            "By region and reason: throttled, denied, unreachable. What is not answered is unknown.",
            PromQL(q.increase(families.GAPS, "", "$__rate_interval", "region, reason"),
            "{{region}} {{reason}}"),
            unit="none", bars=True, width=9,
        ),
        panels.text(18, "When capacity is short", _WORDS, height=4),
    )  # fmt: skip


_WORDS = """\
Refused placements: [spot_shortage](${fournines}/runbooks/spot_shortage). Too many requests: \
[surge](${fournines}/runbooks/surge). Tasks that come and go: [crash_loop](${fournines}/runbooks/crash_loop).
"""
