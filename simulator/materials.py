"""What tasks are made of beside their task definition, as its keepers tell: images, secrets, parameters.

ECR, Secrets Manager and the Parameter Store only look here; what is lost is lost by a fault.
`call` takes and returns what boto3 would; it raises `simulator.refusal.Refusal`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from simulator import fate
from simulator.estate import Site
from simulator.events import digest_of
from simulator.moment import moment
from simulator.paging import page
from simulator.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from simulator.calls import Desk, Params
    from simulator.ecs.definitions import Definitions
    from simulator.estate import Place

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DESCRIBED_DEFAULT, PARAMETERS_MAX = 100, 50
KEPT_SINCE_S = 400 * 86_400


class Lost(NamedTuple):
    """One thing that was deleted: an image by `repository:tag`, a secret or parameter by its name."""

    site: Site
    kind: str
    name: str


class Materials:
    """Everything that is kept at each site, and what was deleted of it."""

    def __init__(
        self, places: tuple[Place, ...], definitions: Mapping[Site, Definitions], desk: Desk, at: int
    ) -> None:
        self._places, self._definitions, self._desk = places, definitions, desk
        self._since = at - KEPT_SINCE_S
        self.lost: set[Lost] = set()
        self._operations = {
            ("ecr", "DescribeImages"): self._describe_images,
            ("secretsmanager", "DescribeSecret"): self._describe_secret,
            ("ssm", "DescribeParameters"): self._describe_parameters,
        }

    def call(  # noqa: PLR0913 - the parts of a call, of one of three services
        self, api: str, operation: str, params: Params, *, region: str, account: str, caller: str
    ) -> dict[str, Any]:
        """Answer an operation.  Raises Refusal."""
        return self._desk.answer(
            api,
            operation,
            params,
            lambda: self._answer(api, operation, params, Site(account, region)),
            account=account,
            region=region,
            caller=caller,
        )

    def _answer(self, api: str, operation: str, params: Params, site: Site) -> dict[str, Any]:
        self._desk.admit(site.region)
        found = self._operations.get((api, operation))
        if found is None:
            raise Refusal("UnknownOperationException", f"{api}:{operation} is not simulated yet.")
        return found(site, params)

    def _images(self, site: Site, repository: str) -> Iterator[tuple[str, str]]:
        """Yield tag and digest of every image of a repository, in which there is one for each revision."""
        catalogue = self._definitions.get(site)
        for definition in catalogue.families.get(repository, ()) if catalogue else ():
            image = str(definition["containerDefinitions"][0].get("image", ""))
            named, _, tag = image.rpartition("/")[2].partition(":")
            if named == repository and Lost(site, "image", f"{repository}:{tag}") not in self.lost:
                yield tag, digest_of(image)

    def _describe_images(self, site: Site, params: Params) -> dict[str, Any]:
        registry, repository = params.get("registryId") or site.account, params["repositoryName"]
        owner = Site(registry, site.region)
        if not any(place.site == owner and place.service == repository for place in self._places):
            named = f"The repository with name '{repository}' does not exist in the registry '{registry}'"
            raise Refusal("RepositoryNotFoundException", named)
        images = dict(self._images(owner, repository))
        wanted = params.get("imageIds") or [{"imageTag": tag} for tag in images]
        found = [
            {
                "registryId": registry,
                "repositoryName": repository,
                "imageDigest": digest,
                "imageTags": [tag],
                "imageManifestMediaType": MANIFEST,
            }
            for one in wanted
            for tag, digest in images.items()
            if tag == one.get("imageTag", tag) and digest == one.get("imageDigest", digest)
        ]
        if len(found) < len(wanted):
            raise Refusal("ImageNotFoundException", f"An image of {wanted} does not exist in {repository}.")
        described, rest = page(found, params, size=DESCRIBED_DEFAULT, most=1000)
        return {"imageDetails": described, **rest}

    def _describe_secret(self, site: Site, params: Params) -> dict[str, Any]:
        for place in self._places:
            for name in place.spec.secrets if place.site == site else ():
                arn = secret_arn(place, name)
                if params["SecretId"] in {arn, name} and Lost(site, "secret", name) not in self.lost:
                    version = fate.uuid("secret", arn)
                    stages = {version: ["AWSCURRENT"]}
                    return {"ARN": arn, "Name": name, "VersionIdsToStages": stages}
        raise Refusal("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")

    def _describe_parameters(self, site: Site, params: Params) -> dict[str, Any]:
        names = [n for place in self._places if place.site == site for n in place.spec.parameters]
        there = [name for name in dict.fromkeys(names) if Lost(site, "parameter", name) not in self.lost]
        for wanted in params.get("ParameterFilters") or ():
            if (wanted.get("Key"), wanted.get("Option", "Equals")) != ("Name", "Equals"):
                raise Refusal("InvalidFilterKey", f"Parameters filtered by {wanted} are not simulated yet.")
            there = [name for name in there if name in (wanted.get("Values") or ())]
        turn = {"maxResults": params.get("MaxResults", PARAMETERS_MAX), "nextToken": params.get("NextToken")}
        listed, rest = page(there, turn, size=PARAMETERS_MAX, most=PARAMETERS_MAX)
        token = {"NextToken": rest["nextToken"]} if rest else {}
        kept = [
            {"Name": name, "Type": "SecureString", "LastModifiedDate": moment(self._since)} for name in listed
        ]
        return {"Parameters": kept, **token}


def secret_arn(place: Place, name: str) -> str:
    """Return the ARN of a secret, with the letters that AWS adds to its name."""
    added = fate.hexadecimal(6, "secret", *place.site, name)
    return f"arn:aws:secretsmanager:{place.region}:{place.account}:secret:{name}-{added}"


def given(place: Place) -> list[dict[str, str]]:
    """Return what the container of a service is given from secrets and parameters, as ECS is told it."""
    held = [(name, secret_arn(place, name)) for name in place.spec.secrets]
    held += [(name, place.arn("parameter", name.lstrip("/"), api="ssm")) for name in place.spec.parameters]
    return [{"name": variable(name), "valueFrom": source} for name, source in held]


def variable(name: str) -> str:
    """Return the environment variable that holds a secret."""
    return "".join(letter if letter.isalnum() else "_" for letter in name.lstrip("/")).upper()
