"""boto3 against zonal shifts, zones and task protection: protocols that name an operation by its path."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from simulator.aws.stand import Stand
from simulator.scenario import Scenario

if TYPE_CHECKING:
    from collections.abc import Callable
    from wsgiref.types import WSGIApplication

EPOCH, REGION = datetime(2026, 11, 23, 12, tzinfo=UTC), "eu-west-1"
SCENARIO = Scenario.model_validate(
    {
        "name": "face",
        "start": EPOCH,
        "duration": "1h",
        "estate": {
            "regions": [REGION],
            "services": [{"name": "web", "zonal_shift": True}, {"name": "bare"}],
        },
    }
)


@pytest.fixture(scope="module")
def stand() -> Stand:
    return Stand(SCENARIO, speed=60, epoch=EPOCH, read_wall=lambda: EPOCH)


@pytest.fixture(scope="module")
def client(stand: Stand, serve: Callable[[WSGIApplication], str]) -> Callable[[str], Any]:
    url = serve(stand.app)
    retries = Config(retries={"total_max_attempts": 1, "mode": "standard"})

    def make(service: str) -> Any:  # noqa: ANN401 - any service
        session = boto3.Session("operator", "anything", region_name=REGION)
        return session.client(service, endpoint_url=url, config=retries)  # type: ignore[call-overload]

    return make


def test_a_shift_is_started_found_by_its_arn_lengthened_and_cancelled(
    stand: Stand, client: Callable[[str], Any]
) -> None:
    arc, arn = client("arc-zonal-shift"), stand.world.estate.places[0].load_balancer_arn
    zones = client("ec2").describe_availability_zones(ZoneNames=["eu-west-1a"])["AvailabilityZones"]
    started = arc.start_zonal_shift(
        resourceIdentifier=arn, awayFrom=zones[0]["ZoneId"], expiresIn="90m", comment="web-1"
    )
    assert (started["ResponseMetadata"]["HTTPStatusCode"], started["status"]) == (201, "ACTIVE")
    assert (started["expiryTime"] - started["startTime"]).total_seconds() == 90 * 60
    found = arc.get_managed_resource(resourceIdentifier=arn)
    assert found["appliedWeights"][zones[0]["ZoneId"]] == 0
    assert [shift["zonalShiftId"] for shift in found["zonalShifts"]] == [started["zonalShiftId"]]
    longer = arc.update_zonal_shift(zonalShiftId=started["zonalShiftId"], expiresIn="3h")
    assert longer["expiryTime"] > started["expiryTime"]
    assert arc.list_zonal_shifts(status="ACTIVE", maxResults=5)["items"][0]["awayFrom"] == zones[0]["ZoneId"]
    assert arc.cancel_zonal_shift(zonalShiftId=started["zonalShiftId"])["status"] == "CANCELED"
    made = [call for call in stand.stage.calls() if call.service == "arc-zonal-shift"]
    assert [call.operation for call in made] == ["StartZonalShift", "UpdateZonalShift", "CancelZonalShift"]
    assert {call.placement for call in made} == {0}


def test_errors_keep_their_shape_over_the_wire(stand: Stand, client: Callable[[str], Any]) -> None:
    arc, places = client("arc-zonal-shift"), stand.world.estate.places
    asked = {"awayFrom": "euw1-az1", "expiresIn": "1h", "comment": ""}
    with pytest.raises(ClientError) as missing:
        arc.start_zonal_shift(resourceIdentifier=places[1].load_balancer_arn, **asked)
    assert missing.value.response["Error"]["Code"] == "ResourceNotFoundException"
    shift = arc.start_zonal_shift(resourceIdentifier=places[0].load_balancer_arn, **asked)
    with pytest.raises(arc.exceptions.ConflictException) as twice:
        arc.start_zonal_shift(resourceIdentifier=places[0].load_balancer_arn, **asked)
    assert twice.value.response["reason"] == "ZonalShiftAlreadyExists"
    assert twice.value.response["zonalShiftId"] == shift["zonalShiftId"]
    with pytest.raises(ClientError) as nowhere:
        client("ec2").describe_availability_zones(ZoneNames=["eu-west-1z"])
    assert nowhere.value.response["Error"]["Code"] == "InvalidParameterValue"


def test_a_task_is_protected_for_a_while(client: Callable[[str], Any]) -> None:
    ecs = client("ecs")
    tasks = ecs.list_tasks(cluster="mylearning", serviceName="web")["taskArns"]
    ecs.update_task_protection(
        cluster="mylearning", tasks=tasks[:1], protectionEnabled=True, expiresInMinutes=30
    )
    told = ecs.get_task_protection(cluster="mylearning", tasks=tasks)["protectedTasks"]
    assert {each["taskArn"]: each["protectionEnabled"] for each in told} == {
        task: task == tasks[0] for task in tasks
    }
