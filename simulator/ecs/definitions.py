"""Task definitions: families and their revisions, one catalogue per account and region."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from simulator.ecs.rollout import Behaviour
from simulator.materials import given
from simulator.moment import moment
from simulator.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from simulator.estate import Place

KIND = "task-definition"
CPU, MEMORY = "1024", "2048"
KEPT = ("containerDefinitions", "cpu", "memory", "networkMode", "requiresCompatibilities", "executionRoleArn")


#: With these in a container's environment, whoever registers a definition says how its tasks will behave.
ERROR_RATIO, HEALTH = "SIMULATED_ERROR_RATIO", "SIMULATED_HEALTH"


def behaviour_asked_for(params: Mapping[str, Any]) -> Behaviour | None:
    """Read the behaviour that a definition's environment asks for.  Raises Refusal."""
    pairs = [pair for c in params.get("containerDefinitions", ()) for pair in c.get("environment", ())]
    asked = {pair.get("name"): str(pair.get("value")) for pair in pairs}
    if not {ERROR_RATIO, HEALTH} & set(asked):
        return None
    try:
        ratio = float(asked.get(ERROR_RATIO, "0"))
    except ValueError:
        ratio = -1.0
    if not 0 <= ratio <= 1 or asked.get(HEALTH, "never") != "never":
        raise Refusal(
            "ClientException", f"{ERROR_RATIO} is a number from 0 to 1, {HEALTH} is 'never'; got {asked}."
        )
    return Behaviour(error_ratio=ratio, failing=True, becomes_healthy=HEALTH not in asked)


@dataclass(slots=True)
class Definitions:
    """The task definitions of one account in one region; `[family][n]` is revision n + 1 of the family."""

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
            "compatibilities": ["EXTERNAL", "EC2", "FARGATE"],
            "registeredAt": moment(at),
            **{key: params[key] for key in KEPT if key in params},
        }
        revisions.append(definition)
        return definition

    def again(self, place: Place, at: int, image: str) -> str:
        """Register the family of a place once more with another image tag; return the ARN."""
        family, launch = place.service, place.spec.launch.upper()
        container = {"name": family, "image": image, "essential": True, "cpu": 0, "memory": int(MEMORY)}
        if secrets := given(place):
            container["secrets"] = secrets
        params = {
            "family": family,
            "containerDefinitions": [container],
            "requiresCompatibilities": [launch],
            "networkMode": "awsvpc" if place.on_fargate else "bridge",
        }
        return str(self.register(params, at)["taskDefinitionArn"])

    def image(self, name: str) -> str:
        """Return the image of a definition's first container."""
        return str(self.find(name)["containerDefinitions"][0].get("image", ""))

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
