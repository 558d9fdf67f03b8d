"""What ECS answers about services, clusters and task definitions, in our values."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from collector.estate import Controller, Insights, LaunchType, ProviderShare, TaskDefinition
from collector.wire.failures import translated

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_ecs.type_defs import (
        CapacityProviderStrategyItemTypeDef,
        ServiceTypeDef,
        TaskDefinitionTypeDef,
    )

#: ECS names launch types and the providers of Fargate; every other provider brings EC2 instances.
LAUNCH_TYPES: Mapping[str, LaunchType] = {
    "FARGATE": LaunchType.FARGATE,
    "FARGATE_SPOT": LaunchType.FARGATE_SPOT,
    "EC2": LaunchType.EC2,
    "MANAGED_INSTANCES": LaunchType.EC2,
    "EXTERNAL": LaunchType.EXTERNAL,
}
#: How ECS calls a task definition that it does not know [ECS DescribeTaskDefinition].
UNKNOWN_DEFINITION = "ClientException"
#: The cluster setting that says how much is told of its tasks.
INSIGHTS = "containerInsights"


def strategy_of(shares: Iterable[CapacityProviderStrategyItemTypeDef]) -> tuple[ProviderShare, ...]:
    """Return a capacity provider strategy; the API leaves out what is 0."""
    return tuple(
        ProviderShare(share["capacityProvider"], share.get("weight", 0), share.get("base", 0))
        for share in shares
    )


def controller(service: ServiceTypeDef) -> Controller:
    """Return who deploys the service; whom we do not know is somebody else."""
    kind = service.get("deploymentController", {}).get("type", "ECS")
    return Controller(kind) if kind in set(Controller) else Controller.EXTERNAL


def groups(service: ServiceTypeDef) -> Iterator[str]:
    """Yield every target group of the service: in a deployment its traffic moves between them."""
    attached = [*service.get("loadBalancers", ())]
    for task_set in service.get("taskSets", ()):
        attached += task_set.get("loadBalancers", ())
    for one in attached:
        for arn in (
            one.get("targetGroupArn"),
            one.get("advancedConfiguration", {}).get("alternateTargetGroupArn"),
        ):
            if arn:
                yield arn


def launch_types(service: ServiceTypeDef, definition: TaskDefinition | None) -> tuple[LaunchType, ...]:
    """Return what the tasks run on: by the strategy, else the launch type, else what the definition fits."""
    providers = [
        share.provider for share in strategy_of(service.get("capacityProviderStrategy", ())) if share.used
    ]
    if providers:
        return tuple(dict.fromkeys(LAUNCH_TYPES.get(provider, LaunchType.EC2) for provider in providers))
    if kind := service.get("launchType"):
        return _known([kind])
    return definition.compatibilities if definition else ()


def deployed_at(service: ServiceTypeDef) -> datetime | None:
    """Return when the newest deployment began, as the service tells it."""
    begun = [told["createdAt"] for told in service.get("deployments", ()) if "createdAt" in told]
    return max(begun).astimezone(UTC) if begun else None


def discovery_names(service: ServiceTypeDef) -> tuple[str, ...]:
    """Return the names under which Service Connect knows the service, by its newest deployment."""
    newest = next((d for d in service.get("deployments", ()) if d.get("status") == "PRIMARY"), None)
    connect = newest.get("serviceConnectConfiguration", {}) if newest else {}
    if not newest or not connect.get("enabled"):
        return ()
    resolved = [one.get("discoveryName") for one in newest.get("serviceConnectResources", ())]
    asked_for = [one.get("discoveryName") or one["portName"] for one in connect.get("services", ())]
    return tuple(dict.fromkeys(name for name in (resolved or asked_for) if name))


def insights(ecs: ECSClient, clusters: Sequence[str]) -> dict[str, Insights | None]:
    """Return how much Container Insights tells of each cluster, None where ECS does not say.

    Raises CollectError.
    """
    with translated("ecs"):
        told = ecs.describe_clusters(clusters=clusters, include=["SETTINGS"])["clusters"]
    values = {
        cluster["clusterArn"]: setting.get("value")
        for cluster in told
        for setting in cluster.get("settings", ())
        if setting.get("name") == INSIGHTS
    }
    return {arn: _insights(values.get(arn)) for arn in clusters}


def definition(ecs: ECSClient, arn: str) -> TaskDefinition | None:
    """Return a task definition, None when ECS knows it no more.  Raises CollectError."""
    with translated("ecs"):
        try:
            return _definition(ecs.describe_task_definition(taskDefinition=arn)["taskDefinition"])
        except ClientError as error:
            if error.response["Error"].get("Code") == UNKNOWN_DEFINITION:
                return None
            raise


def _definition(told: TaskDefinitionTypeDef) -> TaskDefinition:
    platform = told.get("runtimePlatform", {})
    return TaskDefinition(
        family=told["family"],
        revision=told["revision"],
        images=tuple(c["image"] for c in told["containerDefinitions"] if "image" in c),
        cpu_units=_number(told.get("cpu")),
        memory_mib=_number(told.get("memory")),
        compatibilities=_known(told.get("requiresCompatibilities", ())),
        architecture=platform.get("cpuArchitecture", ""),
        system=platform.get("operatingSystemFamily", ""),
    )


def _known(kinds: Iterable[str]) -> tuple[LaunchType, ...]:
    return tuple(dict.fromkeys(LAUNCH_TYPES[kind] for kind in kinds if kind in LAUNCH_TYPES))


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdigit() else None


def _insights(value: str | None) -> Insights | None:
    return Insights(value) if value in set(Insights) else None
