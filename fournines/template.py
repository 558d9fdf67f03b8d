"""What fournines needs on the AWS side, as CloudFormation and IAM: queues, rules, the alarm on its silence.

Not yet tried on a real account; rules, queues and the alarm are what the simulated AWS is set up with, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from collector.beacon import DIMENSION, METRIC, NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from slo.cells import Placement

#: A queue keeps what arrives while fournines is down, as long as SQS can.
RETENTION_S = 14 * 24 * 3600
#: After so many receipts without a delete, an event goes to the dead letters, where it can be seen.
RECEIPTS_MAX = 20
#: How long a received event is hidden: far longer than it takes to store it.
VISIBILITY_S = 60

#: The alarm rings when so many of so many minutes brought no beat.  Beats a minute apart can leave one minute
#: empty and put two into the next, again and again, but never leave two empty in a row.
SILENT_MINUTES, JUDGED_MINUTES = 3, 4
BEAT_PERIOD_S = 60

#: What is listened to, by the name of the rule.
RULES: Mapping[str, Mapping[str, Sequence[str]]] = {
    "EcsEvents": {
        "source": ["aws.ecs"],
        "detail-type": [
            "ECS Task State Change",
            "ECS Container Instance State Change",
            "ECS Service Action",
            "ECS Deployment State Change",
            "ECS Hook State Change",
        ],
    },
    "AlarmEvents": {"source": ["aws.cloudwatch"], "detail-type": ["CloudWatch Alarm State Change"]},
    "SpotEvents": {
        "source": ["aws.ec2"],
        "detail-type": ["EC2 Spot Instance Interruption Warning", "EC2 Instance Rebalance Recommendation"],
    },
    "CodeDeployEvents": {
        "source": ["aws.codedeploy"],
        "detail-type": ["CodeDeploy Deployment State-change Notification"],
    },
    "HealthEvents": {"source": ["aws.health"], "detail-type": ["AWS Health Event"]},
}

#: What the stack asks of who creates it.
PARAMETERS: Mapping[str, Mapping[str, Any]] = {
    "WatchHeartbeat": {
        "Type": "String",
        "AllowedValues": ["no", "yes"],
        "Default": "no",
        "Description": "yes in the regions of heartbeat.regions: an alarm rings when fournines is silent",
    },
    "HeartbeatName": {
        "Type": "String",
        "AllowedPattern": "[A-Za-z0-9._-]{1,64}",
        "Default": "fournines",
        "Description": "heartbeat.name in fournines.yaml",
    },
    "AlarmEmail": {
        "Type": "String",
        "Default": "",
        "Description": "who is told of the silence; AWS asks this address to confirm; empty for nobody",
    },
}

#: What reading needs.  These actions take no resource, or are asked for everything that is there.
READS = (
    "application-autoscaling:DescribeScalableTargets",
    "arc-zonal-shift:GetManagedResource",
    "cloudwatch:DescribeAlarms",
    "cloudwatch:GetMetricData",
    "ec2:DescribeAvailabilityZones",
    "ecr:DescribeImages",
    "ecs:DescribeClusters",
    "ecs:DescribeServiceDeployments",
    "ecs:DescribeServiceRevisions",
    "ecs:DescribeServices",
    "ecs:DescribeTaskDefinition",
    "ecs:DescribeTasks",
    "ecs:GetTaskProtection",
    "ecs:ListClusters",
    "ecs:ListServiceDeployments",
    "ecs:ListServices",
    "ecs:ListTasks",
    "elasticloadbalancing:DescribeListeners",
    "elasticloadbalancing:DescribeLoadBalancers",
    "elasticloadbalancing:DescribeRules",
    "elasticloadbalancing:DescribeTargetGroups",
    "secretsmanager:DescribeSecret",
    "ssm:DescribeParameters",
)

#: What is done to one deployment of a service.
OF_DEPLOYMENTS = frozenset({"ecs:ContinueServiceDeployment", "ecs:StopServiceDeployment"})

#: Deploying a task definition hands its roles to tasks; they may be handed to nothing else.
HANDS_ROLES = "iam:PassRole"
ONLY_TO_TASKS = {"Condition": {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}}


@dataclass(frozen=True, slots=True)
class Archived:
    """The bucket that statements are put into, and under what."""

    bucket_arn: str
    prefix: str
    kms_key: str | None = None


def template() -> dict[str, Any]:
    """Return one region's CloudFormation template: its queue, the rules that fill it, and the alarm."""
    rules = {name: _rule(pattern) for name, pattern in RULES.items()}
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "fournines: this region's queue of events, and the alarm on fournines' own silence",
        "Parameters": PARAMETERS,
        "Conditions": {
            "Watched": {"Fn::Equals": [{"Ref": "WatchHeartbeat"}, "yes"]},
            "Mailed": {
                "Fn::And": [
                    {"Condition": "Watched"},
                    {"Fn::Not": [{"Fn::Equals": [{"Ref": "AlarmEmail"}, ""]}]},
                ]
            },
        },
        "Resources": {
            "DeadLetters": _queue(),
            "Events": _queue("DeadLetters"),
            "Access": _access(rules),
            **rules,
            "Silence": {"Type": "AWS::SNS::Topic", "Condition": "Watched"},
            "SilenceMail": {
                "Type": "AWS::SNS::Subscription",
                "Condition": "Mailed",
                "Properties": {
                    "TopicArn": {"Ref": "Silence"},
                    "Protocol": "email",
                    "Endpoint": {"Ref": "AlarmEmail"},
                },
            },
            "HeartbeatAlarm": {
                "Type": "AWS::CloudWatch::Alarm",
                "Condition": "Watched",
                "Properties": alarm({"Ref": "HeartbeatName"}, {"Ref": "Silence"})
                | {"AlarmName": {"Fn::Sub": alarm_name("${HeartbeatName}")}},
            },
        },
        "Outputs": {
            "QueueUrl": {"Description": "for aws.queues in fournines.yaml", "Value": {"Ref": "Events"}},
            "QueueArn": {"Value": {"Fn::GetAtt": ["Events", "Arn"]}},
            "DeadLettersUrl": {"Value": {"Ref": "DeadLetters"}},
            "SilenceTopicArn": {
                "Condition": "Watched",
                "Description": "subscribe whoever is to be told that fournines is silent",
                "Value": {"Ref": "Silence"},
            },
        },
    }


def alarm_name(instance: str) -> str:
    """Return what the alarm on an instance's heartbeat is called."""
    return f"fournines-heartbeat-{instance}"


def alarm(instance: object, topic: object) -> dict[str, Any]:
    """Return the alarm on a heartbeat, all but its name; silence is a breach, and its end is told too."""
    return {
        "AlarmDescription": "fournines leaves no sign of life: see its runbook fournines-silent",
        "Namespace": NAMESPACE,
        "MetricName": METRIC,
        "Dimensions": [{"Name": DIMENSION, "Value": instance}],
        "Statistic": "Sum",
        "Period": BEAT_PERIOD_S,
        "EvaluationPeriods": JUDGED_MINUTES,
        "DatapointsToAlarm": SILENT_MINUTES,
        "Threshold": 1,
        "ComparisonOperator": "LessThanThreshold",
        "TreatMissingData": "breaching",
        "AlarmActions": [topic],
        "OKActions": [topic],
    }


def _queue(dead_letters: str | None = None) -> dict[str, Any]:
    properties: dict[str, Any] = {"MessageRetentionPeriod": RETENTION_S, "SqsManagedSseEnabled": True}
    if dead_letters:
        target = {"Fn::GetAtt": [dead_letters, "Arn"]}
        properties["VisibilityTimeout"] = VISIBILITY_S
        properties["RedrivePolicy"] = {"deadLetterTargetArn": target, "maxReceiveCount": RECEIPTS_MAX}
    return {"Type": "AWS::SQS::Queue", "Properties": properties}


def _rule(pattern: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    target = {
        "Id": "fournines",
        "Arn": {"Fn::GetAtt": ["Events", "Arn"]},
        "DeadLetterConfig": {"Arn": {"Fn::GetAtt": ["DeadLetters", "Arn"]}},
    }
    return {"Type": "AWS::Events::Rule", "Properties": {"EventPattern": pattern, "Targets": [target]}}


def _access(rules: Iterable[str]) -> dict[str, Any]:
    """Let these rules, and no other sender, write into the two queues."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": "*",
        "Condition": {"ArnEquals": {"aws:SourceArn": [{"Fn::GetAtt": [name, "Arn"]} for name in rules]}},
    }
    queues = [{"Ref": "Events"}, {"Ref": "DeadLetters"}]
    document = {"Version": "2012-10-17", "Statement": [statement]}
    return {"Type": "AWS::SQS::QueuePolicy", "Properties": {"Queues": queues, "PolicyDocument": document}}


def permissions(
    queue_arns: Iterable[str],
    may_change: Mapping[Placement, Iterable[str]],
    roles: Iterable[str] = (),
    archive: Archived | None = None,
) -> dict[str, Any]:
    """Return the IAM policy: reading, heartbeat, its own queues, and just the changes that policies allow.

    `may_change` maps placements to IAM actions; without a policy that proposes or acts it is empty, and the
    service then cannot change anything, whatever it decides.  `roles` are those that it assumes in accounts;
    each of them needs these permissions, too.  `archive` is where statements are put.
    """
    arns = sorted(queue_arns)
    statements: list[dict[str, Any]] = [
        {"Sid": "Read", "Effect": "Allow", "Action": list(READS), "Resource": "*"},
        {
            "Sid": "Beat",
            "Effect": "Allow",
            "Action": "cloudwatch:PutMetricData",
            "Resource": "*",
            "Condition": {"StringEquals": {"cloudwatch:namespace": NAMESPACE}},
        },
        *(_listening(arns) if arns else ()),
        *(_archiving(archive) if archive else ()),
    ]
    if assumed := sorted(roles):
        statements.append(
            {"Sid": "Assume", "Effect": "Allow", "Action": "sts:AssumeRole", "Resource": assumed}
        )
    granted: dict[str, set[str]] = {}
    for placement, actions in may_change.items():
        for action in actions:
            granted.setdefault(action, set()).add(_resource(action, placement))
    statements += [
        {"Sid": f"Change{number}", "Effect": "Allow", "Action": action, "Resource": sorted(granted[action])}
        | (ONLY_TO_TASKS if action == HANDS_ROLES else {})
        for number, action in enumerate(sorted(granted), 1)
    ]
    return {"Version": "2012-10-17", "Statement": statements}


def _archiving(archive: Archived) -> Iterator[dict[str, Any]]:
    """Yield what putting statements into a bucket needs, and looking whether it is there."""
    yield {
        "Sid": "PutStatements",
        "Effect": "Allow",
        "Action": "s3:PutObject",
        "Resource": f"{archive.bucket_arn}/{archive.prefix}*",
    }
    yield {
        "Sid": "FindBucket",
        "Effect": "Allow",
        "Action": "s3:ListBucket",
        "Resource": archive.bucket_arn,
    }
    if archive.kms_key:
        yield {
            "Sid": "EncryptStatements",
            "Effect": "Allow",
            "Action": "kms:GenerateDataKey",
            "Resource": archive.kms_key,
        }


def _listening(arns: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield what reading the queues needs, and counting their dead letters, as the template calls them."""
    taken = ["DeleteMessage", "DeleteMessageBatch", "GetQueueAttributes", "ReceiveMessage"]
    dead = sorted({f"{arn.rpartition(':')[0]}:*DeadLetters*" for arn in arns})
    yield {"Sid": "Listen", "Effect": "Allow", "Action": [f"sqs:{one}" for one in taken], "Resource": arns}
    yield {
        "Sid": "CountDeadLetters",
        "Effect": "Allow",
        "Action": "sqs:GetQueueAttributes",
        "Resource": dead,
    }


def _resource(action: str, placement: Placement) -> str:
    """Return the narrowest resource that the action takes."""
    if action == HANDS_ROLES:  # the roles that a task definition names, whichever they are
        return f"{placement.arn.split(':ecs:')[0]}:iam::{placement.account}:role/*"
    if action in OF_DEPLOYMENTS:
        return placement.arn.replace(":service/", ":service-deployment/") + "/*"
    if action == "ecs:StopTask":  # a task's ARN names its cluster, and no service
        return f"{placement.arn.partition(':service/')[0]}:task/{placement.cluster}/*"
    if action.startswith("arc-zonal-shift:"):
        balancers = f"elasticloadbalancing:{placement.region}:{placement.account}:loadbalancer/app/*"
        return f"{placement.arn.partition(':ecs:')[0]}:{balancers}"
    if action.startswith("application-autoscaling:"):
        targets = f"application-autoscaling:{placement.region}:{placement.account}:scalable-target/*"
        return f"{placement.arn.partition(':ecs:')[0]}:{targets}"
    return placement.arn
