"""What Slack accepts in one message: Block Kit limits as a table, and the complaints that it answers with.

Sources: docs.slack.dev/reference/block-kit/blocks and the checks of slack_sdk's `models/blocks`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

BLOCKS_MAX = 50
TEXT_MAX = 40_000
#: Undocumented; bolt-js#2509 saw `msg_blocks_too_long` near 13.2 thousand characters of blocks.
BLOCKS_CHARACTERS_MAX = 13_200
HEADER_MAX = 150
SECTION_MAX = 3000
FIELDS_MAX = 10
FIELD_MAX = 2000
CONTEXT_ELEMENTS_MAX = 10
CONTEXT_TEXT_MAX = 3000
ACTIONS_MAX = 25
MARKDOWN_MAX = 12_000
ID_MAX = 255
BUTTON_LIMITS = (("value", 2000), ("url", 3000), ("action_id", ID_MAX))
BUTTON_TEXT_MAX = 75
CONFIRM_LIMITS = (("title", 100), ("text", 300), ("confirm", 30), ("deny", 30))

TEXT_KINDS = frozenset({"plain_text", "mrkdwn"})
ELEMENT_KINDS = frozenset(
    {"button", "static_select", "overflow", "users_select", "datepicker", "checkboxes", "radio_buttons"}
)

Complaints = Iterator[str]


def complaints(blocks: object) -> list[str]:
    """Say in Slack's words what is wrong with the blocks of a message; an empty list means accepted."""
    if not isinstance(blocks, Sequence) or isinstance(blocks, str):
        return ["must be an array [json-pointer:/blocks]"]
    found = [
        complaint for index, block in enumerate(blocks) for complaint in _block(block, f"/blocks/{index}")
    ]
    if len(blocks) > BLOCKS_MAX:
        found.append(f"no more than {BLOCKS_MAX} items allowed [json-pointer:/blocks]")
    ids = [block["block_id"] for block in blocks if isinstance(block, Mapping) and "block_id" in block]
    found += [
        f"block_id {name!r} already exists" for name in sorted({name for name in ids if ids.count(name) > 1})
    ]
    return found


def _block(block: object, at: str) -> Complaints:
    if not isinstance(block, Mapping):
        yield f"must be an object [json-pointer:{at}]"
        return
    check = CHECKS.get(str(block.get("type")))
    if check is None:
        yield f"unsupported type: {block.get('type')} [json-pointer:{at}/type]"
        return
    yield from _length(block.get("block_id", ""), ID_MAX, f"{at}/block_id")
    yield from check(block, at)


def _header(block: Mapping[str, Any], at: str) -> Complaints:
    yield from _text(block.get("text"), HEADER_MAX, f"{at}/text", kinds=frozenset({"plain_text"}))


def _section(block: Mapping[str, Any], at: str) -> Complaints:
    fields = block.get("fields", ())
    if "text" not in block and not fields:
        yield f"missing required field: text or fields [json-pointer:{at}]"
    if "text" in block:
        yield from _text(block["text"], SECTION_MAX, f"{at}/text")
    yield from _at_most(fields, FIELDS_MAX, f"{at}/fields")
    for index, field in enumerate(fields):
        yield from _text(field, FIELD_MAX, f"{at}/fields/{index}")
    if "accessory" in block:
        yield from _element(block["accessory"], f"{at}/accessory")


def _context(block: Mapping[str, Any], at: str) -> Complaints:
    elements = block.get("elements") or ()
    if not elements:
        yield f"missing required field: elements [json-pointer:{at}]"
    yield from _at_most(elements, CONTEXT_ELEMENTS_MAX, f"{at}/elements")
    for index, element in enumerate(elements):
        if not isinstance(element, Mapping) or element.get("type") != "image":
            yield from _text(element, CONTEXT_TEXT_MAX, f"{at}/elements/{index}")


def _actions(block: Mapping[str, Any], at: str) -> Complaints:
    elements = block.get("elements") or ()
    if not elements:
        yield f"missing required field: elements [json-pointer:{at}]"
    yield from _at_most(elements, ACTIONS_MAX, f"{at}/elements")
    for index, element in enumerate(elements):
        yield from _element(element, f"{at}/elements/{index}")


def _markdown(block: Mapping[str, Any], at: str) -> Complaints:
    yield from _length(block.get("text", ""), MARKDOWN_MAX, f"{at}/text")


def _divider(_block: Mapping[str, Any], _at: str) -> Complaints:
    yield from ()


CHECKS = {
    "header": _header,
    "section": _section,
    "context": _context,
    "actions": _actions,
    "markdown": _markdown,
    "divider": _divider,
}


def _element(element: object, at: str) -> Complaints:
    if not isinstance(element, Mapping) or element.get("type") not in ELEMENT_KINDS:
        yield f"unsupported element [json-pointer:{at}]"
        return
    if element["type"] == "button":
        yield from _text(element.get("text"), BUTTON_TEXT_MAX, f"{at}/text", kinds=frozenset({"plain_text"}))
        for name, most in BUTTON_LIMITS:
            yield from _length(element.get(name, ""), most, f"{at}/{name}")
    for name, most in CONFIRM_LIMITS if "confirm" in element else ():
        yield from _text(element["confirm"].get(name), most, f"{at}/confirm/{name}")


def _text(text: object, most: int, at: str, kinds: frozenset[str] = TEXT_KINDS) -> Complaints:
    if not isinstance(text, Mapping) or text.get("type") not in kinds:
        yield f"must be a {' or '.join(sorted(kinds))} object [json-pointer:{at}]"
    elif not text.get("text"):
        yield f"must be more than 0 characters [json-pointer:{at}/text]"
    else:
        yield from _length(text["text"], most, f"{at}/text")


def _length(text: object, most: int, at: str) -> Complaints:
    if not isinstance(text, str):
        yield f"must be a string [json-pointer:{at}]"
    elif len(text) > most:
        yield f"must be less than {most + 1} characters [json-pointer:{at}]"


def _at_most(items: Sequence[object], most: int, at: str) -> Complaints:
    if len(items) > most:
        yield f"no more than {most} items allowed [json-pointer:{at}]"
