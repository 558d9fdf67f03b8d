"""The Archive seam on S3 and on a folder."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from collector.source import UnreachableError
from collector.wire.failures import translated
from collector.wire.session import Sessions


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Archive:
    """Puts objects under a prefix of a bucket, encrypted by S3 itself."""

    sessions: Sessions
    account: str
    region: str
    bucket: str
    prefix: str = ""
    sse: str = "AES256"
    kms_key: str | None = None

    def put(self, key: str, content: bytes, content_type: str) -> None:
        """Keep the bytes under the key.  Raises CollectError."""
        keyed: dict[str, Any] = {"SSEKMSKeyId": self.kms_key} if self.kms_key else {}
        with translated("s3"):
            self.sessions.s3(self.account, self.region).put_object(
                Bucket=self.bucket,
                Key=self.prefix + key,
                Body=content,
                ContentType=content_type,
                ServerSideEncryption=self.sse,
                **keyed,
            )

    def where(self, key: str) -> str:
        """Return the object's address."""
        return f"s3://{self.bucket}/{self.prefix}{key}"


@dataclass(frozen=True, slots=True)
class FolderArchive:
    """Writes files below a folder, each whole or not at all."""

    folder: Path

    def put(self, key: str, content: bytes, content_type: str) -> None:  # noqa: ARG002 - its name says it
        """Keep the bytes under the key.  Raises CollectError."""
        path = self.folder / key
        beside = path.with_name(f"{path.name}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            beside.write_bytes(content)
            beside.replace(path)
        except OSError as problem:
            with suppress(OSError):
                beside.unlink()
            raise UnreachableError(f"{path} cannot be written: {problem.strerror}") from None

    def where(self, key: str) -> str:
        """Return the file's path."""
        return str(self.folder / key)
