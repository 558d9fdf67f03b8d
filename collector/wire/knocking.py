"""One cheap call to a region: whether anything answers there, and whether it knows us."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import (
    ClientError,
    ConnectionError,  # noqa: A004 - botocore's own
    HTTPClientError,
)

from collector.codes import DENIALS
from collector.knock import Door, Knock
from collector.wire.failures import FAILURES, WITHOUT_CREDENTIALS

if TYPE_CHECKING:
    from collector.wire.session import Sessions


def knock(sessions: Sessions, account: str, region: str) -> Knock:
    """Ask a region for its first cluster; whatever comes of it is an answer."""
    try:
        sessions.ecs(account, region).list_clusters(maxResults=1)
    except WITHOUT_CREDENTIALS as error:
        return Knock(account, region, Door.NO_CREDENTIALS, str(error))
    except ClientError as error:
        denied = error.response["Error"].get("Code", "") in DENIALS
        return Knock(account, region, Door.REFUSED if denied else Door.OPEN, str(error))
    except (ConnectionError, HTTPClientError) as error:
        return Knock(account, region, Door.SILENT, str(error.kwargs.get("endpoint_url", "")))
    except FAILURES as error:
        return Knock(account, region, Door.SILENT, str(error))
    return Knock(account, region, Door.OPEN)
