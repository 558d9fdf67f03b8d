"""What fournines decided and did, whether it helped, and what waits for a person."""

from __future__ import annotations

from dashboards import panels, queries
from dashboards.page import Page, constant, datasource, marks
from dashboards.panels import Column
from dashboards.targets import PromQL
from remediation import metrics as told

UID = "fournines-changes"


def page(web_url: str) -> Page:
    """Return the page; `web_url` is where fournines answers people."""
    return Page(
        uid=UID,
        title="fournines / Changes and remediation",
        description="What did fournines decide and do, did it help, and what waits for a person?",
        variables=(datasource("prometheus"), constant("fournines", web_url)),
        tiles=(
            panels.row(1, "Now"), *_now(),
            panels.row(8, "Decisions and actions"), *_done(),
            panels.row(13, "Every decision in the time range"), *_list(),
        ),
        annotations=(
            marks(
                "Actions", queries.actions("2m",
                "region, service, action, outcome"), title="{{action}}: {{outcome}}",
                words="{{service}} in {{region}}", color="blue",
            ),
        ),
        span="now-7d",
        refresh="5m",
    )  # fmt: skip


def _now() -> tuple[panels.Tile, ...]:
    q = queries
    escalated = q.gauge(told.INCIDENTS_OPEN, 'phase="escalated"')
    pending = q.gauge(told.INCIDENTS_OPEN, 'phase="pending"')
    return (
        panels.stat(
            2, "Automation", "Whether the kill switch is on: while paused, fournines only observes.",
            q.now(f"max({told.PAUSED.name})"), unit="none", limits=panels.ANY_MILD,
            words={"0": "on duty", "1": "paused"},
        ),
        panels.stat(
            3, "Open incidents", "All that are not resolved.",
            q.now(q.open_incidents()), unit="none", limits=panels.ANY_MILD,
        ),
        panels.stat(
            4, "Escalated", "A person is needed: no action fits, or one did not help.",
            q.now(q.or_zero(f"sum({escalated})")), unit="none", limits=panels.ANY,
        ),
        panels.stat(
            5, "Waiting for an answer", "A person was asked: `fournines approve` or `hold`.",
            q.now(q.or_zero(f"sum({pending})")), unit="none", limits=panels.ANY_MILD,
        ),
        panels.stat(
            6, "Actions that helped, 30 days", "Of those that ended: recovered, or undone at their time.",
            q.now(q.helped("30d")), unit="percentunit", decimals=0,
            limits=panels.steps("red", (0.5, "orange"), (0.9, "green")),
        ),
        panels.stat(
            7, "Repeated within an hour",
            "Placements that saw the same action twice within an hour. There should be none.",
            q.now(q.or_zero(f"count({q.repeated_actions()})")), unit="none", limits=panels.ANY,
        ),
    )  # fmt: skip


def _done() -> tuple[panels.Tile, ...]:
    q = queries
    return (
        panels.lines(
            9, "Decisions by verdict",
            "Act, propose, observe, wait, escalate. Much 'observe': policies that could be switched on.",
            PromQL(q.decisions("", "$__interval", "verdict"), "{{verdict}}"), unit="none", bars=True,
        ),
        panels.lines(
            10, "Actions by outcome",
            "How what was done ended. 'Not recovered' is escalated, never repeated.",
            PromQL(q.actions("$__interval", "action, outcome"),
            "{{action}}: {{outcome}}"), unit="none", bars=True,
        ),
        panels.lines(
            11, "Time to recovery",
            "From the opening of an incident until its objective recovered, over 7 days.",
            PromQL(q.mitigated_s("0.5", "7d"), "half, {{action}}"),
            PromQL(q.mitigated_s("0.9", "7d"), "9 of 10, {{action}}"),
            unit="dtdurations",
        ),
        panels.lines(
            12, "Bad requests while it was done",
            "Bad of all, by region, with the actions marked: what came first, the trouble or the change?",
            PromQL(q.bad_share('indicator="availability"', "$__rate_interval", "region"), "{{region}}"),
            unit="percentunit",
        ),
    )  # fmt: skip


def _list() -> tuple[panels.Tile, ...]:
    q = queries
    return (
        panels.table(
            14, "Decisions: where, why, what",
            "In the words of the journal; `fournines explain INCIDENT` adds every guard with its numbers.",
            Column(
                title="Times", unit="none", decimals=0,
                query=q.cell(q.decisions("", "$__range", "service, region, cause, action, verdict, reason")),
            ),
            labels={
                "service": "Service", "region": "Region", "cause": "Cause", "action": "Action",
                "verdict": "Verdict", "reason": "Reason",
            },
            worst_first="Times", descending=True, width=16, height=12,
        ),
        panels.lines(
            15, "Under way, and waiting to be undone",
            "A temporary change waits here until its expiry undoes it.",
            PromQL(
                f"sum by (action, state) ({told.RUNS_OPEN.name})", "{{action}} {{state}}"
            ),
            unit="none", bars=True, width=8,
        ),
        panels.stat(
            16, "Incidents opened, 30 days", "All services.",
            q.now(q.or_zero(q.grown(told.INCIDENTS_OPENED, "", "30d"))), unit="none", decimals=0, width=8,
        ),
        panels.text(17, "What it does, and how to undo it", _WORDS, height=4),
    )  # fmt: skip


_WORDS = """\
[rollback](${fournines}/runbooks/rollback) | [scale_out](${fournines}/runbooks/scale_out) | \
[spot_fallback](${fournines}/runbooks/spot_fallback). \
Stop everything, everywhere: `fournines pause`; go on: `fournines resume`.
"""
