"""Task definitions: families and their revisions, one catalogue per region."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from simulator.moment import moment
from simulator.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

KIND = "task-definition"
CPU, MEMORY = "1024", "2048"
KEPT = ("containerDefinitions", "cpu", "memory", "networkMode", "requiresCompatibilities", "executionRoleArn")


@dataclass(slots=True)
class Definitions:
    """The task definitions of one region; `[family][n]` is revision n + 1 of the family."""

    region: str
    account: str
    families: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def register(self, params: Mapping[str, Any], at: int) -> dict[str, Any]:
        """Add a revision to a family and return it."""
        family = params.get("family")
        if not family or not params.get("containerDefinitions"):
            raise Refusal("ClientException", "A task definition needs a family and containerDefinitions.")
        revisions = self.families.setdefault(family, [])
        revision = len(revisions) + 1
        definition = {
            "taskDefinitionArn": f"arn:aws:ecs:{self.region}:{self.account}:{KIND}/{family}:{revision}",
            "family": family,
            "revision": revision,
            "status": "ACTIVE",
            "networkMode": "awsvpc",
            "requiresCompatibilities": ["FARGATE"],
            "cpu": CPU,
            "memory": MEMORY,
            "volumes": [],
            "registeredAt": moment(at),
            **{key: params[key] for key in KEPT if key in params},
        }
        revisions.append(definition)
        return definition

    def again(self, family: str, at: int, image: str) -> str:
        """Register a family once more with another image tag; return the ARN."""
        container = {"name": family, "image": image, "essential": True, "cpu": 0, "memory": int(MEMORY)}
        return str(
            self.register({"family": family, "containerDefinitions": [container]}, at)["taskDefinitionArn"]
        )

    def find(self, name: str) -> dict[str, Any]:
        """Return a definition by ARN, `family:revision`, or family: then the newest."""
        family, _, revision = name.rsplit("/", 1)[-1].partition(":")
        revisions = self.families.get(family, [])
        if (
            not revisions
            or (revision and not revision.isdigit())
            or (revision and not 1 <= int(revision) <= len(revisions))
        ):
            raise Refusal("ClientException", f"Unable to describe task definition {name}.")
        return revisions[int(revision) - 1 if revision else -1]
