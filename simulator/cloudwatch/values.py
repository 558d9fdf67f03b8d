"""How requests say times, dimensions and pages."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from simulator.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from simulator.cloudwatch.catalogue import Dimensions


def seconds(value: object, name: str) -> float:
    """Read a time: an aware datetime, or seconds since 1970.  Raises Refusal."""
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.timestamp()
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    raise Refusal("ValidationError", f"The parameter {name} must be a time with a zone, got {value!r}.")


def moment(at: float) -> datetime:
    """Return the time as an aware datetime."""
    return datetime.fromtimestamp(at, UTC)


def dimensions_of(items: Iterable[Mapping[str, Any]]) -> Dimensions:
    """Read `[{"Name": ..., "Value": ...}]`; their order means nothing."""
    return tuple(sorted([(item["Name"], item["Value"]) for item in items]))


def listed(dimensions: Dimensions) -> list[dict[str, str]]:
    """Return dimensions as AWS lists them."""
    return [{"Name": name, "Value": value} for name, value in dimensions]


def token(position: int, subject: str) -> str:
    """Return the token of the page that starts at a position of an answer about `subject`."""
    return base64.urlsafe_b64encode(f"{position}|{subject}".encode()).decode()


def position(text: str | None, subject: str) -> int:
    """Return where the page starts.  Raises Refusal for a token of another request."""
    if not text:
        return 0
    try:
        number, _, about = base64.urlsafe_b64decode(text.encode()).decode().partition("|")
        if about == subject:
            return int(number)
    except (ValueError, binascii.Error):
        pass
    raise Refusal("InvalidNextToken", "The NextToken does not belong to this request.")
