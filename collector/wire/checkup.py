"""The Checkup seam on AWS itself: every look is a read, sent once."""

from __future__ import annotations

import json
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from collector.checkup import AlarmLook, BucketLook, Identity, QueueLook
from collector.codes import ABSENT
from collector.source import CollectError, DeniedError, ThrottledError, UnreachableError
from collector.wire.balancers import speaks_http
from collector.wire.failures import translated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from collector.wire.session import Sessions

#: SQS tells the age of the oldest message to CloudWatch alone, every minute while a queue is in use.
AGE_LOOKED_BACK = timedelta(minutes=15)
#: Among so many target groups a load balancer is looked for whose listeners may be read [ELBv2: at most 400].
GROUPS_LOOKED_AT = 400
#: A repository and a secret that nobody has.
NOBODYS = "fournines/doctor"


#: One action is not allowed; every other denial is about the credentials, and so about all actions.
FORBIDDEN = frozenset({"AccessDenied", "AccessDeniedException", "NotAuthorized", "UnauthorizedOperation"})


#: HeadBucket answers without a body: its code is the status [S3 API reference, HeadBucket].
BUCKET_TROUBLES: Mapping[str, str] = {
    "301": "it is in another region",
    "403": "s3:ListBucket is denied",
    "404": "there is no such bucket",
}


class AwsCheckup:
    """Looks at AWS with the service's own credentials and roles."""

    def __init__(self, sessions: Sessions, now: Callable[[], datetime]) -> None:
        self._sessions, self._now = sessions, now

    def identity(self, account: str, region: str) -> Identity:
        """Return who we are in an account.  Raises CollectError."""
        with translated("sts"):
            answer = self._sessions.looking("sts", account, region).get_caller_identity()
        said = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
        return Identity(answer["Arn"], parsedate_to_datetime(said).astimezone(UTC) if said else None)

    def denied(self, account: str, region: str) -> Mapping[str, str]:
        """Try each read; return what was denied.  Raises CollectError as soon as nobody answers."""
        denied: dict[str, str] = {}
        self._try_scaling(account, region, denied)
        self._try_metrics(account, region, denied)
        self._try_balancers(account, region, denied)
        self._try_services(account, region, denied)
        self._try_tasks(account, region, denied)
        self._try_parts(account, region, denied)
        return denied

    def _try_scaling(self, account: str, region: str, denied: dict[str, str]) -> None:
        with noted(denied, "application-autoscaling:DescribeScalableTargets"):
            scaling = self._client("application-autoscaling", account, region)
            scaling.describe_scalable_targets(ServiceNamespace="ecs", MaxResults=1)

    def _try_metrics(self, account: str, region: str, denied: dict[str, str]) -> None:
        metrics, now = self._client("cloudwatch", account, region), self._now()
        with noted(denied, "cloudwatch:DescribeAlarms"):
            metrics.describe_alarms(MaxRecords=1)
        with noted(denied, "cloudwatch:GetMetricData"):
            metrics.get_metric_data(
                MetricDataQueries=[query("AWS/ApplicationELB", "RequestCount", {}, "Sum")],
                StartTime=now - timedelta(minutes=1),
                EndTime=now,
            )

    def _try_balancers(self, account: str, region: str, denied: dict[str, str]) -> None:
        """Follow the first load balancer that speaks HTTP among the first target groups."""
        elbv2 = self._client("elbv2", account, region)
        groups: list[dict[str, Any]] = []
        listeners: list[str] = []
        with noted(denied, "elasticloadbalancing:DescribeTargetGroups"):
            groups = elbv2.describe_target_groups(PageSize=GROUPS_LOOKED_AT)["TargetGroups"]
        found = (arn for group in groups for arn in group.get("LoadBalancerArns", ()) if speaks_http(arn))
        balancer = next(found, None)
        if balancer is None:
            return
        with noted(denied, "elasticloadbalancing:DescribeLoadBalancers"):
            elbv2.describe_load_balancers(PageSize=1)
        with noted(denied, "elasticloadbalancing:DescribeListeners"):
            told = elbv2.describe_listeners(LoadBalancerArn=balancer, PageSize=1)["Listeners"]
            listeners = [one["ListenerArn"] for one in told]
        if listeners:
            with noted(denied, "elasticloadbalancing:DescribeRules"):
                elbv2.describe_rules(ListenerArn=listeners[0], PageSize=1)

    def _try_services(self, account: str, region: str, denied: dict[str, str]) -> None:
        """Follow the first service of the first cluster, as far as there is one and reading is allowed."""
        ecs = self._client("ecs", account, region)
        clusters: list[str] = []
        services: list[str] = []
        definitions: list[str] = []
        deployments: list[str] = []
        revisions: list[str] = []
        with noted(denied, "ecs:ListClusters"):
            clusters = ecs.list_clusters(maxResults=1)["clusterArns"]
        if clusters:
            with noted(denied, "ecs:DescribeClusters"):
                ecs.describe_clusters(clusters=clusters, include=["SETTINGS"])
        with noted(denied, "ecs:ListServices"):
            services = ecs.list_services(cluster=clusters[0], maxResults=1)["serviceArns"] if clusters else []
        if not services:
            return
        with noted(denied, "ecs:DescribeServices"):
            told = ecs.describe_services(cluster=clusters[0], services=services)["services"]
            definitions = [one["taskDefinition"] for one in told if one.get("taskDefinition")]
        if definitions:
            with noted(denied, "ecs:DescribeTaskDefinition"):
                ecs.describe_task_definition(taskDefinition=definitions[0])
        with noted(denied, "ecs:ListServiceDeployments"):
            listed = ecs.list_service_deployments(cluster=clusters[0], service=services[0], maxResults=1)
            deployments = [one["serviceDeploymentArn"] for one in listed["serviceDeployments"]]
            revisions = [one["targetServiceRevisionArn"] for one in listed["serviceDeployments"]]
        if deployments:
            with noted(denied, "ecs:DescribeServiceDeployments"):
                ecs.describe_service_deployments(serviceDeploymentArns=deployments)
            with noted(denied, "ecs:DescribeServiceRevisions"):
                ecs.describe_service_revisions(serviceRevisionArns=revisions)

    def _try_tasks(self, account: str, region: str, denied: dict[str, str]) -> None:
        """Follow the first task of the first cluster, as far as there is one and reading is allowed."""
        ecs = self._client("ecs", account, region)
        clusters: list[str] = []
        tasks: list[str] = []
        with noted(denied, "ecs:ListClusters"):
            clusters = ecs.list_clusters(maxResults=1)["clusterArns"]
        with noted(denied, "ecs:ListTasks"):
            tasks = ecs.list_tasks(cluster=clusters[0], maxResults=1)["taskArns"] if clusters else []
        if tasks:
            with noted(denied, "ecs:DescribeTasks"):
                ecs.describe_tasks(cluster=clusters[0], tasks=tasks)
            with noted(denied, "ecs:GetTaskProtection"):
                ecs.get_task_protection(cluster=clusters[0], tasks=tasks)

    def _try_parts(self, account: str, region: str, denied: dict[str, str]) -> None:
        """Ask for what is not there: whoever may not look is told so first."""
        with noted(denied, "ecr:DescribeImages"):
            self._client("ecr", account, region).describe_images(repositoryName=NOBODYS)
        with noted(denied, "secretsmanager:DescribeSecret"):
            self._client("secretsmanager", account, region).describe_secret(SecretId=NOBODYS)
        with noted(denied, "ssm:DescribeParameters"):
            self._client("ssm", account, region).describe_parameters(MaxResults=1)

    def queue(self, account: str, region: str, url: str) -> QueueLook:
        """Count what a queue and its dead letters hold.  Raises CollectError."""
        attributes = self._attributes(account, region, url)
        waiting = int(attributes["ApproximateNumberOfMessages"])
        redrive = json.loads(attributes.get("RedrivePolicy", "{}"))
        name = str(redrive.get("deadLetterTargetArn", "")).rpartition(":")[2]
        if not name:
            return QueueLook(waiting, None)
        letters = self._attributes(account, region, f"{url.rpartition('/')[0]}/{name}")
        dead = int(letters["ApproximateNumberOfMessages"])
        return QueueLook(waiting, dead, self._oldest_s(account, region, name) if dead else None)

    def bucket(self, account: str, region: str, name: str) -> BucketLook:
        """Look whether a bucket is there, in that region.  Raises CollectError."""
        try:
            with translated("s3"):
                self._client("s3", account, region).head_bucket(Bucket=name)
        except CollectError as problem:
            code = code_of(problem)
            if code not in BUCKET_TROUBLES:
                raise
            return BucketLook(None if code == "403" else False, BUCKET_TROUBLES[code])
        return BucketLook(reachable=True)

    def alarm(self, account: str, region: str, name: str) -> AlarmLook | None:
        """Return an alarm, or None if there is none of this name.  Raises CollectError."""
        with translated("cloudwatch"):
            found = self._client("cloudwatch", account, region).describe_alarms(AlarmNames=[name])
        for one in found["MetricAlarms"]:
            tells = bool(one.get("ActionsEnabled", True) and one.get("AlarmActions"))
            return AlarmLook(one["StateValue"], one.get("StateReason", ""), tells)
        return None

    def _client(self, service: str, account: str, region: str) -> Any:  # noqa: ANN401 - any service
        return self._sessions.looking(service, account, region)

    def _attributes(self, account: str, region: str, url: str) -> Mapping[str, str]:
        names = ["ApproximateNumberOfMessages", "RedrivePolicy"]
        with translated("sqs"):
            answer = self._client("sqs", account, region).get_queue_attributes(
                QueueUrl=url, AttributeNames=names
            )
        attributes: Mapping[str, str] = answer["Attributes"]
        return attributes

    def _oldest_s(self, account: str, region: str, name: str) -> float | None:
        """Return the age of a queue's oldest message, as far as CloudWatch tells it."""
        now = self._now()
        asked = query("AWS/SQS", "ApproximateAgeOfOldestMessage", {"QueueName": name}, "Maximum")
        try:
            with translated("cloudwatch"):
                told = self._client("cloudwatch", account, region).get_metric_data(
                    MetricDataQueries=[asked], StartTime=now - AGE_LOOKED_BACK, EndTime=now
                )
        except CollectError:
            return None
        return next(
            (float(values["Values"][0]) for values in told["MetricDataResults"] if values["Values"]), None
        )


@contextmanager
def noted(denied: dict[str, str], action: str) -> Iterator[None]:
    """Note an action that is denied; to be asked to slow down, or told "not there", proves it allowed."""
    try:
        with translated(action.partition(":")[0]):
            yield
    except DeniedError as problem:
        if code_of(problem) not in FORBIDDEN:
            raise
        denied[action] = str(problem)
    except ThrottledError:
        return
    except UnreachableError as problem:
        if code_of(problem) not in ABSENT:
            raise


def code_of(problem: CollectError) -> str:
    """Return what AWS called it; nothing where it was not AWS that said no."""
    cause = problem.__cause__
    return cause.response["Error"].get("Code", "") if isinstance(cause, ClientError) else ""


def query(namespace: str, metric: str, dimensions: Mapping[str, str], stat: str) -> dict[str, Any]:
    """Return a query of one metric by the minute."""
    named = [{"Name": name, "Value": value} for name, value in dimensions.items()]
    wanted = {"Namespace": namespace, "MetricName": metric, "Dimensions": named}
    return {"Id": "looked", "MetricStat": {"Metric": wanted, "Period": 60, "Stat": stat}}
