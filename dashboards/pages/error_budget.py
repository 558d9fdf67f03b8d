"""How much is left of a budget, how fast it goes, and who spent it."""

from __future__ import annotations

from collector import families
from dashboards import panels, queries
from dashboards.page import Page, constant, datasource, labels, marks
from dashboards.panels import Column
from dashboards.targets import PromQL
from slo import metrics as slo

UID = "fournines-error-budget"
WINDOWS = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")
PLACE = {"service": "Service", "region": "Region", "cluster": "Cluster"}


def page(web_url: str) -> Page:
    """Return the page; `web_url` is where fournines answers people."""
    chosen = f'{slo.SLI_RATIO.name}{{objective="$objective"}}'
    return Page(
        uid=UID,
        title="fournines / Error budget",
        description="How much is left of a budget, how fast it goes, and who spent it?",
        variables=(
            datasource("prometheus"),
            labels("objective", "objective", slo.OBJECTIVE_RATIO.name, title="Objective"),
            labels("indicator", "indicator", chosen, title="Indicator"),
            labels("service", "service", chosen, title="Service", multi=True),
            constant("fournines", web_url),
        ),
        tiles=(
            panels.row(1, "$objective"), *_left(),
            panels.row(8, "How it goes"), *_course(),
            panels.row(12, "Who spent it"), *_spenders(),
            panels.row(16, "May this be deployed?"), *_policy(),
        ),
        annotations=(
            marks(
                "Alerts",
                f"max by (service, region, tier) ({queries.gauge(slo.ALERT_FIRING, queries.OBJECTIVE)}) > 0",
                title="{{tier}}", words="{{service}} in {{region}}", color="red",
            ),
        ),
        span="now-30d",
        refresh="5m",
    )  # fmt: skip


def _left() -> tuple[panels.Tile, ...]:
    q = queries
    where = f'{q.OBJECTIVE},service=~"$service"'
    return (
        panels.stat(
            2, "Target", "What was promised: good requests of all.",
            q.now(f"max({q.gauge(slo.OBJECTIVE_RATIO, q.OBJECTIVE)})"), unit="percentunit", decimals=4,
        ),
        panels.stat(
            3, "Reached, worst",
            "The lowest of any service and region, exact from the ledger. Cut off, never rounded up.",
            q.now(q.cut(f"min({q.gauge(slo.SLI_RATIO, where)})")),
            unit="percentunit", decimals=4,
        ),
        panels.stat(
            4, "Budget left, worst", "Below zero it is overspent.",
            q.now(f"min({q.gauge(slo.BUDGET_REMAINING_RATIO, where)})"),
            unit="percentunit", decimals=1, limits=panels.LEFT,
        ),
        panels.stat(
            5, "Left, worst",
            "As time of total failure at the period's even traffic. 99.99 % of 30 days is 4 min 19 s.",
            q.now(f"min({q.gauge(slo.BUDGET_REMAINING_SECONDS, where)})"),
            unit="dtdurations", limits=panels.steps("red", (0.0, "orange"), (60, "green")),
        ),
        panels.stat(
            6, "Ends in, soonest", "At the pace of the last hour; no data while nothing is spent.",
            q.now(f"min({q.gauge(slo.EXHAUSTION_SECONDS, where)})"),
            unit="dtdurations", limits=panels.steps("red", (86_400, "orange"), (604_800, "green")),
        ),
        panels.stat(
            7, "Coverage, worst", "Known minutes of the period; what is unknown is neither good nor bad.",
            q.now(f"min({q.gauge(slo.COVERAGE_RATIO, where)})"),
            unit="percentunit", decimals=2, limits=panels.COVERAGE,
        ),
    )  # fmt: skip


def _course() -> tuple[panels.Tile, ...]:
    q = queries
    where = f'{q.OBJECTIVE},service=~"$service"'
    return (
        panels.lines(
            9, "Budget left, against an even pace",
            "The worst service of each region. The line 'even pace' falls from the first to the last day "
            "of the calendar month (UTC): who is below it spends faster than the month allows.",
            PromQL(f"min by (region) ({q.gauge(slo.BUDGET_REMAINING_RATIO, where)})", "{{region}}"),
            PromQL(q.even_pace(), "even pace"),
            unit="percentunit", lowest=None,
        ),
        panels.lines(
            10, "Burn rate by window, worst service and region",
            "A page needs 14.4 over 1 h and 5 min, or 6 over 6 h and 30 min; a ticket 3 over 1 d and 2 h, "
            "or 1 over 3 d and 6 h.",
            *(PromQL(f"max({q.burn(where, window)})", window) for window in WINDOWS),
            unit="none", limits=panels.BURN,
        ),
        panels.table(
            11, "Burn rate now",
            "Every window at once: a short one that is low and a long one that is high is trouble that "
            "ended.",
            *(
                Column(
                    title=window, unit="none", decimals=1, steps=panels.BURN,
                    query=q.cell(f"max by (service, region, cluster) ({q.burn(where, window)})"),
                )
                for window in WINDOWS
            ),
            labels=PLACE, worst_first="1h", descending=True,
        ),
    )  # fmt: skip


def _spenders() -> tuple[panels.Tile, ...]:
    q = queries
    where = f'{q.OBJECTIVE},service=~"$service"'
    return (
        panels.table(
            13, "By region",
            "Which share of the whole budget each region's bad requests have spent in 30 days.",
            Column(
                title="Of the budget", unit="percentunit", decimals=1, bar=True, steps=_SPENT,
                query=q.cell(q.spent_share("region")),
            ),
            labels={"region": "Region"}, worst_first="Of the budget", descending=True, width=6, height=9,
        ),
        panels.table(
            14, "By service", "The same by service: who to talk to.",
            Column(
                title="Of the budget", unit="percentunit", decimals=1, bar=True, steps=_SPENT,
                query=q.cell(q.spent_share("service")),
            ),
            labels={"service": "Service"}, worst_first="Of the budget", descending=True, width=6, height=9,
        ),
        panels.lines(
            15, "Bad requests, by service", "When it was spent.",
            PromQL(q.increase(slo.BAD, q.SPENT_WHERE, "$__rate_interval", "service"), "{{service}}"),
            unit="none", bars=True,
        ),
        panels.table(
            20, "By cause",
            "Every bad request is laid to one incident, else to one deployment, else to nobody that we know "
            "of: the parts of a service are all that it spent. `fournines budget --spent` names them.",
            Column(
                title="Of the budget", unit="percentunit", decimals=1, bar=True, steps=_SPENT,
                query=q.cell(q.total(slo.SPENT_RATIO, where, "service, spender")),
            ),
            labels={"service": "Service", "spender": "Spent by"}, worst_first="Of the budget",
            descending=True, width=10, height=9,
        ),
        panels.table(
            21, "All regions together",
            "Requests of all regions added up, never averaged, and the bad minutes of each.",
            Column(
                title="Reached", unit="percentunit", decimals=4,
                query=q.cell(q.cut(q.total(slo.POOL_SLI_RATIO, where, "service"))),
            ),
            Column(
                title="Budget left", unit="percentunit", decimals=1, bar=True, steps=panels.LEFT,
                query=q.cell(q.total(slo.POOL_REMAINING_RATIO, where, "service")),
            ),
            Column(
                title="Ends in", unit="dtdurations",
                query=q.cell(q.total(slo.POOL_EXHAUSTION_SECONDS, where, "service")),
            ),
            Column(
                title="Bad minutes", unit="none", decimals=0,
                query=q.cell(q.total(slo.MINUTES_BAD, where, "service")),
            ),
            labels={"service": "Service"}, worst_first="Budget left", width=14, height=9,
        ),
    )  # fmt: skip


_SPENT = panels.steps("green", (0.25, "yellow"), (0.5, "orange"), (1, "red"))


def _policy() -> tuple[panels.Tile, ...]:
    q = queries
    where = f'{q.OBJECTIVE},service=~"$service"'
    return (
        panels.stat(
            17, "Deployments",
            "By the least budget left: above half go, above zero with care, below zero only fixes.",
            q.now(f"min({q.gauge(slo.BUDGET_REMAINING_RATIO, where)})"), unit="percentunit", decimals=1,
            limits=panels.LEFT,
        ),
        panels.stat(
            22, "Doubtful",
            "Placements whose numbers have not added up for 10 minutes: look at what counts their requests.",
            q.now(q.or_zero(f"sum({families.DOUBTFUL.name})")), unit="none", decimals=0,
            limits=panels.ANY_MILD,
        ),
        panels.stat(
            18, "Minutes corrected, 30 days",
            "Minutes that had been counted and were corrected by later readings: expected in small "
            "numbers, as CloudWatch revises.",
            q.now(q.increase(slo.RESTATED_MINUTES, q.SPENT_WHERE, q.PERIOD)),
            unit="none", decimals=0,
        ),
        panels.text(19, "The rule", _WORDS, width=12, height=4),
    )  # fmt: skip


_WORDS = """\
More than half left: deploy. Less: one change at a time, one region first. Nothing left: only what mends it.
What burned it: [incidents](${fournines}/), [deployment](${fournines}/runbooks/deployment), \
[unknown](${fournines}/runbooks/unknown)
"""
