"""Block Kit that Slack cannot refuse: every text is cut to its limit, every message to its size.

Limits: https://docs.slack.dev/reference/block-kit/blocks.  The limit of a whole payload is undocumented and
was met near 13,000 characters, so ours is lower.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Block = dict[str, Any]

BLOCKS_MAX = 20
PAYLOAD_MAX = 8_000
HEADER_MAX = 150
SECTION_MAX = 2_800
FIELD_MAX = 1_900
FIELDS_MAX = 10
CONTEXT_MAX = 2_000
TEXT_MAX = 3_500
ELLIPSIS = "…"


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it is sent: `text` stands alone on a lock screen, and goes alone if blocks are refused."""

    text: str
    blocks: tuple[Block, ...] = ()
    broadcast: bool = False

    def plain(self) -> Message:
        """Return the message without its blocks."""
        return Message(self.text, (), self.broadcast)


def escape(text: str) -> str:
    """Neutralise what Slack would read as a mention or a link, so that a log line cannot ping a channel."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def cut(text: str, limit: int) -> str:
    """Return the text, cut at the limit; an escaped character is never cut in two."""
    if len(text) <= limit:
        return text
    kept = text[: limit - len(ELLIPSIS)]
    ampersand = kept.rfind("&", len(kept) - 5)
    if ampersand >= 0 and ";" not in kept[ampersand:]:
        kept = kept[:ampersand]
    return kept + ELLIPSIS


def header(text: str) -> Block:
    """Return a header; Slack shows it as plain text."""
    return {"type": "header", "text": {"type": "plain_text", "text": cut(text, HEADER_MAX), "emoji": True}}


def section(text: str) -> Block:
    """Return a paragraph of mrkdwn that is already escaped."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": cut(text, SECTION_MAX)}}


def fields(pairs: Mapping[str, str]) -> Block:
    """Return label and value pairs in two columns; values are already escaped."""
    texts = [cut(f"*{label}*\n{value}", FIELD_MAX) for label, value in list(pairs.items())[:FIELDS_MAX]]
    return {"type": "section", "fields": [{"type": "mrkdwn", "text": text} for text in texts]}


def context(text: str) -> Block:
    """Return a line of small print that is already escaped."""
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": cut(text, CONTEXT_MAX)}]}


def message(text: str, blocks: Iterable[Block], *, broadcast: bool = False) -> Message:
    """Return a message within every limit: blocks that do not fit any more are left out, the text stays."""
    kept: list[Block] = []
    size = 0
    for block in blocks:
        size += len(json.dumps(block, ensure_ascii=False))
        if len(kept) == BLOCKS_MAX or size > PAYLOAD_MAX:
            break
        kept.append(block)
    return Message(cut(text, TEXT_MAX), tuple(kept), broadcast)


def faults(blocks: Sequence[Block]) -> list[str]:
    """Return everything about the blocks that Slack would refuse."""
    found = []
    if len(blocks) > BLOCKS_MAX:
        found.append(f"{len(blocks)} blocks, at most {BLOCKS_MAX}")
    for number, block in enumerate(blocks):
        texts = [block.get("text"), *block.get("fields", ()), *block.get("elements", ())]
        limit = HEADER_MAX if block["type"] == "header" else SECTION_MAX
        found += [
            f"block {number}: {len(text['text'])} characters, 1 to {limit}"
            for text in texts
            if text is not None and not 0 < len(text["text"]) <= limit
        ]
    return found
