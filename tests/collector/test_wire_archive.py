"""Where statements are laid up: a bucket of the simulated AWS, over HTTP, and a folder."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from collector.source import UnreachableError
from collector.wire.archive import FolderArchive, S3Archive
from collector.wire.checkup import AwsCheckup
from collector.wire.session import Access, Sessions
from simulator.aws.stand import Stand
from tests.living import ACCOUNT, NOON, REGIONS, small

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from wsgiref.types import WSGIApplication

HOME, AWAY = REGIONS
PAGE = b"<!doctype html>\n<p>99.99 %</p>\n"
PDF = b"%PDF-1.7\n\xe2\xe3\xcf\xd3\n"


class Cloud:
    """The simulated AWS, one who operates a bucket there, and fournines' own sessions."""

    def __init__(self, serve: Callable[[WSGIApplication], str]) -> None:
        self.stand = Stand(small(), speed=60, epoch=NOON, read_wall=lambda: NOON)
        self.url = serve(self.stand.app)
        self.sessions = Sessions(Access(endpoint_url=self.url, access_key_id="a", secret_access_key="b"))
        operator: Any = boto3.Session("operator", "any", region_name=HOME)
        self.s3 = operator.client("s3", endpoint_url=self.url)
        self.s3.create_bucket(Bucket="statements", CreateBucketConfiguration={"LocationConstraint": HOME})

    def archive(self, bucket: str = "statements") -> S3Archive:
        return S3Archive(sessions=self.sessions, account=ACCOUNT, region=HOME, bucket=bucket, prefix="sla/")


@pytest.fixture
def cloud(serve: Callable[[WSGIApplication], str]) -> Cloud:
    return Cloud(serve)


@pytest.mark.parametrize("content", [PAGE, PDF], ids=["a page", "bytes"])
def test_what_is_put_is_in_the_bucket_byte_for_byte_encrypted_and_typed(cloud: Cloud, content: bytes) -> None:
    archive = cloud.archive()
    for _ in range(2):
        archive.put("acme/2026-10.html", content, "text/html")
    found = cloud.s3.get_object(Bucket="statements", Key="sla/acme/2026-10.html")
    assert found["Body"].read() == content
    assert (found["ContentType"], found["ServerSideEncryption"]) == ("text/html", "AES256")
    listed = cloud.s3.list_objects_v2(Bucket="statements")
    assert [one["Key"] for one in listed["Contents"]] == ["sla/acme/2026-10.html"]
    assert archive.where("acme/2026-10.html") == "s3://statements/sla/acme/2026-10.html"


def test_who_names_a_key_has_it_used(cloud: Cloud) -> None:
    key = f"arn:aws:kms:{HOME}:{ACCOUNT}:key/a"
    replace(cloud.archive(), sse="aws:kms", kms_key=key).put("acme/a.json", b"{}", "application/json")
    found = cloud.s3.head_object(Bucket="statements", Key="sla/acme/a.json")
    assert (found["ServerSideEncryption"], found["SSEKMSKeyId"]) == ("aws:kms", key)


def test_a_bucket_that_is_missing_is_an_error_that_names_the_call(cloud: Cloud) -> None:
    with pytest.raises(UnreachableError, match="s3:PutObject answered NoSuchBucket"):
        cloud.archive("elsewhere").put("a", b"b", "text/plain")


def test_the_world_serves_objects_and_nothing_else_of_s3(cloud: Cloud) -> None:
    with pytest.raises(cloud.s3.exceptions.ClientError, match="does not serve"):
        cloud.s3.put_bucket_versioning(Bucket="statements", VersioningConfiguration={"Status": "Enabled"})
    made = [call for call in cloud.stand.stage.calls() if call.service == "s3"]
    assert [(call.operation, call.params) for call in made] == [("CreateBucket", {"Bucket": "statements"})]


def test_a_look_tells_whether_a_bucket_is_there(cloud: Cloud) -> None:
    checkup = AwsCheckup(cloud.sessions, lambda: NOON)
    assert checkup.bucket(ACCOUNT, HOME, "statements").reachable is True
    missing = checkup.bucket(ACCOUNT, HOME, "elsewhere")
    assert (missing.reachable, missing.why) == (False, "there is no such bucket")


def test_a_folder_has_whole_files_or_none(tmp_path: Path) -> None:
    archive = FolderArchive(tmp_path / "out")
    archive.put("acme/2026-10.pdf", PDF, "application/pdf")
    archive.put("acme/2026-10.pdf", PDF, "application/pdf")
    assert (tmp_path / "out/acme/2026-10.pdf").read_bytes() == PDF
    assert [path.name for path in (tmp_path / "out/acme").iterdir()] == ["2026-10.pdf"]
    assert archive.where("acme/2026-10.pdf") == str(tmp_path / "out/acme/2026-10.pdf")


def test_a_folder_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file stands in its place", encoding="utf-8")
    with pytest.raises(UnreachableError, match="cannot be written"):
        FolderArchive(tmp_path / "out").put("acme/a.json", b"{}", "application/json")
