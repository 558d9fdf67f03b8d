"""What keeps the service from starting."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING

import pytest

from collector.knock import Door, Knock
from collector.wire.knocking import knock
from collector.wire.session import Access, Sessions
from fournines.reach import greeted
from fournines.trouble import Trouble
from simulator.aws.stand import Stand
from tests.living import ACCOUNT, NOON, small

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path
    from wsgiref.types import StartResponse, WSGIEnvironment

    from tests.cli.conftest import Command
    from tests.conftest import Serve

IRELAND, VIRGINIA = "eu-west-1", "us-east-1"


@pytest.fixture
def nobody() -> str:
    """An address where nothing answers."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return f"http://127.0.0.1:{taken.getsockname()[1]}"


@pytest.fixture
def stranger(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Somebody who has no credentials at all."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def at(url: str) -> Sessions:
    return Sessions(Access(endpoint_url=url, access_key_id="me", secret_access_key="any"))


def answering(code: str) -> Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]]:
    """Return an AWS that answers every call with one error."""

    def app(_: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("400 Bad Request", [("Content-Type", "application/x-amz-json-1.1")])
        return [json.dumps({"__type": code, "message": "so it is"}).encode()]

    return app


def config(folder: Path, endpoint: str, credentials: str) -> None:
    given = (folder / "fournines.yaml").read_text(encoding="utf-8")
    given = given.replace("aws:\n", f"aws:\n  endpoint_url: {endpoint}\n{credentials}")
    (folder / "fournines.yaml").write_text("".join(given.partition("slack:")[:1]), encoding="utf-8")


def test_a_dead_endpoint_is_one_sentence_with_its_fix_and_nothing_starts(
    folder: Path, fournines: Command, nobody: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY", "any")
    config(folder, nobody, "  credentials: {access_key_id: me, secret_access_key: {env: KEY}}\n")
    said = fournines("serve")
    assert (said.code, said.out) == (1, "")
    assert said.err == f"nothing answers at {nobody}/: start it, or mend aws.endpoint_url\n"
    assert not (folder / "books.db").exists()


@pytest.mark.usefixtures("stranger")
def test_missing_credentials_are_one_sentence_with_their_fix(
    folder: Path, fournines: Command, nobody: str
) -> None:
    config(folder, nobody, "")
    said = fournines("serve")
    assert (said.code, said.out) == (1, "")
    expected = (
        "no credentials for AWS (Unable to locate credentials): set a profile, a role or aws.credentials\n"
    )
    assert said.err == expected


@pytest.mark.usefixtures("stranger")
@pytest.mark.parametrize("command", ["serve", "doctor", "cost"])
def test_a_role_that_nobody_has_credentials_to_assume_is_said_as_plainly(
    folder: Path, fournines: Command, nobody: str, command: str, caplog: pytest.LogCaptureFixture
) -> None:
    config(folder, nobody, "")
    role = f"arn:aws:iam::{ACCOUNT}:role/fournines"
    text = (folder / "fournines.yaml").read_text(encoding="utf-8")
    text = text.replace(f"{{id: {ACCOUNT}}}", f'{{id: {ACCOUNT}, role_arn: "{role}"}}')
    (folder / "fournines.yaml").write_text(text, encoding="utf-8")
    said = fournines(command)
    assert said.code == 1
    assert "Unable to locate credentials" in said.out + said.err
    assert "Traceback" not in said.err + caplog.text


def test_a_region_that_does_not_answer_keeps_nobody_from_watching_the_others() -> None:
    silent = Knock(ACCOUNT, VIRGINIA, Door.SILENT, "https://ecs.us-east-1.amazonaws.com/")
    (told,) = greeted([Knock(ACCOUNT, IRELAND, Door.OPEN), silent])
    assert told.startswith("nothing answers at https://ecs.us-east-1.amazonaws.com/: ")
    with pytest.raises(Trouble, match="nothing answers"):
        greeted([silent])


def test_what_is_refused_names_the_region_and_where_its_permissions_are_told() -> None:
    refused = [Knock(ACCOUNT, region, Door.REFUSED, "AccessDenied") for region in (IRELAND, VIRGINIA)]
    with pytest.raises(Trouble) as trouble:
        greeted(refused)
    first, second = str(trouble.value).splitlines()
    assert first.startswith(f"account {ACCOUNT} in {IRELAND} refuses us (AccessDenied): ")
    assert VIRGINIA in second


@pytest.mark.parametrize(
    ("code", "door"), [("AccessDeniedException", Door.REFUSED), ("ThrottlingException", Door.OPEN)]
)
def test_who_asks_for_patience_answers_and_who_denies_does_not(serve: Serve, code: str, door: Door) -> None:
    assert knock(at(serve(answering(code))), ACCOUNT, IRELAND).door is door


def test_the_simulated_aws_answers(serve: Serve) -> None:
    stand = Stand(small(), speed=60, epoch=NOON, read_wall=lambda: NOON)
    assert knock(at(serve(stand.app)), ACCOUNT, IRELAND) == Knock(ACCOUNT, IRELAND, Door.OPEN)
