"""What is wrong with this one service: here or everywhere, since when, and whose fault."""

from __future__ import annotations

from typing import TYPE_CHECKING

from collector import catalog
from dashboards import panels, queries
from dashboards.page import Page, choice, constant, datasource, dimension, labels, marks
from dashboards.targets import CloudWatch, PromQL
from remediation import metrics as told
from slo import metrics as slo
from slo.cells import Indicator

if TYPE_CHECKING:
    from collector.metric import Metric

UID = "fournines-service"


def page(web_url: str) -> Page:
    """Return the page; `web_url` is where fournines answers people."""
    return Page(
        uid=UID,
        title="fournines / Service",
        description="What is wrong with this one service: here or everywhere, since when, and whose fault?",
        variables=(
            datasource("prometheus"),
            datasource("cloudwatch"),
            labels("service", "service", slo.ALL.name, title="Service"),
            labels("region", "region", f'{slo.ALL.name}{{service="$service"}}', title="Region"),
            labels(
                "cluster", "cluster", f'{slo.ALL.name}{{service="$service",region="$region"}}',
                title="Cluster",
            ),
            choice("indicator", *Indicator, title="Indicator"),
            dimension(
                "load_balancer", "LoadBalancer", namespace=catalog.REQUESTS.namespace,
                metric=catalog.REQUESTS.name, title="Load balancer", within={},
            ),
            constant("fournines", web_url),
        ),
        tiles=(
            panels.row(1, "$service in $region"), *_verdict(),
            panels.row(8, "Here or everywhere?"), *_regions(),
            panels.row(13, "Whose fault?  (asked of CloudWatch when you look)"), *_fault(),
            panels.row(18, "Tasks"), *_tasks(),
            panels.row(22, "What fournines made of it"), *_decisions(),
        ),
        annotations=(
            marks(
                "Actions", queries.actions("2m", "region, action, outcome", 'service="$service"'),
                title="{{action}}: {{outcome}}", words="in {{region}}", color="blue",
            ),
        ),
    )  # fmt: skip


def _verdict() -> tuple[panels.Tile, ...]:
    q, where = queries, queries.HERE
    return (
        panels.stat(
            2, "State", "Whether a tier of an objective of this service fires here.",
            q.now(q.state(where, "service")), unit="none",
            limits=panels.steps("green", (1,
            "yellow"), (2, "red")), words={"0": "ok", "1": "ticket", "2": "page"},
        ),
        panels.stat(
            3, "Good of all, its period",
            "Good requests of all over the objective's period, exact from the ledger. Cut off, never "
            "rounded up.",
            q.now(q.cut(f"min({q.gauge(slo.SLI_RATIO, where)})")),
            unit="percentunit", decimals=4,
        ),
        panels.stat(
            4, "Budget left", "What is left of the error budget, as time of total failure at even traffic.",
            q.now(f"min({q.gauge(slo.BUDGET_REMAINING_SECONDS, where)})"),
            unit="dtdurations", limits=panels.steps("red", (0.0, "orange"), (60, "green")),
        ),
        panels.stat(
            5, "Burn, 5 min",
            "The pace of the last 5 minutes: 1 is sustainable, 10,000 is a total failure at 99.99 %.",
            q.now(f"max({q.burn(where, '5m')})"), unit="none", decimals=1, limits=panels.BURN,
        ),
        panels.stat(
            6, "Budget ends in", "At the pace of the last hour; no data while nothing is spent.",
            q.now(f"min({q.gauge(slo.EXHAUSTION_SECONDS, where)})"),
            unit="dtdurations", limits=panels.steps("red", (86_400, "orange"), (604_800, "green")),
        ),
        panels.stat(
            7, "Data age", "Seconds since the end of the newest known minute here.",
            q.now(q.age_s(where, "service")), unit="s", limits=panels.AGE_S,
        ),
    )  # fmt: skip


def _regions() -> tuple[panels.Tile, ...]:
    q, where = queries, queries.SERVICE
    return (
        panels.lines(
            9, "Bad requests of all, every region",
            "This service in all its regions. One region alone: look for a deployment there. All in the "
            "same minutes: a dependency, and a rollback will not help.",
            PromQL(q.bad_share(where, "$__rate_interval", "region"), "{{region}}"), unit="percentunit",
        ),
        panels.lines(
            10, "Burn rate over 5 minutes, every region",
            "The short window: it falls first when the trouble is over. Lines: 1, 6 and 14.4.",
            PromQL(f"max by (region) ({q.burn(where, '5m')})", "{{region}}"), unit="none", limits=panels.BURN,
        ),
        panels.lines(
            11, "Requests per second, every region",
            "What arrives. Well above the usual for this hour: a surge. A sudden drop: users no longer "
            "reach it.",
            PromQL(q.rate(slo.ALL, where, "region"), "{{region}}"), unit="reqps",
        ),
        panels.lines(
            12, "Budget left, every region", "Exact from the ledger, over the objective's period.",
            PromQL(f"min by (region) ({q.gauge(slo.BUDGET_REMAINING_RATIO, where)})", "{{region}}"),
            unit="percentunit", lowest=None,
        ),
    )  # fmt: skip


def _fault() -> tuple[panels.Tile, ...]:
    watch = queries.watch
    return (
        panels.lines(
            14, "Errors: targets or load balancer?",
            "Target: the tasks answer with 5XX. Load balancer: no healthy target (503), broken connection "
            "(502), no answer in time (504). The load balancer's errors name no service when several share "
            "it.",
            watch(catalog.TARGET_5XX, "targets"), watch(catalog.ELB_5XX, "load balancer"), unit="none",
        ),
        panels.lines(
            15, "Response time of the targets",
            "p50, p95 and p99 of the time until a target began to answer. Percentiles cannot be pooled "
            "over regions.",
            *(watch(catalog.RESPONSE_TIME, p, stat=p) for p in ("p50", "p95", "p99")), unit="s",
        ),
        panels.lines(
            16, "Requests", "Requests for which the load balancer chose a target, per minute.",
            watch(catalog.REQUESTS, "requests"), unit="none",
        ),
        panels.lines(
            17, "Response codes of the targets",
            "Per minute; a rise of 4XX is often a client's release, not ours.",
            *(watch(code, code.name.split("_")[2]) for code in catalog.TARGET_CODES), unit="none", bars=True,
        ),
    )  # fmt: skip


def _tasks() -> tuple[panels.Tile, ...]:
    watch = queries.watch
    return (
        panels.lines(
            19, "Tasks: running, desired, pending",
            "Running below desired for minutes: placements are refused, or tasks crash. A gap means that "
            "no task runs at all.",
            watch(catalog.RUNNING,
            "running"), watch(catalog.DESIRED, "desired"), watch(catalog.PENDING, "pending"),
            unit="none", width=8,
        ),
        panels.lines(
            20, "CPU of what is reserved",
            "Average and hottest task. Slow answers with low CPU: it waits for something else.",
            watch(catalog.CPU, "average"), _hottest(catalog.CPU), unit="percent", width=8,
        ),
        panels.lines(
            21, "Memory of what is reserved",
            "Average and largest task. At 100 % the kernel ends the container (exit 137).",
            watch(catalog.MEMORY, "average"), _hottest(catalog.MEMORY), unit="percent", width=8,
        ),
    )  # fmt: skip


def _hottest(metric: Metric) -> CloudWatch:
    return queries.watch(metric, "maximum", stat="Maximum")


def _decisions() -> tuple[panels.Tile, ...]:
    q, where = queries, 'service="$service"'
    return (
        panels.table(
            23, "Decisions in the time range",
            "What was decided about this service and why, in the words of `fournines explain`.",
            panels.Column(
                title="Times", unit="none", decimals=0,
                query=q.cell(
                    q.decisions(where, "$__range", "region, cause, action, verdict, reason")
                ),
            ),
            labels={
                "region": "Region", "cause": "Cause", "action": "Action",
                "verdict": "Verdict", "reason": "Reason",
            },
            worst_first="Times", descending=True, width=16, height=8,
        ),
        panels.lines(
            24, "Actions under way",
            "Actions that are being carried out, and temporary changes that wait to be undone.",
            PromQL(
                f"sum by (region, action, state) ({q.gauge(told.RUNS_OPEN, where)})",
                "{{action}} {{state}} {{region}}",
            ),
            unit="none", bars=True, width=8,
        ),
        panels.text(25, "What to do", _WORDS, height=5),
    )  # fmt: skip


_WORDS = """\
[Incidents and their reasons](${fournines}/) | runbooks: [deployment](${fournines}/runbooks/deployment), \
[dependency](${fournines}/runbooks/dependency), [spot_shortage](${fournines}/runbooks/spot_shortage), \
[surge](${fournines}/runbooks/surge), [crash_loop](${fournines}/runbooks/crash_loop), \
[unknown](${fournines}/runbooks/unknown)

What fournines did, and how to undo it: [rollback](${fournines}/runbooks/rollback), \
[scale_out](${fournines}/runbooks/scale_out), [spot_fallback](${fournines}/runbooks/spot_fallback)
"""
