"""The recent deployments of a service, with the revisions that they went from and to."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC
from functools import partial
from typing import TYPE_CHECKING, Any

from collector.estate import Deployed, Deployment, DeploymentStatus, PauseHook, Revision, Strategy
from collector.source import UnreachableError
from collector.wire.discovery import chunks
from collector.wire.failures import translated
from collector.wire.views import strategy_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_ecs.type_defs import (
        DeploymentLifecycleHookDetailTypeDef,
        ServiceDeploymentBriefTypeDef,
        ServiceDeploymentTypeDef,
        ServiceRevisionSummaryTypeDef,
        ServiceRevisionTypeDef,
    )

    from slo.cells import Placement

#: How many deployments are looked at: enough to find one that served well before a series of bad ones.
DEPLOYMENTS_MAX = 10
#: ECS keeps 90 days and states no order, so that all are listed; 20 pages of 100 are more than one an hour.
PAGES_MAX = 20
PAGE_SIZE = 100
#: [ECS DescribeServiceDeployments, DescribeServiceRevisions]
DESCRIBE_MAX = 20
#: What starts a deployment besides the task definition [ECS UpdateService], as revisions name it.
PARTS = (
    "platformVersion",
    "networkConfiguration",
    "loadBalancers",
    "serviceRegistries",
    "serviceConnectConfiguration",
    "volumeConfigurations",
    "vpcLatticeConfigurations",
)
DIGEST_LENGTH = 12
#: What breaker and alarms are when they have given a deployment up [ServiceDeploymentRollbackMonitorsStatus].
TRIGGERED = "TRIGGERED"


def recent(ecs: ECSClient, placement: Placement) -> tuple[Deployment, ...]:
    """Return the newest deployments, newest first.  Raises CollectError."""
    with translated("ecs"):
        newest = sorted(_listed(ecs, placement), key=lambda brief: brief["createdAt"], reverse=True)
        arns = [brief["serviceDeploymentArn"] for brief in newest[:DEPLOYMENTS_MAX]]
        if not arns:
            return ()
        told = ecs.describe_service_deployments(serviceDeploymentArns=arns)["serviceDeployments"]
        revisions = _revisions(ecs, sorted({arn for one in told for arn in _revision_arns(one)}))
    found = (_deployment(one, revisions) for one in told)
    return tuple(sorted((d for d in found if d), key=lambda d: d.created_at, reverse=True))


def since(ecs: ECSClient, placement: Placement, moment: datetime) -> tuple[Deployed, ...]:
    """Return every deployment that was made after the moment, in short.  Raises CollectError."""
    with translated("ecs"):
        listed = list(_listed(ecs, placement, createdAt={"after": moment}))
    return tuple(
        Deployed(
            placement=placement,
            arn=brief["serviceDeploymentArn"],
            status=_status(brief["status"]),
            created_at=brief["createdAt"].astimezone(UTC),
            finished_at=_utc(brief.get("finishedAt")),
        )
        for brief in listed
    )


def _listed(
    ecs: ECSClient,
    placement: Placement,
    **only: Any,  # noqa: ANN401 - AWS's own parameters
) -> Iterator[ServiceDeploymentBriefTypeDef]:
    ask = partial(
        ecs.list_service_deployments,
        cluster=placement.cluster,
        service=placement.service,
        maxResults=PAGE_SIZE,
        **only,
    )
    token = ""
    for _ in range(PAGES_MAX):
        page = ask(nextToken=token) if token else ask()
        yield from page["serviceDeployments"]
        token = page.get("nextToken", "")
        if not token:
            return
    raise UnreachableError(f"ecs:ListServiceDeployments does not end after {PAGES_MAX} pages for {placement}")


def standing(ecs: ECSClient, revisions: Sequence[str]) -> Revision | None:
    """Return the one revision that runs, None while there are several.  Raises CollectError."""
    if len(revisions) != 1:
        return None
    with translated("ecs"):
        return _revisions(ecs, revisions).get(revisions[0])


def _revision_arns(told: ServiceDeploymentTypeDef) -> Iterator[str]:
    yield told["targetServiceRevision"]["arn"]
    yield from (source["arn"] for source in told.get("sourceServiceRevisions", ()))
    if back := told.get("rollback", {}).get("serviceRevisionArn"):
        yield back


def _revisions(ecs: ECSClient, arns: Sequence[str]) -> dict[str, Revision]:
    return {
        told["serviceRevisionArn"]: Revision(
            arn=told["serviceRevisionArn"],
            task_definition=told["taskDefinition"],
            strategy=strategy_of(told.get("capacityProviderStrategy", ())),
            rest=tuple((part, _digest(told[part])) for part in PARTS if told.get(part)),  # type: ignore[literal-required]
            images=tuple(sorted(_images(told))),
        )
        for part in chunks(arns, DESCRIBE_MAX)
        for told in ecs.describe_service_revisions(serviceRevisionArns=part)["serviceRevisions"]
    }


def _images(told: ServiceRevisionTypeDef) -> Iterator[tuple[str, str]]:
    """Yield the digest of each container's image; ECS tells it once a task has pulled it."""
    for one in told.get("containerImages", ()):
        if digest := one.get("imageDigest"):
            yield one.get("containerName", ""), digest


def _triggered(told: ServiceDeploymentTypeDef) -> Iterator[str]:
    """Yield what gave a deployment up: its circuit breaker, or alarms."""
    if told.get("deploymentCircuitBreaker", {}).get("status") == TRIGGERED:
        yield "deployment circuit breaker"
    alarms = told.get("alarms", {})
    if alarms.get("status") == TRIGGERED:
        yield from alarms.get("triggeredAlarmNames") or ("deployment alarms",)


def _digest(part: object) -> str:
    """Return a short name of what a part says; the order of a list means nothing to ECS."""
    return hashlib.sha256(json.dumps(_sorted(part), sort_keys=True).encode()).hexdigest()[:DIGEST_LENGTH]


def _sorted(part: object) -> object:
    if isinstance(part, dict):
        return {name: _sorted(value) for name, value in part.items()}
    if isinstance(part, list):
        return sorted(map(_sorted, part), key=lambda one: json.dumps(one, sort_keys=True))
    return part


def _deployment(told: ServiceDeploymentTypeDef, revisions: Mapping[str, Revision]) -> Deployment | None:
    """Return the deployment; None when ECS no longer tells what it deployed, so that nobody returns to it."""
    target = revisions.get(told["targetServiceRevision"]["arn"])
    if target is None:
        return None
    left = told.get("sourceServiceRevisions", ())
    sources = (revisions.get(source["arn"]) for source in left)
    return Deployment(
        arn=told["serviceDeploymentArn"],
        status=_status(told["status"]),
        created_at=told["createdAt"].astimezone(UTC),
        target=target,
        sources=tuple(source for source in sources if source),
        finished_at=_utc(told.get("finishedAt") or told.get("stoppedAt")),
        rolled_back_to=revisions.get(told.get("rollback", {}).get("serviceRevisionArn", "")),
        reason=told.get("statusReason", ""),
        sources_running=_running(left),
        triggered=tuple(_triggered(told)),
        strategy=_strategy(told.get("deploymentConfiguration", {}).get("strategy", Strategy.ROLLING)),
        stage=told.get("lifecycleStage", ""),
        weight=told["targetServiceRevision"].get("requestedProductionTrafficWeight"),
        hook=_waiting(told.get("lifecycleHookDetails", ())),
    )


def _strategy(text: str) -> Strategy:
    return Strategy(text) if text in set(Strategy) else Strategy.UNRECOGNISED


def _waiting(hooks: Sequence[DeploymentLifecycleHookDetailTypeDef]) -> PauseHook | None:
    """Return the hook that a person must answer; a Lambda hook is answered by its function."""
    for told in hooks:
        if told.get("targetType") == "PAUSE" and told.get("status") == "AWAITING_ACTION" and "hookId" in told:
            return PauseHook(told["hookId"], _utc(told.get("expiresAt")), told.get("timeoutAction", ""))
    return None


def _running(revisions: Sequence[ServiceRevisionSummaryTypeDef]) -> int | None:
    """Return how many tasks of the revisions run; None where ECS does not say so of each."""
    counts = [told.get("runningTaskCount") for told in revisions]
    known = [count for count in counts if count is not None]
    return sum(known) if counts and len(known) == len(counts) else None


def _status(text: str) -> DeploymentStatus:
    return DeploymentStatus(text) if text in set(DeploymentStatus) else DeploymentStatus.UNRECOGNISED


def _utc(moment: datetime | None) -> datetime | None:
    return moment.astimezone(UTC) if moment else None
