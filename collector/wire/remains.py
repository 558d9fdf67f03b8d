"""Looks for what a revision is made of: its task definition, and the images, secrets and parameters in it.

Only what describes is asked for: no value of a secret or parameter is ever read.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Protocol

from botocore.exceptions import ClientError

from collector.codes import ABSENT
from collector.remains import Part, PartKind, Presence, Remains
from collector.source import DeniedError
from collector.wire.failures import FAILURES, collect_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime

    from mypy_boto3_ecs import ECSClient

    from collector.estate import Revision
    from slo.cells import Placement

#: [ECR user guide, private registries: both forms of a registry's address]
ECR = re.compile(
    r"(?P<account>\d{12})\.dkr[.-]ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)\.(?:amazonaws\.com(?:\.cn)?|on\.aws)/"
    r"(?P<repository>[^:@]+)(?::(?P<tag>[^@]+))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)
#: What ECS answers for a task definition that it does not know (any more).
UNKNOWN_DEFINITION = "ClientException"
#: [Secrets Manager ARN, and after it JSON key, stage and version; ECS guide, secrets-envvar-secrets-manager]
SECRET_ARN_PARTS = 7
LATEST = "latest"
#: How the media types of an image for several platforms end: ECS may name one of its members instead.
SEVERAL = ("index.v1+json", "manifest.list.v2+json")


class Clients(Protocol):
    """Hands out clients that read."""

    def ecs(self, account: str, region: str) -> ECSClient:
        """Return a client for reading services."""
        ...

    def parts(self, service: str, account: str, region: str) -> Any:  # noqa: ANN401 - no types of them are at hand
        """Return a client for what tasks are made of."""
        ...


def of(clients: Clients, placement: Placement, revision: Revision, now: datetime) -> Remains:
    """Look for everything that tasks of the revision need in order to start."""
    definition, told = _definition(clients, placement, revision)
    found = _Found(clients, placement)
    digests = dict(revision.images)
    containers = told.get("containerDefinitions", ())
    images = [found.image(one.get("image", ""), digests.get(one.get("name", ""))) for one in containers]
    return Remains(now, (definition, *dict.fromkeys((*images, *found.secrets(_references(containers))))))


def _definition(clients: Clients, placement: Placement, revision: Revision) -> tuple[Part, Mapping[str, Any]]:
    """Look for the task definition; one that is not ACTIVE cannot be deployed any more [UpdateService]."""
    name = revision.task_definition.rsplit("/", 1)[-1]
    try:
        ecs = clients.ecs(placement.account, placement.region)
        told = ecs.describe_task_definition(taskDefinition=revision.task_definition)["taskDefinition"]
    except FAILURES as error:
        unknown = isinstance(error, ClientError) and error.response["Error"].get("Code") == UNKNOWN_DEFINITION
        if unknown:
            return Part(PartKind.TASK_DEFINITION, name, Presence.GONE, "ECS does not know it"), {}
        return Part(PartKind.TASK_DEFINITION, name, *_failed(error, "ecs")), {}
    status = told.get("status", "ACTIVE")
    if status != "ACTIVE":
        return Part(PartKind.TASK_DEFINITION, name, Presence.GONE, f"it is {status}"), told
    return Part(PartKind.TASK_DEFINITION, name), told


def _references(containers: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield what containers are given from secrets and parameters [ContainerDefinition]."""
    for container in containers:
        options = container.get("logConfiguration", {}).get("secretOptions", ())
        yield from (one["valueFrom"] for one in (*container.get("secrets", ()), *options))
        if pulled_with := container.get("repositoryCredentials", {}).get("credentialsParameter"):
            yield pulled_with


class _Found:
    """Looks for one part after the other, as seen from a placement."""

    def __init__(self, clients: Clients, placement: Placement) -> None:
        self._clients, self._place = clients, placement

    def image(self, name: str, digest: str | None) -> Part:
        """Look for an image by the name that ECS would pull it by, and whether it is still the same."""
        named = ECR.fullmatch(name)
        if named is None:
            return Part(PartKind.IMAGE, name, Presence.NOT_KNOWN, "its registry is not ECR")
        pinned = named["digest"]
        wanted = {"imageDigest": pinned} if pinned else {"imageTag": named["tag"] or LATEST}

        def look() -> Part:
            ecr = self._clients.parts("ecr", self._place.account, named["region"])
            told = ecr.describe_images(
                registryId=named["account"], repositoryName=named["repository"], imageIds=[wanted]
            )
            return _same(name, next(iter(told.get("imageDetails", ())), None), pinned or digest)

        return self._asked(PartKind.IMAGE, name, "ecr", named["account"], look)

    def secrets(self, references: Iterable[str]) -> Iterator[Part]:
        """Look for secrets by their ARN, and for parameters by ARN or name."""
        for reference in dict.fromkeys(references):
            stored = reference.startswith("arn:") and reference.split(":")[2] == "secretsmanager"
            yield self._secret(reference) if stored else self._parameter(reference)

    def _secret(self, reference: str) -> Part:
        pieces = reference.split(":")
        arn, stage = ":".join(pieces[:SECRET_ARN_PARTS]), [*pieces[SECRET_ARN_PARTS:], "", ""][1]
        name = pieces[SECRET_ARN_PARTS - 1]

        def look() -> Part:
            told = self._clients.parts("secretsmanager", self._place.account, pieces[3]).describe_secret(
                SecretId=arn
            )
            if (gone := told.get("DeletedDate")) is not None:
                return Part(PartKind.SECRET, name, Presence.GONE, f"it was deleted on {gone:%Y-%m-%d}")
            stages = {label for labels in told.get("VersionIdsToStages", {}).values() for label in labels}
            if stage and stage not in stages:
                return Part(PartKind.SECRET, name, Presence.GONE, f"no version of it is {stage}")
            return Part(PartKind.SECRET, name)

        return self._asked(PartKind.SECRET, name, "secretsmanager", pieces[4], look)

    def _parameter(self, reference: str) -> Part:
        """Look for a parameter; the ARN of `/db` is that of `db`, so that either will do."""
        region, account, name = self._place.region, self._place.account, reference
        if reference.startswith("arn:"):
            _, _, _, region, account, resource = reference.split(":", 5)
            name = resource.removeprefix("parameter/")
        names = [name] if name.startswith("/") else [name, f"/{name}"]

        def look() -> Part:
            pages = (
                self._clients.parts("ssm", self._place.account, region)
                .get_paginator("describe_parameters")
                .paginate(ParameterFilters=[{"Key": "Name", "Option": "Equals", "Values": names}])
            )
            there = any(page["Parameters"] for page in pages)
            gone = Part(PartKind.PARAMETER, name, Presence.GONE, "there is none of this name")
            return Part(PartKind.PARAMETER, name) if there else gone

        if account != self._place.account:
            why = f"it belongs to account {account}, which tells only what it shares"
            return Part(PartKind.PARAMETER, name, Presence.NOT_KNOWN, why)
        return self._asked(PartKind.PARAMETER, name, "ssm", account, look)

    def _asked(self, kind: PartKind, name: str, service: str, owner: str, look: Callable[[], Part]) -> Part:
        """Look, and say what came of it; whoever owns a part elsewhere need not let us look at it."""
        try:
            return look()
        except FAILURES as error:
            code = error.response["Error"].get("Code", "") if isinstance(error, ClientError) else ""
            if code in ABSENT:
                return Part(kind, name, Presence.GONE, "it is not there any more")
            presence, why = _failed(error, service)
            if presence is Presence.DENIED and owner != self._place.account:
                return Part(kind, name, Presence.NOT_KNOWN, f"account {owner} does not let us look: {why}")
            return Part(kind, name, presence, why)


def _failed(error: Exception, service: str) -> tuple[Presence, str]:
    """Return what a look that failed leaves known."""
    problem = collect_error(error, service)
    denied = isinstance(problem, DeniedError)
    return Presence.DENIED if denied else Presence.UNANSWERED, str(problem)


def _same(name: str, now: Mapping[str, Any] | None, digest: str | None) -> Part:
    """Compare what a registry has under a name with the digest that ran."""
    if now is None:
        return Part(PartKind.IMAGE, name, Presence.GONE, "it is not in its repository")
    if digest is None:
        return Part(PartKind.IMAGE, name, Presence.NOT_KNOWN, "ECS does not tell which digest ran")
    if now.get("imageDigest") == digest:
        return Part(PartKind.IMAGE, name)
    if str(now.get("imageManifestMediaType", "")).endswith(SEVERAL):
        why = "it is for several platforms, whose digests cannot be compared"
        return Part(PartKind.IMAGE, name, Presence.NOT_KNOWN, why)
    return Part(PartKind.IMAGE, name, Presence.GONE, "its tag names another image now")
