from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from fournines.slack import blocks

text = st.text(min_size=1, max_size=6_000)


@given(st.lists(text, max_size=40))
def test_no_message_is_ever_larger_than_slack_takes(texts: list[str]) -> None:
    built = blocks.message(
        "sentence",
        [make(blocks.escape(t)) for t in texts for make in (blocks.header, blocks.section, blocks.context)],
    )
    assert blocks.faults(built.blocks) == []
    assert sum(len(json.dumps(block, ensure_ascii=False)) for block in built.blocks) <= blocks.PAYLOAD_MAX


@given(text)
def test_a_log_line_cannot_ping_a_channel(line: str) -> None:
    assert "<!" not in blocks.escape(f"<!channel> {line}")


def test_an_escaped_character_is_not_cut_in_two() -> None:
    assert blocks.cut("abc&amp;def", 8) == "abc…"


def test_a_message_that_is_too_large_keeps_its_sentence() -> None:
    built = blocks.message("the worst alert", [blocks.section("x" * 2_800)] * 30)
    assert built.text == "the worst alert"
    assert 0 < len(built.blocks) < 30


def test_what_slack_would_refuse_is_named() -> None:
    oversized = [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3_001}}] * 21
    assert len(blocks.faults(oversized)) == 22
