"""UpdateService: which fields start a deployment and which do not [botocore's ECS model]."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from simulator.ecs.answers import PLATFORM, load_balancers
from simulator.ecs.configuration import configured
from simulator.refusal import Refusal
from simulator.scenario import ON_DEMAND, Provider, Share

if TYPE_CHECKING:
    from collections.abc import Iterable

    from simulator.calls import Params
    from simulator.ecs.definitions import Definitions
    from simulator.ecs.service import Service

#: A new value of these starts a deployment.
DEPLOYING = (
    "platformVersion",
    "networkConfiguration",
    "loadBalancers",
    "serviceRegistries",
    "serviceConnectConfiguration",
    "volumeConfigurations",
    "vpcLatticeConfigurations",
)
#: These are taken over without one.
QUIET = (
    "healthCheckGracePeriodSeconds",
    "availabilityZoneRebalancing",
    "placementConstraints",
    "placementStrategy",
    "enableExecuteCommand",
    "enableECSManagedTags",
    "propagateTags",
)
KNOWN = frozenset(
    {
        *DEPLOYING,
        *QUIET,
        "cluster",
        "service",
        "taskDefinition",
        "desiredCount",
        "capacityProviderStrategy",
        "deploymentConfiguration",
        "forceNewDeployment",
    }
)


def update(service: Service, params: Params, definitions: Definitions, also: Iterable[str], at: int) -> None:
    """Change a service wholly or not at all; `also` names fields that the scenario lets deploy as well."""
    if strange := sorted(set(params) - KNOWN):
        raise Refusal(
            "UnsupportedFeatureException", f"UpdateService with {', '.join(strange)} is not simulated yet."
        )
    wanted = params.get("taskDefinition")
    definition = deployable(definitions, wanted) if wanted else service.task_definition
    if params.get("capacityProviderStrategy") and not service.place.on_fargate:
        raise Refusal(
            "InvalidParameterException", f"The service is launched on {service.place.spec.launch.upper()}."
        )
    strategy = read_strategy(params.get("capacityProviderStrategy"))
    desired = params.get("desiredCount", service.desired)
    if desired < 0:
        raise Refusal("InvalidParameterException", "desiredCount cannot be negative.")
    configuration = configured(params.get("deploymentConfiguration") or {}, service.configuration)
    deploys = (
        definition != service.task_definition
        or bool(params.get("forceNewDeployment"))
        or any(is_new(service, key, params[key]) for key in DEPLOYING if params.get(key) is not None)
        or ("desiredCount" in also and desired != service.desired)
        or ("deploymentConfiguration" in also and configuration != service.configuration)
    )
    service.settings |= {key: params[key] for key in (*DEPLOYING, *QUIET) if params.get(key) is not None}
    service.desired, service.configuration = desired, configuration
    service.strategy = service.strategy if strategy is None else strategy
    service.retry_at = 0
    if deploys:
        service.deploy(definition, at)


def deployable(definitions: Definitions, wanted: str) -> str:
    """Return the ARN of a task definition that may be deployed.  Raises Refusal for one that is INACTIVE."""
    found = definitions.find(wanted)
    if found["status"] != "ACTIVE":
        raise Refusal("ClientException", "TaskDefinition is inactive")
    return str(found["taskDefinitionArn"])


def is_new(service: Service, key: str, value: object) -> bool:
    """Whether a field's value is another than the service has; none and empty are the same."""
    has = {"platformVersion": PLATFORM, "loadBalancers": load_balancers(service), **service.settings}
    return (value or None) != (has.get(key) or None)


def read_strategy(given: list[dict[str, Any]] | None) -> tuple[Share, ...] | None:
    """Read a capacity provider strategy; an empty one means plain Fargate.  Raises Refusal."""
    if given is None:
        return None
    for share in given:
        if share.get("capacityProvider") not in get_args(Provider):
            name = share.get("capacityProvider")
            raise Refusal(
                "InvalidParameterException", f"The specified capacity provider {name!r} was not found."
            )
    if given and not any(share.get("weight") for share in given):
        raise Refusal("InvalidParameterException", "At least one capacity provider needs a weight above 0.")
    if sum(bool(share.get("base")) for share in given) > 1:
        raise Refusal("InvalidParameterException", "Only one capacity provider can have a base.")
    shares = tuple(
        Share(provider=share["capacityProvider"], weight=share.get("weight", 0), base=share.get("base", 0))
        for share in given
    )
    return shares or ON_DEMAND
