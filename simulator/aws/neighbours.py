"""The AWS services around ECS and CloudWatch: moto's server, kept to those that it serves truly.

Everything else is refused by name: a service that answers nonsense is worse than one that is missing.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any

from moto.backends import get_backend
from moto.core.base_backend import BackendDict
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.wrappers import Response

from simulator.aws.served import NEIGHBOURS
from simulator.balancing import (
    HTTP_PORT,
    HTTPS_PORT,
    NOBODY,
    TLS_POLICY,
    by_host,
    certificate,
    forward,
    fronts,
    listener_arn,
)
from simulator.refusal import Refusal

if TYPE_CHECKING:
    from wsgiref.types import WSGIEnvironment

    from moto.ec2.models import EC2Backend
    from moto.elbv2.models import ELBv2Backend

    from simulator.estate import Estate, Place, Site

LOG = logging.getLogger(__name__)
SERVER_FAULT = 500
HTML = re.compile(r"\s*<(!doctype html|html)", re.IGNORECASE)


class Neighbours:
    """moto, with the estate's load balancers in it."""

    def __init__(self, estate: Estate) -> None:
        self.home = estate.home
        self._server = DomainDispatcherApplication(create_backend_app)
        forget()
        for site in estate.sites:
            seed(site, [place for place in estate.places if place.site == site])

    def answer(self, environ: WSGIEnvironment, service: str, operation: str, account: str) -> Response:
        """Let moto answer a request as this account; raise `Refusal` for all that is not served truly."""
        neighbour = NEIGHBOURS.get(service)
        if neighbour is None or operation not in neighbour.operations:
            raise unserved(service, operation)
        environ["HTTP_X_MOTO_ACCOUNT_ID"] = account
        try:
            response = Response.from_app(self._server, environ, buffered=True)
        except NotImplementedError:
            raise unserved(service, operation) from None
        if response.status_code >= SERVER_FAULT or (service != "s3" and _page(response)):
            LOG.warning("moto answered %s to %s of %s", response.status, operation, service)
            raise unserved(service, operation)
        return response


def _page(response: Response) -> bool:
    """Whether moto answers with a page of its own; an object of S3 may be one."""
    return bool(HTML.match(response.get_data(as_text=True)))


def unserved(service: str, operation: str) -> Refusal:
    """Refuse what is not simulated, in AWS's own form."""
    what = operation or "this operation"
    return Refusal("UnknownOperationException", f"the simulator does not serve {what} of {service}")


def forget() -> None:
    """Empty moto: its backends live as long as the process."""
    for name in ("ec2", "elbv2", "events", "iam", "s3", "sns", "sqs", "sts"):
        backends = get_backend(name)
        if isinstance(backends, BackendDict):
            backends.reset()


def seed(site: Site, places: list[Place]) -> None:
    """Stand up what is before the places of a site, under the names that the world gave it."""
    account, region = site
    network, balancers = get_backend("ec2")[account][region], get_backend("elbv2")[account][region]
    queues = get_backend("sqs")[account][region]
    for place in places:
        if place.spec.queue is not None:
            queues.create_queue(place.spec.queue.name, {})
    for sharers in fronts(places, site).values():
        _stand_balancer(balancers, sharers, network)


def _stand_balancer(balancers: ELBv2Backend, places: list[Place], network: EC2Backend) -> None:
    """Make a load balancer whose one listener tells the target groups of these places apart by host."""
    first = places[0]
    subnets = [one for one in network.describe_subnets() if one.availability_zone in first.zones]
    name = first.load_balancer.split("/")[1]
    balancer = balancers.create_load_balancer(name, [], [one.id for one in subnets])
    _rename(balancers.load_balancers, balancer, first.load_balancer_arn)
    if len(places) == 1:
        balancers.tagging_service.tag_resource(first.load_balancer_arn, _tags(first))
    listener = balancers.create_listener(
        first.load_balancer_arn, "HTTPS", str(HTTPS_PORT), TLS_POLICY, certificate(first), [NOBODY]
    )
    _rename(balancer.listeners, listener, listener_arn(first))
    for priority, place in enumerate(places, start=1):
        _stand_group(balancers, place, subnets[0].vpc_id)
        balancers.create_rule(listener.arn, by_host(place), priority, [forward(place)])


def _stand_group(balancers: ELBv2Backend, place: Place, vpc: str) -> None:
    group = balancers.create_target_group(
        place.target_group.split("/")[1], vpc_id=vpc, protocol="HTTP", port=str(HTTP_PORT), target_type="ip"
    )
    _rename(balancers.target_groups, group, place.target_group_arn)
    balancers.tagging_service.tag_resource(place.target_group_arn, _tags(place))


def _tags(place: Place) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in place.tags.items()]


def _rename(registry: dict[str, Any], resource: Any, arn: str) -> None:  # noqa: ANN401 - one of several classes of moto
    """Give a resource the world's ARN: moto makes up a new one at every start."""
    del registry[resource.arn]
    resource.arn = arn
    registry[arn] = resource
