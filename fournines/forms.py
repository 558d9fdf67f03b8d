"""What the forms of documents are made of: durations, regions, files, secrets, and where they are read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, SecretStr, ValidationInfo
from pydantic_core import PydanticCustomError
from sqlalchemy.engine import make_url

from fournines.store.place import IN_MEMORY, SERVER, on_server, with_password
from slo import durations

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Context:
    """What a document is read in: its folder, and where its secrets are looked up.

    Who only asks the store needs no `secrets`: one that is not set is then empty.
    """

    folder: Path
    environ: Mapping[str, str]
    secrets: bool = True


def context_of(info: ValidationInfo) -> Context:
    """Return what a document is read in."""
    assert isinstance(info.context, Context), "settings are read with their context"
    return info.context


def refuse(message: str) -> PydanticCustomError:
    """Return what a validator raises: these words are shown beside file and line."""
    return PydanticCustomError("expected", "{message}", {"message": message})


def _duration(value: object) -> timedelta:
    found = durations.parse(value)
    if not found:
        raise refuse("expected a duration such as 30s, 5m, 2h or 1d")
    return found


def _whole_minutes(value: timedelta) -> timedelta:
    if value % MINUTE:
        raise refuse("expected whole minutes, since CloudWatch counts by the minute")
    return value


def like(pattern: str, expected: str) -> BeforeValidator:
    """Accept text, or a number that was meant as text, of one shape."""

    def check(value: object) -> str:
        if not isinstance(value, str | int) or not re.fullmatch(pattern, str(value)):
            raise refuse(f"expected {expected}")
        return str(value)

    return BeforeValidator(check)


def _beside(value: object, info: ValidationInfo) -> Path:
    if not isinstance(value, str) or not value:
        raise refuse("expected a path, relative to this file")
    return context_of(info).folder / value


def _file(value: object, info: ValidationInfo) -> Path:
    path = _beside(value, info)
    if not path.is_file():
        raise refuse(f"there is no file {path}")
    return path


def _folder(value: object, info: ValidationInfo) -> Path:
    path = _beside(value, info)
    if not path.is_dir():
        raise refuse(f"there is no folder {path}")
    return path


def store_of(value: object, info: ValidationInfo) -> str:
    """Return the address of a store: of a server's database, or of a file beside the document."""
    if not isinstance(value, str) or not on_server(value):
        return IN_MEMORY if value == IN_MEMORY else str(_beside(value, info))
    try:
        password = make_url(with_password(value, "")).password
    except ValueError as error:
        raise refuse(str(error)) from None
    if password:
        raise refuse(
            "expected no password here: name it under store_password, as {env: NAME} or {file: PATH}"
        )
    return value


def _secret(value: object, info: ValidationInfo) -> SecretStr:
    """Look a secret up; it never stands in the document, and no message holds it."""
    return _looked_up(value, info, needed=context_of(info).secrets)


def _store_password(value: object, info: ValidationInfo) -> SecretStr:
    """Look up what opens the store: who only asks the store needs it too."""
    if not on_server(info.data.get("store", "")):
        raise refuse(f"expected store_password only where `store` is on a server, {SERVER}USER@HOST/DATABASE")
    return _looked_up(value, info, needed=True)


def _looked_up(value: object, info: ValidationInfo, *, needed: bool) -> SecretStr:
    match value:
        case {"env": str(name), **rest} if not rest:
            found = context_of(info).environ.get(name)
            problem = f"the environment variable {name} is not set"
        case {"file": str(name), **rest} if not rest and not needed:
            return SecretStr("")
        case {"file": str(name), **rest} if not rest:
            path = _file(name, info)
            found = path.read_text(encoding="utf-8").strip()
            problem = f"the file {path} is empty"
        case _:
            raise refuse("expected {env: NAME} or {file: PATH}: a secret never stands in the document itself")
    if not found and needed:
        raise refuse(problem)
    return SecretStr(found or "")


Duration = Annotated[timedelta, BeforeValidator(_duration)]
Minutes = Annotated[Duration, AfterValidator(_whole_minutes)]
Account = Annotated[str, like(r"[0-9]{12}", "the 12 digits of an AWS account")]
Region = Annotated[str, like(r"[a-z]{2,3}(-[a-z]+)+-[0-9]", "a region such as eu-west-1")]
Role = Annotated[str, like(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/.+", "arn:aws:iam::ACCOUNT:role/NAME")]
Url = Annotated[str, like(r"https?://[^\s/]+(/\S*)?", "an address such as https://host:port")]
Statistic = Annotated[
    str,
    like(
        r"Sum|Average|Minimum|Maximum|SampleCount|p[0-9.]+|(TC|PR)\(.*\)",
        "Sum, Average, Minimum, Maximum, SampleCount, p99, TC(:0.3) or PR(:0.3)",
    ),
]
File = Annotated[Path, BeforeValidator(_file)]
Folder = Annotated[Path, BeforeValidator(_folder)]
Secret = Annotated[SecretStr, BeforeValidator(_secret)]
StorePassword = Annotated[SecretStr, BeforeValidator(_store_password)]


class Section(BaseModel):
    """A part of the document: what it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)
