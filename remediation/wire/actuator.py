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
    Delivery,
    Effect,
    Receipt,
    RestoreRevision,
    SetScalingMinimum,
    SetStrategy,
    StopDeployment,
)

if TYPE_CHECKING:
    from mypy_boto3_application_autoscaling import ApplicationAutoScalingClient
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

    def _send(self, effect: Effect) -> str:
        """Make the call and return the id by which AWS knows the request."""
        place = effect.placement
        match effect:
            case StopDeployment():
                ecs = self._ecs(place)
                stopped = ecs.stop_service_deployment(
                    serviceDeploymentArn=effect.deployment_arn, stopType="ROLLBACK"
                )
                return stopped["ResponseMetadata"]["RequestId"]
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
            case _:
                assert_never(effect)

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
