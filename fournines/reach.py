"""Whether there is anything to start for: what came of knocking at every region, and what to mend."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from collector.knock import Door
from fournines.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Sequence

    from collector.knock import Knock


def greeted(knocks: Sequence[Knock]) -> tuple[str, ...]:
    """Return what is to be mended while the others are watched.  Raises Trouble if nobody answers."""
    told = tuple(dict.fromkeys(_fix(one) for one in knocks if one.door is not Door.OPEN))
    if all(one.door is not Door.OPEN for one in knocks):
        raise Trouble("\n".join(told))
    return told


def _fix(knock: Knock) -> str:
    match knock.door:
        case Door.SILENT:
            return f"nothing answers at {knock.said}: start it, or mend aws.endpoint_url"
        case Door.NO_CREDENTIALS:
            return f"no credentials for AWS ({knock.said}): set a profile, a role or aws.credentials"
        case Door.REFUSED:
            where = f"account {knock.account} in {knock.region}"
            return f"{where} refuses us ({knock.said}): mend its role; `fournines doctor` says how"
        case Door.OPEN:
            return ""
        case _:
            assert_never(knock.door)
