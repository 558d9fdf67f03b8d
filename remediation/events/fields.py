"""Reading an untrusted JSON document: a field is there with the right shape, or it is empty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from collector.runs import family_of
from slo.cells import Placement

#: How much of one text is kept; AWS bounds its reasons at 1,024 characters, alarms at 1,023.
TEXT_MAX = 2_000
#: So many items of one list are read; a task holds 10 containers, an alarm 20 metrics [quotas of both].
ITEMS_MAX = 100
#: Such as "Fri, 27 Jan 2023 06:02:51 GMT" [AWS Health, EventBridge schema].
HEALTH_TIME = "%a, %d %b %Y %H:%M:%S %z"
#: What a database keeps as a whole number.
NUMBER_MAX = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Fields:
    """A JSON object that answers questions without ever failing."""

    data: Mapping[str, Any]

    @classmethod
    def of(cls, value: object) -> Fields:
        """Wrap an object; anything else is an empty one."""
        return cls(value if isinstance(value, Mapping) else {})

    def text(self, *names: str) -> str:
        """Return the first of these fields that holds text, cut to a bound and free of lone surrogates."""
        found = (self.data.get(name) for name in names)
        text = next((value for value in found if isinstance(value, str) and value), "")
        return clean(text[:TEXT_MAX])

    def number(self, name: str) -> int | None:
        """Return a whole number that can be kept, or None."""
        value = self.data.get(name)
        if not isinstance(value, int) or isinstance(value, bool):
            return None
        return value if -NUMBER_MAX <= value <= NUMBER_MAX else None

    def inner(self, *path: str) -> Fields:
        """Return an object within, empty when any step of the path is missing."""
        return self if not path else Fields.of(self.data.get(path[0])).inner(*path[1:])

    def each(self, name: str) -> tuple[Fields, ...]:
        """Return the objects of a list, as many as are read."""
        return tuple(Fields(item) for item in self._items(name) if isinstance(item, Mapping))

    def texts(self, name: str) -> tuple[str, ...]:
        """Return the texts of a list, as many as are read."""
        return tuple(clean(item[:TEXT_MAX]) for item in self._items(name) if isinstance(item, str))

    def _items(self, name: str) -> Sequence[object]:
        value = self.data.get(name)
        return value[:ITEMS_MAX] if isinstance(value, Sequence) and not isinstance(value, str) else ()


def clean(text: str) -> str:
    """Return a text that every database keeps: without lone surrogates and zero characters."""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\x00", "\ufffd")


def moment(text: str) -> datetime | None:
    """Read an ISO 8601 time, `Z` and `+0000` included, or one as AWS Health writes it.

    None for a placeholder or nonsense.
    """
    try:
        if text.endswith(" GMT"):
            return datetime.strptime(text.replace("GMT", "+0000"), HEALTH_TIME).astimezone(UTC)
        read = datetime.fromisoformat(text)
        return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def arn_part(arn: str, position: int) -> str:
    """Return one part of an ARN (3 is the region, 4 the account, 5 the resource), empty when it is none."""
    parts = arn.split(":", 5)
    return parts[position] if len(parts) == 6 and parts[0] == "arn" else ""  # noqa: PLR2004 - the parts of an ARN


def placement_of_service(service_arn: str, cluster_arn: str = "") -> Placement | None:
    """Return the placement of a service ARN; the short form of before 2021 needs the cluster's beside it."""
    names = arn_part(service_arn, 5).split("/")
    if names[0] != "service":
        return None
    return _placement(service_arn, names[1] if len(names) > 2 else _cluster(cluster_arn), names[-1])  # noqa: PLR2004


def placement_of_deployment(deployment_arn: str) -> Placement | None:
    """Return the placement of a service deployment's ARN, which names cluster and service."""
    names = arn_part(deployment_arn, 5).split("/")
    if names[0] != "service-deployment" or len(names) != 4:  # noqa: PLR2004 - cluster, service and its own id
        return None
    return _placement(deployment_arn, names[1], names[2])


def placement_of_group(group: str, cluster_arn: str) -> Placement | None:
    """Return the placement of a task whose group is `service:NAME`; a standalone task has none."""
    kind, _, name = group.partition(":")
    return _placement(cluster_arn, _cluster(cluster_arn), name) if kind == "service" else None


def placement_of_family(definition_arn: str, cluster_arn: str) -> Placement | None:
    """Return what a task of no service is filed under, by its task definition and its cluster."""
    family = arn_part(definition_arn, 5).removeprefix("task-definition/").partition(":")[0]
    try:
        where = arn_part(cluster_arn, 4), arn_part(cluster_arn, 3), _cluster(cluster_arn)
        return family_of(*where, family) if family else None
    except ValueError:
        return None


def _cluster(cluster_arn: str) -> str:
    kind, _, name = arn_part(cluster_arn, 5).partition("/")
    return name if kind == "cluster" else ""


def _placement(arn: str, cluster: str, service: str) -> Placement | None:
    try:
        return Placement(account=arn_part(arn, 4), region=arn_part(arn, 3), cluster=cluster, service=service)
    except ValueError:
        return None
