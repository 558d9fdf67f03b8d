"""The ECS API: AWS's operations on the services of the world.

`call` takes and returns what boto3 would, with aware datetimes; it raises `simulator.refusal.Refusal`.
Every call that may change something is recorded, also when it is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.ecs import answers, protection, shifting
from simulator.ecs.definitions import behaviour_asked_for
from simulator.ecs.rollout import TURNING_BACK, Deployment, Status
from simulator.ecs.task import StopCode, Task
from simulator.ecs.update import update
from simulator.events import task_arn, task_state_change
from simulator.paging import page
from simulator.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from simulator.calls import Desk, Params
    from simulator.ecs.answers import Shape
    from simulator.ecs.errands import Errands
    from simulator.ecs.fleet import Fleet
    from simulator.ecs.service import Service
    from simulator.estate import Site
    from simulator.events import Owner

LISTED_DEFAULT = 10
SERVICES_MAX, DEPLOYMENTS_MAX, TASKS_MAX = 10, 20, 100


class Ecs:
    """Amazon ECS as a caller sees it."""

    def __init__(self, fleet: Fleet, errands: Errands, desk: Desk) -> None:
        self._fleet = fleet
        self._errands = errands
        self._desk = desk
        self._operations: dict[str, Callable[[Site, Params], Shape]] = {
            "ListClusters": self._list_clusters,
            "DescribeClusters": self._describe_clusters,
            "ListServices": self._list_services,
            "DescribeServices": self._describe_services,
            "ListTasks": self._list_tasks,
            "DescribeTasks": self._describe_tasks,
            "DescribeTaskDefinition": self._describe_task_definition,
            "ListServiceDeployments": self._list_service_deployments,
            "DescribeServiceDeployments": self._describe_service_deployments,
            "DescribeServiceRevisions": self._describe_service_revisions,
            "UpdateService": self._update_service,
            "StopServiceDeployment": self._stop_service_deployment,
            "ContinueServiceDeployment": self._continue_service_deployment,
            "StopTask": self._stop_task,
            "GetTaskProtection": self._get_task_protection,
            "UpdateTaskProtection": self._update_task_protection,
            "RegisterTaskDefinition": self._register_task_definition,
        }

    def call(self, operation: str, params: Params, *, region: str, account: str, caller: str) -> Shape:
        """Answer an operation.  Raises Refusal."""
        site = self._fleet.site(account, region)
        return self._desk.answer(
            "ecs",
            operation,
            params,
            lambda: self._answer(operation, site, params),
            account=account,
            region=region,
            caller=caller,
            placement=lambda: self._placement(site, params),
        )

    def _answer(self, operation: str, site: Site, params: Params) -> Shape:
        self._desk.admit(site.region)
        if operation not in self._operations:
            raise Refusal("UnknownOperationException", f"ecs:{operation} is not simulated yet.")
        return self._operations[operation](site, params)

    @property
    def _at(self) -> int:
        return int(self._desk.now)

    def _placement(self, site: Site, params: Params) -> int | None:
        """Return the index of the placement that a call is about, if it names one."""
        named = params.get("service") or params.get("serviceDeploymentArn") or ""
        task = str(params.get("task") or next(iter(params.get("tasks") or ()), "")).rsplit("/", 1)[-1]
        family = params.get("family")
        for service in self._fleet.services:
            place = service.place
            if place.site == site and (
                named in {place.service, place.service_arn}
                or f"service-deployment/{place.cluster}/{place.service}/" in named
                or family == place.service
                or (task and any(t.id == task for t in service.tasks))
            ):
                return place.index
        return None

    def _list_clusters(self, site: Site, params: Params) -> Shape:
        arns, rest = page(self._fleet.estate.clusters(site), params)
        return {"clusterArns": arns, **rest}

    def _describe_clusters(self, site: Site, params: Params) -> Shape:
        found, failures = [], []
        for name in params.get("clusters") or ["default"]:
            try:
                services = self._fleet.in_cluster(site, {"cluster": name})
            except Refusal:
                failures.append({"arn": name, "reason": "MISSING"})
                continue
            place = services[0].place
            found.append(
                {
                    "clusterArn": place.cluster_arn,
                    "clusterName": place.cluster,
                    "status": "ACTIVE",
                    "runningTasksCount": sum(service.running for service in services),
                    "pendingTasksCount": sum(service.pending for service in services),
                    "activeServicesCount": len(services),
                    "registeredContainerInstancesCount": 0,
                    "capacityProviders": ["FARGATE", "FARGATE_SPOT"],
                    "defaultCapacityProviderStrategy": [],
                    "settings": [{"name": "containerInsights", "value": place.insights}],
                    "tags": [],
                }
            )
        return {"clusters": found, "failures": failures}

    def _list_services(self, site: Site, params: Params) -> Shape:
        arns = [service.place.service_arn for service in self._fleet.in_cluster(site, params)]
        listed, rest = page(arns, params, size=LISTED_DEFAULT)
        return {"serviceArns": listed, **rest}

    def _describe_services(self, site: Site, params: Params) -> Shape:
        names = few(params.get("services", ()), SERVICES_MAX, "services")
        known: dict[str, Service] = {}
        for service in self._fleet.in_cluster(site, params):
            known |= {service.place.service: service, service.place.service_arn: service}
        tags = "TAGS" in params.get("include", ())
        return {
            "services": [answers.service(known[name], tags=tags) for name in names if name in known],
            "failures": [{"arn": name, "reason": "MISSING"} for name in names if name not in known],
        }

    def _list_tasks(self, site: Site, params: Params) -> Shape:
        stopped = params.get("desiredStatus", "RUNNING") == "STOPPED"
        family, started_by = params.get("family"), params.get("startedBy")
        name = params.get("serviceName")
        service = self._fleet.find(site, params, name) if name else None
        arns = [
            task_arn(owner, task)
            for owner, task in self._tasks(site, params)
            if service in {None, owner}
            and task.stopping is stopped
            and family in {None, owner.place.service}
            and started_by in {None, task.rollout.id}
        ]
        listed, rest = page(arns, params)
        return {"taskArns": listed, **rest}

    def _tasks(self, site: Site, params: Params) -> list[tuple[Owner, Task]]:
        """Return the tasks of a cluster, those of services first, with those that stopped lately."""
        services = self._fleet.in_cluster(site, params)
        kept = [(service, task) for service in services for task in [*service.tasks, *service.stopped]]
        return [*kept, *((each, task) for each in self._errands.at(site) for task in each.told(self._at))]

    def _describe_tasks(self, site: Site, params: Params) -> Shape:
        names = few(params.get("tasks", ()), TASKS_MAX, "tasks")
        known = {task.id: (owner, task) for owner, task in self._tasks(site, params)}
        found = [(name, known.get(name.rsplit("/", 1)[-1])) for name in names]
        return {
            "tasks": [answers.task(*pair) for _, pair in found if pair is not None],
            "failures": [{"arn": name, "reason": "MISSING"} for name, pair in found if pair is None],
        }

    def _describe_task_definition(self, site: Site, params: Params) -> Shape:
        definition = self._fleet.definitions[site].find(params["taskDefinition"])
        return {"taskDefinition": definition, "tags": []}

    def _list_service_deployments(self, site: Site, params: Params) -> Shape:
        service = self._fleet.find(site, params, params["service"])
        statuses, created = params.get("status"), params.get("createdAt") or {}
        briefs = [
            brief
            for brief in (answers.deployment_brief(service, d) for d in reversed(service.deployments))
            if (not statuses or brief["status"] in statuses)
            and ("after" not in created or brief["createdAt"] >= created["after"])
            and ("before" not in created or brief["createdAt"] <= created["before"])
        ]
        listed, rest = page(briefs, params, size=DEPLOYMENTS_MAX)
        return {"serviceDeployments": listed, **rest}

    def _describe_service_deployments(self, site: Site, params: Params) -> Shape:
        arns = few(params["serviceDeploymentArns"], DEPLOYMENTS_MAX, "serviceDeploymentArns")
        known = {d.arn: (s, d) for s in self._in(site) for d in s.deployments}
        return {
            "serviceDeployments": [answers.deployment(*known[arn]) for arn in arns if arn in known],
            "failures": [{"arn": arn, "reason": "MISSING"} for arn in arns if arn not in known],
        }

    def _describe_service_revisions(self, site: Site, params: Params) -> Shape:
        arns = few(params["serviceRevisionArns"], DEPLOYMENTS_MAX, "serviceRevisionArns")
        known = {d.target.arn: (s, d.target) for s in self._in(site) for d in s.deployments}
        return {
            "serviceRevisions": [answers.revision(*known[arn]) for arn in arns if arn in known],
            "failures": [{"arn": arn, "reason": "MISSING"} for arn in arns if arn not in known],
        }

    def _update_service(self, site: Site, params: Params) -> Shape:
        service = self._fleet.find(site, params, params["service"])
        also = self._fleet.yard.aws.update_service_deploys
        update(service, params, self._fleet.definitions[site], also, self._at)
        self._fleet.wake(service)
        return {"service": answers.service(service, tags=False)}

    def _stop_service_deployment(self, site: Site, params: Params) -> Shape:
        if params.get("stopType", "ROLLBACK") != "ROLLBACK":
            raise Refusal("UnsupportedFeatureException", "Only the stop type ROLLBACK is supported.")
        service, deployment = self._deployment(site, params["serviceDeploymentArn"])
        paused = deployment.shift is not None and deployment.shift.waiting is not None
        if paused and self._fleet.yard.aws.stop_at_pause == "refused":
            raise Refusal("ConflictException", "The service deployment waits at a lifecycle hook.")
        if deployment.status in {Status.PENDING, Status.IN_PROGRESS}:
            deployment.move(Status.ROLLBACK_REQUESTED, self._at, "Rollback requested by the user.")
            self._fleet.wake(service)
        elif deployment.status not in TURNING_BACK:  # asking again is harmless
            raise Refusal("ConflictException", f"The service deployment is already {deployment.status}.")
        return {"serviceDeploymentArn": deployment.arn}

    def _continue_service_deployment(self, site: Site, params: Params) -> Shape:
        service, deployment = self._deployment(site, params["serviceDeploymentArn"])
        action = params.get("action", shifting.CONTINUE)  # left out, it means: go on
        word = (params["hookId"], action)
        shifting.answer(service, deployment, self._fleet.yard, word, self._at)
        self._fleet.wake(service)
        return {"serviceDeploymentArn": deployment.arn}

    def _stop_task(self, site: Site, params: Params) -> Shape:
        wanted = params["task"].rsplit("/", 1)[-1]
        for service in self._fleet.in_cluster(site, params):
            for task in service.tasks:
                if task.id == wanted:
                    if task.protected(self._at) and self._fleet.yard.aws.stop_task_minds_protection:
                        raise Refusal("InvalidParameterException", "The task is protected from termination.")
                    if not task.stopping:
                        task.stop(self._at, StopCode.USER, params.get("reason", "Task stopped by user"))
                        self._fleet.wake(service)
                        event = task_state_change(service, task, self._at)
                        self._fleet.yard.tell(service, event, self._at)
                    return {"task": answers.task(service, task)}
        raise Refusal("InvalidParameterException", "The referenced task was not found.")

    def _get_task_protection(self, site: Site, params: Params) -> Shape:
        return protection.ask(self._fleet.in_cluster(site, params), params, self._at)

    def _update_task_protection(self, site: Site, params: Params) -> Shape:
        services = self._fleet.in_cluster(site, params)
        answer = protection.update(services, params, self._at)
        for service in services:
            self._fleet.wake(service)
        return answer

    def _register_task_definition(self, site: Site, params: Params) -> Shape:
        behaviour = behaviour_asked_for(params)
        definition = self._fleet.definitions[site].register(params, self._at)
        if behaviour is not None:
            self._fleet.yard.behaviours[definition["taskDefinitionArn"]] = behaviour
        return {"taskDefinition": definition, "tags": []}

    def _in(self, site: Site) -> list[Service]:
        return [service for service in self._fleet.services if service.place.site == site]

    def _deployment(self, site: Site, arn: str) -> tuple[Service, Deployment]:
        for service in self._in(site):
            for deployment in service.deployments:
                if deployment.arn == arn:
                    return service, deployment
        raise Refusal("ServiceDeploymentNotFoundException", "The service deployment was not found.")


def few(names: Sequence[str], most: int, what: str) -> Sequence[str]:
    """Refuse more names than the operation takes, or none."""
    if not 1 <= len(names) <= most:
        raise Refusal("InvalidParameterException", f"{what} takes 1 to {most} names, got {len(names)}.")
    return names
