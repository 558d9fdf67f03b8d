"""Slack's mrkdwn as HTML: `*bold*`, `<https://x|a link>`, `<!date^...>`, `:emoji:` as a person sees them.

Escaping is never undone: every character of the message is escaped, and only our own tags are added.
Source: docs.slack.dev/messaging/formatting-message-text.
"""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime

EMOJI = {
    "arrows_counterclockwise": "🔄", "bell": "🔔", "chart_with_downwards_trend": "📉",
    "chart_with_upwards_trend": "📈", "compass": "🧭", "construction": "🚧", "eyes": "👀", "fire": "🔥",
    "hammer_and_wrench": "🛠️", "hourglass": "⌛", "hourglass_flowing_sand": "⏳",
    "large_blue_circle": "🔵", "large_green_circle": "🟢", "large_orange_circle": "🟠",
    "large_yellow_circle": "🟡", "leftwards_arrow_with_hook": "↩️", "link": "🔗", "lock": "🔒",
    "mag": "🔍", "mag_right": "🔎", "memo": "📝", "no_entry": "⛔", "raised_hand": "✋",
    "red_circle": "🔴", "repeat": "🔁", "rewind": "⏪", "robot_face": "🤖", "rocket": "🚀",
    "rotating_light": "🚨", "sos": "🆘", "speech_balloon": "💬", "stethoscope": "🩺", "tada": "🎉",
    "thinking_face": "🤔", "warning": "⚠️", "wave": "👋", "white_check_mark": "✅",
    "white_circle": "⚪", "wrench": "🔧", "x": "❌", "zap": "⚡",
}  # fmt: skip

DATE_TOKENS = {
    "date_num": "%Y-%m-%d", "date": "%B %-d, %Y", "date_short": "%b %-d, %Y", "date_long": "%A, %B %-d, %Y",
    "date_pretty": "%B %-d, %Y", "date_short_pretty": "%b %-d, %Y", "date_long_pretty": "%A, %B %-d, %Y",
    "time": "%H:%M", "time_secs": "%H:%M:%S", "ago": "%H:%M",
}  # fmt: skip

#: In this order: what stands inside code is not looked at again.
FENCE = re.compile(r"```\n?(.+?)\n?```", re.DOTALL)
CODE = re.compile(r"`([^`\n]+)`")
TOKEN = re.compile(r"<([^<>\n]+)>")
EMPHASIS = tuple(
    (re.compile(rf"(?<![\w{mark}]){mark}(?=\S)([^{mark}\n]+?)(?<=\S){mark}(?![\w{mark}])"), tag)
    for mark, tag in ((r"\*", "strong"), ("_", "em"), ("~", "s"))
)
EMOJI_CODE = re.compile(r":([a-z0-9_+-]+):")
SLOT = re.compile("\ue000(\\d+)\ue001")
SAFE_LINK = re.compile(r"(https?://|mailto:)", re.IGNORECASE)


class _Slots:
    """Finished HTML that the later steps must not touch, each held by a placeholder."""

    def __init__(self) -> None:
        self.kept: list[str] = []

    def hold(self, markup: str) -> str:
        self.kept.append(markup)
        return f"\ue000{len(self.kept) - 1}\ue001"

    def fill(self, text: str) -> str:
        while SLOT.search(text):
            text = SLOT.sub(lambda found: self.kept[int(found[1])], text)
        return text


def mrkdwn(text: str) -> str:
    """Render mrkdwn as safe HTML."""
    slots = _Slots()
    text = re.sub("[\ue000\ue001]", "", text)
    text = FENCE.sub(lambda found: slots.hold(f"<pre>{escaped(found[1])}</pre>"), text)
    text = CODE.sub(lambda found: slots.hold(f"<code>{escaped(found[1])}</code>"), text)
    text = TOKEN.sub(lambda found: slots.hold(_token(found[1])), text)
    return slots.fill(_lines(_emphasised(escaped(text))))


def plain(text: str) -> str:
    """Render plain text: emoji codes and line breaks, nothing else."""
    return _emoji(escaped(text)).replace("\n", "<br>")


def escaped(text: str) -> str:
    """Escape for HTML what Slack's senders may have escaped already."""
    return html.escape(html.unescape(text))


def _emphasised(text: str) -> str:
    for pattern, tag in EMPHASIS:
        text = pattern.sub(rf"<{tag}>\1</{tag}>", text)
    return _emoji(text)


def _emoji(text: str) -> str:
    return EMOJI_CODE.sub(lambda found: EMOJI.get(found[1], found[0]), text)


def _lines(text: str) -> str:
    """Join lines; a run of lines that begin with > is one quotation."""
    out: list[str] = []
    quoted: list[str] = []
    for line in [*text.split("\n"), None]:
        if line is not None and line.startswith("&gt;"):
            quoted.append(line.removeprefix("&gt;").lstrip())
            continue
        if quoted:
            out.append(f"<blockquote>{'<br>'.join(quoted)}</blockquote>")
            quoted = []
        if line is not None:
            out.append(line)
    return (
        "<br>".join(out)
        .replace("</blockquote><br>", "</blockquote>")
        .replace("<br><blockquote>", "<blockquote>")
    )


def _token(token: str) -> str:
    """Render what stands between < and >: a link, a mention or a date."""
    target, _, label = token.partition("|")
    if target.startswith("!date^"):
        return _date(target, label)
    if target.startswith(("@", "#", "!")):
        name = label or target.removeprefix("!subteam^").lstrip("@#!")
        mark = "#" if target.startswith("#") else "@"
        return f'<span class="mention">{mark}{escaped(name.lstrip("@#"))}</span>'
    if SAFE_LINK.match(target):
        return f'<a href="{escaped(target)}" rel="noopener">{plain(label or target)}</a>'
    return escaped(f"<{token}>")


def _date(target: str, fallback: str) -> str:
    """`!date^1392734382^{date_short} at {time}` in UTC; its fallback if it is no date."""
    try:
        _, seconds, pattern, *_link = target.split("^")
        moment = datetime.fromtimestamp(int(seconds), UTC)
    except (ValueError, OverflowError):
        return escaped(fallback)
    said = re.sub(r"\{(\w+)\}", lambda found: moment.strftime(DATE_TOKENS.get(found[1], "%H:%M")), pattern)
    return f'<time datetime="{moment.isoformat()}">{escaped(said)} UTC</time>'
