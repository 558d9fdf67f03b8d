"""What a revision is made of, as AWS answers: every call is checked against AWS's own model."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from botocore.stub import Stubber

from collector.estate import Revision
from collector.remains import Presence
from collector.wire import remains
from collector.wire.session import Access, Sessions
from tests.collector.test_wire_estate import (
    ACCOUNT,
    ECS,
    NOON,
    REGION,
    SHOP,
    Scripted,
    attached,
    aws,
    deployment,
    history,
    service,
    told,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from collector.remains import Part

__all__ = ["aws"]
NAME = f"{ECS}:task-definition/shop:7"
IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/team/shop"
RAN, OTHER = "sha256:" + "a" * 64, "sha256:" + "b" * 64
SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:shop/db-AbCdEf"
INDEX = "application/vnd.oci.image.index.v1+json"


class Keepers:
    """ECS, ECR, Secrets Manager and SSM with a script each."""

    def __init__(self) -> None:
        self.sessions = Sessions(Access(access_key_id="a", secret_access_key="b"))
        self.ecs = Stubber(self.sessions.ecs(ACCOUNT, REGION))
        self.ecr, self.secrets, self.ssm = (
            Stubber(self.sessions.parts(name, ACCOUNT, REGION)) for name in ("ecr", "secretsmanager", "ssm")
        )

    @property
    def stubs(self) -> tuple[Stubber, ...]:
        return (self.ecs, self.ecr, self.secrets, self.ssm)

    def defined(self, *containers: dict[str, Any], status: str = "ACTIVE") -> None:
        made = {"containerDefinitions": list(containers), "status": status}
        self.ecs.add_response("describe_task_definition", {"taskDefinition": made}, {"taskDefinition": NAME})

    def image(self, **details: str) -> None:
        self.ecr.add_response("describe_images", {"imageDetails": [details]})

    def parts(self, *images: tuple[str, str]) -> dict[str, Part]:
        """What is left of the revision, by the last part of each name."""
        found = remains.of(self.sessions, SHOP, Revision("arn", NAME, images=images), NOON)
        return {part.name.rpartition("/")[2]: part for part in found.parts}


@pytest.fixture
def keepers() -> Iterator[Keepers]:
    made = Keepers()
    for stub in made.stubs:
        stub.activate()
    yield made
    for stub in made.stubs:
        stub.assert_no_pending_responses()


def app(image: str, **more: object) -> dict[str, Any]:
    return {"name": "app", "image": image, **more}


@pytest.mark.parametrize("status", ["INACTIVE", "DELETE_IN_PROGRESS"])
def test_a_task_definition_that_cannot_be_deployed_is_gone(keepers: Keepers, status: str) -> None:
    keepers.defined(status=status)
    (part,) = keepers.parts().values()
    assert (part.presence, part.why) == (Presence.GONE, f"it is {status}")


@pytest.mark.parametrize(
    ("code", "presence"),
    [
        ("ClientException", Presence.GONE),
        ("AccessDeniedException", Presence.DENIED),
        ("ServerException", Presence.UNANSWERED),
    ],
)
def test_a_task_definition_that_is_not_told_says_why(keepers: Keepers, code: str, presence: Presence) -> None:
    keepers.ecs.add_client_error("describe_task_definition", code)
    (part,) = keepers.parts().values()
    assert part.presence is presence


def test_an_image_is_asked_for_by_the_name_that_ecs_pulls(keepers: Keepers) -> None:
    keepers.defined(app(f"{IMAGE}:1.2"))
    asked = {"registryId": ACCOUNT, "repositoryName": "team/shop", "imageIds": [{"imageTag": "1.2"}]}
    keepers.ecr.add_response("describe_images", {"imageDetails": [{"imageDigest": RAN}]}, asked)
    assert keepers.parts(("app", RAN))["shop:1.2"].presence is Presence.THERE


def test_a_pinned_image_is_asked_for_by_its_digest_and_one_without_a_tag_by_latest(keepers: Keepers) -> None:
    keepers.defined(app(f"{IMAGE}@{RAN}"), {"name": "side", "image": IMAGE})
    for wanted in ({"imageDigest": RAN}, {"imageTag": "latest"}):
        asked = {"registryId": ACCOUNT, "repositoryName": "team/shop", "imageIds": [wanted]}
        keepers.ecr.add_response("describe_images", {"imageDetails": [{"imageDigest": RAN}]}, asked)
    assert {part.presence for part in keepers.parts(("side", RAN)).values()} == {Presence.THERE}


@pytest.mark.parametrize(
    ("digest", "media", "presence", "why"),
    [
        (OTHER, "", Presence.GONE, "its tag names another image now"),
        (OTHER, INDEX, Presence.NOT_KNOWN, "it is for several platforms, whose digests cannot be compared"),
        (RAN, INDEX, Presence.THERE, ""),
    ],
)
def test_a_tag_that_was_moved_is_not_the_image_that_ran(
    keepers: Keepers, digest: str, media: str, presence: Presence, why: str
) -> None:
    keepers.defined(app(f"{IMAGE}:1.2"))
    keepers.image(imageDigest=digest, imageManifestMediaType=media)
    part = keepers.parts(("app", RAN))["shop:1.2"]
    assert (part.presence, part.why) == (presence, why)


@pytest.mark.parametrize(
    "image", ["nginx:1.27", "public.ecr.aws/nginx/nginx:1.27", "registry.example.com:5000/shop:1"]
)
def test_an_image_of_another_registry_is_not_known(keepers: Keepers, image: str) -> None:
    keepers.defined(app(image))
    assert keepers.parts()[image.rpartition("/")[2]].presence is Presence.NOT_KNOWN


@pytest.mark.parametrize(
    ("owner", "code", "presence"),
    [
        (ACCOUNT, "ImageNotFoundException", Presence.GONE),
        (ACCOUNT, "RepositoryNotFoundException", Presence.GONE),
        (ACCOUNT, "AccessDeniedException", Presence.DENIED),
        ("999999999999", "AccessDeniedException", Presence.NOT_KNOWN),
        (ACCOUNT, "ThrottlingException", Presence.UNANSWERED),
    ],
)
def test_what_a_registry_refuses_says_why(
    keepers: Keepers, owner: str, code: str, presence: Presence
) -> None:
    keepers.defined(app(IMAGE.replace(ACCOUNT, owner) + ":1"))
    keepers.ecr.add_client_error("describe_images", code)
    assert keepers.parts()["shop:1"].presence is presence


def test_secrets_are_asked_for_without_their_values(keepers: Keepers) -> None:
    staged = f"{SECRET}:password:AWSPREVIOUS:"
    keepers.defined(
        app(
            "nginx:1",
            secrets=[{"name": "DB", "valueFrom": SECRET}, {"name": "OLD", "valueFrom": staged}],
            repositoryCredentials={"credentialsParameter": f"{SECRET[:-6]}XyZuVw"},
            logConfiguration={
                "logDriver": "awslogs",
                "secretOptions": [{"name": "K", "valueFrom": f"{SECRET[:-6]}Gone00"}],
            },
        )
    )
    current = {"VersionIdsToStages": {"v" * 32: ["AWSCURRENT"]}}
    keepers.secrets.add_response("describe_secret", current, {"SecretId": SECRET})
    keepers.secrets.add_response("describe_secret", current, {"SecretId": SECRET})
    deleted = datetime(2026, 10, 1, tzinfo=UTC)
    keepers.secrets.add_response("describe_secret", {"DeletedDate": deleted})
    keepers.secrets.add_client_error("describe_secret", "ResourceNotFoundException")
    _, _, *secrets = remains.of(keepers.sessions, SHOP, Revision("arn", NAME), NOON).parts
    assert [(part.presence, part.why) for part in secrets] == [
        (Presence.THERE, ""),
        (Presence.GONE, "no version of it is AWSPREVIOUS"),
        (Presence.GONE, "it was deleted on 2026-10-01"),
        (Presence.GONE, "it is not there any more"),
    ]


@pytest.mark.parametrize(
    ("reference", "asked"),
    [
        (f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/shop/db", ["shop/db", "/shop/db"]),
        (f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/flags", ["flags", "/flags"]),
        ("/shop/db", ["/shop/db"]),
    ],
)
@pytest.mark.parametrize("there", [True, False])
def test_a_parameter_is_asked_for_by_every_name_that_its_arn_may_mean(
    keepers: Keepers,
    reference: str,
    asked: list[str],
    there: bool,  # noqa: FBT001 - both answers
) -> None:
    keepers.defined(app("nginx:1", secrets=[{"name": "DB", "valueFrom": reference}]))
    keepers.ssm.add_response(
        "describe_parameters",
        {"Parameters": [{"Name": asked[-1]}] if there else []},
        {"ParameterFilters": [{"Key": "Name", "Option": "Equals", "Values": asked}]},
    )
    found = [*keepers.parts().values()][-1]
    assert found.presence is (Presence.THERE if there else Presence.GONE)


def test_a_parameter_of_another_account_is_not_known(keepers: Keepers) -> None:
    reference = f"arn:aws:ssm:{REGION}:999999999999:parameter/shop/db"
    keepers.defined(app("nginx:1", secrets=[{"name": "DB", "valueFrom": reference}]))
    assert [*keepers.parts().values()][-1].presence is Presence.NOT_KNOWN


# -- revisions


def test_digests_of_images_and_what_gave_a_deployment_up_are_told(aws: Scripted) -> None:
    failed = deployment(
        3,
        "ROLLBACK_SUCCESSFUL",
        finishedAt=NOON,
        deploymentCircuitBreaker={"status": "TRIGGERED", "failureCount": 3, "threshold": 3},
        alarms={"status": "TRIGGERED", "triggeredAlarmNames": ["shop-5xx"]},
    )
    images = [{"containerName": "b", "imageDigest": RAN}, {"containerName": "a"}]
    history(aws, [failed, deployment(2)], parts={told(3).arn: {"containerImages": images}})
    (newest, _) = aws.source.service(SHOP).deployments
    assert newest.target.images == (("b", RAN),)
    assert newest.triggered == ("deployment circuit breaker", "shop-5xx")


def test_where_ecs_tells_of_no_deployment_any_more_it_tells_what_runs(aws: Scripted) -> None:
    running = [{"arn": told(7).arn, "runningTaskCount": 3}]
    shown = service(loadBalancers=attached("shop/1"), currentServiceRevisions=running)
    asked = {"cluster": "main", "services": ["shop"], "include": ["TAGS"]}
    aws.ecs.add_response("describe_services", {"services": [shown]}, asked)
    aws.beside("service/main/shop")
    aws.explained("shop")
    page = {"cluster": "main", "service": "shop", "maxResults": 100}
    aws.ecs.add_response("list_service_deployments", {"serviceDeployments": []}, page)
    revision = {"serviceRevisionArn": told(7).arn, "taskDefinition": told(7).task_definition}
    aws.ecs.add_response(
        "describe_service_revisions",
        {"serviceRevisions": [revision]},
        {"serviceRevisionArns": [told(7).arn]},
    )
    view = aws.source.service(SHOP)
    assert (view.deployments, view.standing) == ((), told(7))
