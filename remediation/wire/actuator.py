"""Effects become calls of AWS: sent once, and what is known afterwards is said in one of four words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, assert_never

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
)
from botocore.parsers import ResponseParserError

from collector.codes import THROTTLES
from remediation.actions.effects import (
    OURS,
    Delivery,
    Effect,
    EndShift,
    Receipt,
    RestoreRevision,
    SetScalingMinimum,
    SetStrategy,
    StartShift,
    StopDeployment,
    StopTasks,
    TurnBackAtHook,
)

if TYPE_CHECKING:
    from mypy_boto3_application_autoscaling import ApplicationAutoScalingClient
    from mypy_boto3_arc_zonal_shift import ARCZonalShiftClient
    from mypy_boto3_ecs import ECSClient

    from slo.cells import Placement

#: Nothing was changed and the same call may succeed a little later [Application Auto Scaling API reference].
TRY_LATER = THROTTLES | {"ConcurrentUpdateException"}

#: The request never left: nobody listened, or we had no right to sign it.
UNREACHED = (ConnectTimeoutError, EndpointConnectionError)
UNSENDABLE = (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError, ParamValidationError)

_SERVER_ERROR = 500


class Clients(Protocol):
    """Makes clients that send each call once."""

    def acting_ecs(self, account: str, region: str) -> ECSClient:
        """Return a client that sends once."""
        ...

    def acting_scaling(self, account: str, region: str) -> ApplicationAutoScalingClient:
        """Return a client that sends once."""
        ...

    def acting_arc(self, account: str, region: str) -> ARCZonalShiftClient:
        """Return a client that sends once."""
        ...


class AwsActuator:
    """Changes AWS; may be shared by threads."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def apply(self, effect: Effect) -> Receipt:
        """Send the effect once.  Never raises for what AWS or the network answers."""
        try:
            detail = self._send(effect)
        except ClientError as error:
            return _answered(error)
        except UNSENDABLE as error:
            return Receipt(Delivery.REFUSED, f"not sent: {error}")
        except UNREACHED as error:
            return Receipt(Delivery.THROTTLED, f"not sent: {error}")  # nothing happened, and later may help
        except (BotoCoreError, ResponseParserError) as error:
            return Receipt(Delivery.AMBIGUOUS, f"sent, but the answer is unknown: {error}")
        return Receipt(Delivery.ACCEPTED, detail)

    def _send(self, effect: Effect) -> str:  # noqa: PLR0911 - one for each
        """Make the call and return the id by which AWS knows the request."""
        place = effect.placement
        match effect:
            case StopDeployment():
                ecs = self._ecs(place)
                stopped = ecs.stop_service_deployment(
                    serviceDeploymentArn=effect.deployment_arn, stopType="ROLLBACK"
                )
                return stopped["ResponseMetadata"]["RequestId"]
            case TurnBackAtHook():
                turned = self._ecs(place).continue_service_deployment(
                    serviceDeploymentArn=effect.deployment_arn, hookId=effect.hook_id, action="ROLLBACK"
                )
                return turned["ResponseMetadata"]["RequestId"]
            case RestoreRevision():
                updated = self._ecs(place).update_service(
                    cluster=place.cluster, service=place.service, taskDefinition=effect.task_definition
                )
                return updated["ResponseMetadata"]["RequestId"]
            case SetStrategy():
                updated = self._ecs(place).update_service(
                    cluster=place.cluster,
                    service=place.service,
                    capacityProviderStrategy=[
                        {"capacityProvider": share.provider, "weight": share.weight, "base": share.base}
                        for share in effect.strategy
                    ],
                )
                return updated["ResponseMetadata"]["RequestId"]
            case SetScalingMinimum():
                raised = self._clients.acting_scaling(place.account, place.region).register_scalable_target(
                    ServiceNamespace="ecs",
                    ResourceId=f"service/{place.cluster}/{place.service}",
                    ScalableDimension="ecs:service:DesiredCount",
                    MinCapacity=effect.minimum,
                )
                return raised["ResponseMetadata"]["RequestId"]
            case StopTasks():
                return self._stop(effect)
            case StartShift():
                started = self._arc(place).start_zonal_shift(
                    resourceIdentifier=effect.balancer_arn,
                    awayFrom=effect.zone_id,
                    expiresIn=f"{effect.minutes}m",
                    comment=effect.comment,
                )
                return started["zonalShiftId"]
            case EndShift():
                return self._turn_back(effect)
            case _:
                assert_never(effect)

    def _stop(self, effect: StopTasks) -> str:
        """Stop one task after the other; the first that is refused or lost ends it: a look says how far."""
        ecs, last = self._ecs(effect.placement), ""
        for task in effect.tasks:
            stopped = ecs.stop_task(cluster=effect.placement.cluster, task=task, reason=effect.why)
            last = stopped["ResponseMetadata"]["RequestId"]
        return last

    def _turn_back(self, effect: EndShift) -> str:
        """End the shift of ours that is in force: only ARC knows it by its id."""
        arc = self._arc(effect.placement)
        found = arc.get_managed_resource(resourceIdentifier=effect.balancer_arn)["zonalShifts"]
        ours = (
            shift["zonalShiftId"]
            for shift in found
            if shift["awayFrom"] == effect.zone_id and shift["comment"].startswith(OURS)
        )
        identity = next(ours, None)
        if identity is None:
            return "no shift of ours is in force"
        return arc.cancel_zonal_shift(zonalShiftId=identity)["zonalShiftId"]

    def _arc(self, place: Placement) -> ARCZonalShiftClient:
        return self._clients.acting_arc(place.account, place.region)

    def _ecs(self, place: Placement) -> ECSClient:
        return self._clients.acting_ecs(place.account, place.region)


def _answered(error: ClientError) -> Receipt:
    """Judge an error that AWS itself told: a server's failure may have happened after the change."""
    code = error.response["Error"].get("Code", "")
    detail = f"{error.operation_name} answered {code}: {error.response['Error'].get('Message', '')}"
    if code in TRY_LATER:
        return Receipt(Delivery.THROTTLED, detail)
    if error.response["ResponseMetadata"].get("HTTPStatusCode", 0) >= _SERVER_ERROR:
        return Receipt(Delivery.AMBIGUOUS, detail)
    return Receipt(Delivery.REFUSED, detail)
