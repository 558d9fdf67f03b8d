"""What botocore raises, in our words."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)
from botocore.parsers import ResponseParserError

from collector.codes import DENIALS, THROTTLES
from collector.source import CollectError, DeniedError, Gap, GapReason, ThrottledError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Everything that a call can raise for what AWS, the network or the credentials do.
FAILURES = (BotoCoreError, ClientError, ResponseParserError)

#: Nobody could say who we are: no key, no profile, or a sign-in that has run out.
WITHOUT_CREDENTIALS = (
    NoCredentialsError,
    PartialCredentialsError,
    CredentialRetrievalError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)

#: What is sent to another service before any call, to be allowed to make it.
BEFORE_ALL = {"AssumeRole": "sts"}


@contextmanager
def translated(service: str) -> Iterator[None]:
    """Raise what botocore raises as a CollectError; `service` is the IAM prefix of the calls made inside."""
    try:
        yield
    except FAILURES as error:
        raise collect_error(error, service) from error


def collect_error(error: Exception, service: str) -> CollectError:
    """Return our name for a failure, saying which permission or endpoint it was about."""
    if isinstance(error, CollectError):
        return error
    if isinstance(error, ClientError):
        code, message = error.response["Error"].get("Code", ""), error.response["Error"].get("Message", "")
        action = f"{BEFORE_ALL.get(error.operation_name, service)}:{error.operation_name}"
        detail = f"{action} answered {code}: {message}"
        if code in THROTTLES:
            return ThrottledError(detail)
        if code in DENIALS:
            return DeniedError(f"{detail} - the role needs {action}")
        return UnreachableError(detail)
    if isinstance(error, WITHOUT_CREDENTIALS):
        return DeniedError(f"{service}: {error}")
    return UnreachableError(f"{service}: {error}")


def gap(error: Exception, service: str) -> Gap:
    """Return the gap that a failure leaves behind."""
    failure = collect_error(error, service)
    match failure:
        case ThrottledError():
            return Gap(GapReason.THROTTLED, str(failure))
        case DeniedError():
            return Gap(GapReason.DENIED, str(failure))
        case _:
            return Gap(GapReason.UNREACHABLE, str(failure))
