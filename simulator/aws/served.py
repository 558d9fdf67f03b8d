"""What of the services around ECS and CloudWatch is served: moto's answers that are true of the world.

moto answers far more than that: it would delete a load balancer that the world goes on using, or ask a bus
that hears nothing.  What is not named here is refused by name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from simulator.aws.contract import Service
from simulator.calls import ACCEPTED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from werkzeug.wrappers import Response

#: How an error names its code: in XML, and in JSON with or without its namespace.
CODE = re.compile(r'<Code>([^<]+)</Code>|"__type"\s*:\s*"(?:[^"#]*#)?([^"]+)"')
FAILED = 400


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A service that moto serves, and the operations that it serves truly.  Measured on moto 5.2."""

    service: Service
    operations: frozenset[str]


#: By the name in the credential scope of a signature.  The world follows no change of what stands before it,
#: so load balancers can only be looked at; the one bus that hears of the world is the default one.
NEIGHBOURS: Mapping[str, Neighbour] = {
    "elasticloadbalancing": Neighbour(
        Service("elbv2", "ValidationError"),
        frozenset(
            {
                "DescribeListeners",
                "DescribeLoadBalancerAttributes",
                "DescribeLoadBalancers",
                "DescribeRules",
                "DescribeTags",
                "DescribeTargetGroupAttributes",
                "DescribeTargetGroups",
                "DescribeTargetHealth",
            }
        ),
    ),
    "events": Neighbour(
        Service("events", "ValidationException"),
        frozenset(
            {
                "DeleteRule",
                "DescribeEventBus",
                "DescribeRule",
                "DisableRule",
                "EnableRule",
                "ListEventBuses",
                "ListRuleNamesByTarget",
                "ListRules",
                "ListTagsForResource",
                "ListTargetsByRule",
                "PutRule",
                "PutTargets",
                "RemoveTargets",
                "TagResource",
                "TestEventPattern",
                "UntagResource",
            }
        ),
    ),
    "sns": Neighbour(
        Service("sns", "InvalidParameter"),
        frozenset(
            {
                "CreateTopic",
                "DeleteTopic",
                "GetSubscriptionAttributes",
                "GetTopicAttributes",
                "ListSubscriptions",
                "ListSubscriptionsByTopic",
                "ListTagsForResource",
                "ListTopics",
                "Publish",
                "PublishBatch",
                "SetSubscriptionAttributes",
                "SetTopicAttributes",
                "Subscribe",
                "TagResource",
                "Unsubscribe",
                "UntagResource",
            }
        ),
    ),
    "sqs": Neighbour(
        Service("sqs", "InvalidParameterValue"),
        frozenset(
            {
                "ChangeMessageVisibility",
                "ChangeMessageVisibilityBatch",
                "CreateQueue",
                "DeleteMessage",
                "DeleteMessageBatch",
                "DeleteQueue",
                "GetQueueAttributes",
                "GetQueueUrl",
                "ListDeadLetterSourceQueues",
                "ListQueueTags",
                "ListQueues",
                "PurgeQueue",
                "ReceiveMessage",
                "SendMessage",
                "SendMessageBatch",
                "SetQueueAttributes",
                "TagQueue",
                "UntagQueue",
            }
        ),
    ),
    "s3": Neighbour(
        Service("s3", "InvalidRequest"),
        frozenset({"CreateBucket", "GetObject", "HeadBucket", "HeadObject", "ListObjectsV2", "PutObject"}),
    ),
    "sts": Neighbour(Service("sts", "ValidationError"), frozenset({"AssumeRole", "GetCallerIdentity"})),
}


def ending(response: Response) -> str:
    """Return how a call ended: accepted, or the code of the error that moto answered."""
    if response.status_code < FAILED:
        return ACCEPTED
    found = CODE.search(response.get_data(as_text=True))
    return next(filter(None, found.groups())) if found else str(response.status_code)
