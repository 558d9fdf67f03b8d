"""Pages of a long answer, by AWS's `maxResults` and `nextToken`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from simulator.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from simulator.calls import Params

Item = TypeVar("Item")
TOKEN = "from-"  # noqa: S105 - no secret, a place in a list


def page(
    items: Sequence[Item], params: Params, *, size: int = 100, most: int = 100
) -> tuple[list[Item], dict[str, Any]]:
    """Return one page, and the `nextToken` that leads to the next one, if there is one."""
    wanted = params.get("maxResults", size)
    if not 1 <= wanted <= most:
        raise Refusal("InvalidParameterException", f"maxResults must be between 1 and {most}, got {wanted}.")
    token = params.get("nextToken") or f"{TOKEN}0"
    if not token.startswith(TOKEN) or not token.removeprefix(TOKEN).isdigit():
        raise Refusal("InvalidParameterException", "Invalid token.")
    begin = int(token.removeprefix(TOKEN))
    rest = {"nextToken": f"{TOKEN}{begin + wanted}"} if begin + wanted < len(items) else {}
    return list(items[begin : begin + wanted]), rest
