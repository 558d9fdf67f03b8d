"""Whether we keep the promise, region by region, and who breaks it."""

from __future__ import annotations

from dashboards import panels, queries
from dashboards.page import Page, choice, constant, datasource, marks
from dashboards.panels import Column
from dashboards.targets import PromQL
from remediation import metrics as told
from slo import metrics as slo
from slo.cells import Indicator

UID = "fournines-global-sla"
_ADDRESS = (
    "/d/fournines-service?var-service=${__data.fields.Service}&var-region=${__data.fields.Region}"
    "&var-indicator=${indicator}&${__url_time_range}"
)
SERVICE_LINK = ("What is wrong with this service?", _ADDRESS)
STATES = {"0": "within the objective", "1": "ticket", "2": "page"}
STATE_COLOURS = panels.steps("green", (1, "yellow"), (2, "red"))


def page(web_url: str) -> Page:
    """Return the page; `web_url` is where fournines answers people."""
    return Page(
        uid=UID,
        title="fournines / Global SLA",
        description="Do we keep the promise, region by region, and who breaks it?",
        variables=(
            datasource("prometheus"),
            choice("indicator", *Indicator, title="Indicator"),
            constant("fournines", web_url),
        ),
        tiles=(
            panels.row(1, "The promise"), *_promise(),
            panels.row(8, "Regions"), *_regions(),
            panels.row(14, "Services"), *_services(),
            panels.row(16, "What is being done"), *_doing(),
        ),
        annotations=(
            marks(
                "Actions", queries.actions("2m", "region, service, action, outcome"),
                title="{{action}}: {{outcome}}", words="{{service}} in {{region}}", color="blue",
            ),
        ),
        span="now-24h",
    )  # fmt: skip


def _promise() -> tuple[panels.Tile, ...]:
    q, where = queries, queries.INDICATOR
    return (
        panels.stat(
            2, "Good of all, 30 days",
            "Good requests of all, pooled over every service and region: counts, not an average of ratios. "
            "Cut off, never rounded up. From counters; the statement of a month is computed from the "
            "ledger.",
            q.now(q.cut(f"1 - {q.bad_share(where, q.PERIOD)}")),
            unit="percentunit", decimals=4,
        ),
        panels.stat(
            3, "Good of all, worst service",
            "The lowest share of good requests of any service in any region over its objective's own "
            "period, exact from the ledger.",
            q.now(q.cut(f"min({q.gauge(slo.SLI_RATIO, where)})")),
            unit="percentunit", decimals=4,
        ),
        panels.stat(
            4, "Least budget left",
            "Of all error budgets the one that is closest to its end; below zero it is overspent.",
            q.now(f"min({q.gauge(slo.BUDGET_REMAINING_RATIO, where)})"),
            unit="percentunit", decimals=1, limits=panels.LEFT,
        ),
        panels.stat(
            5, "Tiers that page now",
            "Burn-rate tiers of severity page that fire. 0 means that none fires; no data means that "
            "nobody measures.",
            q.now(q.firing(where, "page")),
            unit="none", limits=panels.ANY,
        ),
        panels.stat(
            6, "Data age",
            "Seconds since the end of the newest minute that was wholly read, in the region furthest "
            "behind. Two to three minutes are normal for CloudWatch; beyond fifteen nobody is watching "
            "(runbook fournines-silent).",
            q.now(f"max({q.reading_age_s('region')})"),
            unit="s", limits=panels.AGE_S,
        ),
        panels.stat(
            7, "Coverage, worst",
            "Known minutes of the period. What is unknown is neither good nor bad, and a month with gaps "
            "is never called met.",
            q.now(f"min({q.gauge(slo.COVERAGE_RATIO, where)})"),
            unit="percentunit", decimals=2, limits=panels.COVERAGE,
        ),
    )  # fmt: skip


def _regions() -> tuple[panels.Tile, ...]:
    q, where = queries, queries.INDICATOR
    return (
        panels.timeline(
            9, "State by region",
            "The worst state of any service in the region: within the objective, a ticket's tier fires, a "
            "page's tier fires.",
            PromQL(q.state(where, "region"), "{{region}}"),
            words=STATES, limits=STATE_COLOURS,
        ),
        panels.lines(
            10, "Burn rate over 1 hour, worst service by region",
            "How many budgets the last hour would spend at its own pace. Lines: 1 is sustainable, 6 and "
            "14.4 page.",
            PromQL(f"max by (region) ({q.burn(where, '1h')})", "{{region}}"),
            unit="none", limits=panels.BURN,
        ),
        panels.lines(
            11, "Bad requests of all, by region",
            "Pooled over the region's services. Regions that rise together share a cause: look for a "
            "dependency first.",
            PromQL(q.bad_share(where, "$__rate_interval", "region"), "{{region}}"),
            unit="percentunit",
        ),
        panels.lines(
            12, "Requests per second, by region",
            "What arrives. A region at zero serves nobody, or is not measured: compare its data age.",
            PromQL(q.rate(slo.ALL, where, "region"), "{{region}}"),
            unit="reqps",
        ),
        panels.lines(
            13, "Data age, by region",
            "Seconds since the end of the newest minute that was wholly read. One region that climbs alone "
            "cannot be read; all together: fournines is quiet.",
            PromQL(q.reading_age_s("region"), "{{region}}"),
            unit="s", limits=panels.AGE_S,
        ),
    )  # fmt: skip


def _services() -> tuple[panels.Tile, ...]:
    q, where = queries, queries.INDICATOR

    def per(expr: str) -> PromQL:
        return q.cell(q.per("objective, service, region, cluster", expr))

    return (
        panels.table(
            15, "Services and regions, least budget first",
            "Every objective where it stands. Click a service to see what is wrong with it.",
            Column(
                title="Budget left", unit="percentunit", decimals=1, steps=panels.LEFT, bar=True,
                query=per(q.gauge(slo.BUDGET_REMAINING_RATIO, where)),
            ),
            Column(
                title="Left", unit="dtdurations", steps=panels.steps("red", (0.0, "text")),
                query=per(q.gauge(slo.BUDGET_REMAINING_SECONDS, where)),
            ),
            Column(
                title="Good of all", unit="percentunit", decimals=4,
                query=per(q.cut(q.gauge(slo.SLI_RATIO, where))),
            ),
            Column(
                title="Burn 5 min", unit="none", decimals=1, steps=panels.BURN,
                query=per(q.burn(where, "5m")),
            ),
            Column(
                title="Burn 1 h", unit="none", decimals=1, steps=panels.BURN,
                query=per(q.burn(where, "1h")),
            ),
            Column(
                title="Coverage", unit="percentunit", decimals=2, steps=panels.COVERAGE,
                query=per(q.gauge(slo.COVERAGE_RATIO, where)),
            ),
            labels={"objective": "Objective", "service": "Service", "region": "Region", "cluster": "Cluster"},
            links={"service": SERVICE_LINK},
            worst_first="Budget left",
            height=14,
        ),
    )  # fmt: skip


def _doing() -> tuple[panels.Tile, ...]:
    q = queries
    return (
        panels.stat(
            17, "Open incidents",
            "Incidents that are not resolved yet, all services.",
            q.now(q.open_incidents()), unit="none", limits=panels.ANY_MILD,
        ),
        panels.stat(
            18, "Automation",
            "Whether the kill switch is on: while paused, fournines only observes.",
            q.now(f"max({told.PAUSED.name})"), unit="none", limits=panels.ANY_MILD,
            words={"0": "on duty", "1": "paused"},
        ),
        panels.lines(
            19, "Decisions",
            "What fournines decided, whether or not anything was changed: act, propose, observe, wait, "
            "escalate.",
            PromQL(q.decisions("", "$__interval", "verdict"), "{{verdict}}"),
            unit="none", bars=True, width=16,
        ),
        panels.text(20, "When it burns", _WORDS, height=6),
    )  # fmt: skip


_WORDS = """\
- **One service, one region**: open the service above. Began with a deployment? \
[deployment](${fournines}/runbooks/deployment)
- **One service, every region**: something it depends on fails. [dependency](${fournines}/runbooks/dependency)
- **Fewer tasks than desired**: [spot_shortage](${fournines}/runbooks/spot_shortage), \
[crash_loop](${fournines}/runbooks/crash_loop)
- **More requests than usual**: [surge](${fournines}/runbooks/surge)
- **No cause is named**: [unknown](${fournines}/runbooks/unknown). \
**Nothing arrives at all**: [fournines-silent](${fournines}/runbooks/fournines-silent)
"""
