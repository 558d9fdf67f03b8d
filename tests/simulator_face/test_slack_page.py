from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from simulator.slack.mrkdwn import mrkdwn, plain
from simulator.slack.page import render
from simulator.slack.workspace import Workspace

GOLDEN = Path(__file__).parent / "golden" / "slack.html"
NOON = datetime(2026, 11, 2, 14, tzinfo=UTC)


def text(words: str, kind: str = "mrkdwn") -> dict[str, str]:
    return {"type": kind, "text": words}


def button(words: str, style: str | None = None) -> dict[str, Any]:
    return {"type": "button", "text": text(words, "plain_text"), "action_id": words} | (
        {"style": style} if style else {}
    )


FIRING = [
    {
        "type": "header",
        "text": text("🔴 SEV1 · learning-progress · eu-west-1 · 5xx burning 21x too fast", "plain_text"),
    },
    {
        "type": "section",
        "text": text("*4.1 %* of requests fail (12 402 of 302 480) &lt;5 min&gt;, normally 0.0004 %."),
    },
    {
        "type": "section",
        "fields": [
            text("*Objective*\n99.99 % available in 30 days"),
            text("*Budget left*\n71 % - 3 m 04 s"),
            text(
                "*Likely cause*\nDeployment <https://example.com/d/418|learning-progress:418>, 4 min before"
            ),
            text("*Started*\n<!date^1793628480^{date_short_pretty} at {time}|14:08 UTC>"),
        ],
    },
    {
        "type": "context",
        "elements": [text("inc-0042"), text("policy `rollback-bad-deployment`"), text("3 alarms")],
    },
    {"type": "divider"},
    {
        "type": "section",
        "text": text(":hourglass_flowing_sand: Rolling back to `learning-progress:417` unless held"),
    },
    {"type": "actions", "elements": [button("Ack", "primary"), button("Hold"), button("Runbook", "danger")]},
]
THREAD = [
    ":mag: Errors began with the deployment:\n> 502 Bad Gateway\n> upstream reset\n```tasks 12/12 on :418```",
    "🔁 Rollback started: _0/12_ to *12/12* tasks",
    "🟢 Resolved after 6 m 10 s, budget 71 % to 70 %",
]


def workspace() -> Workspace:
    slack = Workspace(["incidents", "sla-reports"], posts_burst=50)

    def say(minute: float, words: str, **more: object) -> str:
        at = NOON + timedelta(minutes=minute)
        metadata = {"event_type": "slo_incident", "event_payload": {"at": at.isoformat()}}
        arguments = {"channel": "incidents", "text": words, "metadata": metadata} | more
        return slack.post(arguments, NOON + timedelta(seconds=minute)).ts

    parent = say(9, "learning-progress is failing", blocks=FIRING)
    for minute, words in zip((9.4, 10, 15.2), THREAD, strict=True):
        say(minute, words, thread_ts=parent)
    slack.update(
        {"channel": "incidents", "ts": parent, "text": "resolved", "blocks": FIRING},
        NOON + timedelta(seconds=20),
    )
    say(60 * 20, "<!here> October's statement for *Northwind* is ready: <https://example.com/s|read it>")
    return slack


def test_the_page_is_the_golden_one() -> None:
    page = render(workspace())
    if os.environ.get("REWRITE_GOLDEN"):
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text(page, encoding="utf-8")
    assert page == GOLDEN.read_text(encoding="utf-8")


def test_the_page_needs_nothing_from_outside_and_runs_no_script() -> None:
    page = render(workspace())
    assert "<script" not in page
    assert "src=" not in page
    assert "@import" not in page


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("*bold* _it_ ~gone~", "<strong>bold</strong> <em>it</em> <s>gone</s>"),
        ("2 * 3 * 4 and a_b_c", "2 * 3 * 4 and a_b_c"),
        ("*<https://x.io|it>*", '<strong><a href="https://x.io" rel="noopener">it</a></strong>'),
        ("<https://x.io/?a&amp;b|it>", '<a href="https://x.io/?a&amp;b" rel="noopener">it</a>'),
        ("`*code*`", "<code>*code*</code>"),
        ("<@U1|ana>", '<span class="mention">@ana</span>'),
        ("<!subteam^S1|@oncall>", '<span class="mention">@oncall</span>'),
        ("<!channel>", '<span class="mention">@channel</span>'),
        ("<!date^0^{date_num}|never>", '<time datetime="1970-01-01T00:00:00+00:00">1970-01-01 UTC</time>'),
        ("<!date^soon^{time}|at noon>", "at noon"),
        ("said:\n&gt; one\n&gt; two\nend", "said:<blockquote>one<br>two</blockquote>end"),
        (":red_circle: :no_such_emoji:", "🔴 :no_such_emoji:"),
    ],
)  # fmt: skip
def test_mrkdwn_is_shown_as_slack_shows_it(written: str, shown: str) -> None:
    assert mrkdwn(written) == shown


@pytest.mark.parametrize(
    "written",
    ["<script>alert(1)</script>", "<javascript:alert(1)|click>", "`<b>`", "*<img onerror=x>*", "<https://x.io/\"onclick='|x>"],
)  # fmt: skip
def test_no_markup_of_a_message_survives(written: str) -> None:
    shown = mrkdwn(written)
    assert not any(danger in shown for danger in ("<script", "<img", "<b>", 'href="javascript', '"onclick'))


def test_plain_text_is_not_formatted() -> None:
    assert plain("*a*\n:fire: <b>") == "*a*<br>🔥 &lt;b&gt;"
