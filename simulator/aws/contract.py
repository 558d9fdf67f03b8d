"""What AWS promises of the services that the world serves: botocore's own models, asked for everything."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from botocore.utils import parse_timestamp
from moto.core.utils import get_service_model

from simulator.refusal import Refusal

if TYPE_CHECKING:
    from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape
    from moto.core.model import OperationModel, ServiceModel

Params = dict[str, Any]

#: What a scalar may be in a decoded request, and its name in a complaint.
SCALARS: Mapping[str, tuple[tuple[type, ...], str]] = {
    "string": ((str,), "a string"),
    "character": ((str,), "a string"),
    "integer": ((int,), "an integer"),
    "long": ((int,), "an integer"),
    "float": ((int, float), "a number"),
    "double": ((int, float), "a number"),
    "boolean": ((bool,), "true or false"),
}


@dataclass(frozen=True, slots=True)
class Service:
    """One AWS service: its name in SDKs, and the code with which it answers parameters that are wrong."""

    name: str
    invalid: str

    @property
    def model(self) -> ServiceModel:
        """Return botocore's model of it."""
        return _model(self.name)

    def operation(self, name: str) -> OperationModel:
        """Return one operation's model."""
        if name not in self.model.operation_names:
            raise Refusal("UnknownOperationException", f"{self.name} has no operation {name!r}")
        return cast("OperationModel", self.model.operation_model(name))

    def error_name(self, code: str) -> str:
        """Return the shape of an error code: JSON and CBOR name the shape, the query protocol the code."""
        return _error_names(self.name).get(code, code)


#: By the name in the credential scope of a signature.
SERVICES = {
    "ecs": Service("ecs", "InvalidParameterException"),
    "monitoring": Service("cloudwatch", "ValidationError"),
    "application-autoscaling": Service("application-autoscaling", "ValidationException"),
    "ecr": Service("ecr", "InvalidParameterException"),
    "secretsmanager": Service("secretsmanager", "InvalidParameterException"),
    "ssm": Service("ssm", "ValidationException"),
    "arc-zonal-shift": Service("arc-zonal-shift", "ValidationException"),
    "ec2": Service("ec2", "InvalidParameterValue"),
    "tagging": Service("resourcegroupstaggingapi", "InvalidParameterException"),
}

#: Served by moto but for the health of targets.
BALANCING = Service("elbv2", "ValidationError")


def checked(service: Service, operation: OperationModel, raw: object) -> Params:
    """Turn a decoded request into parameters as boto3 has them.

    Times become aware datetimes, blobs bytes; members that AWS does not know are ignored, as AWS does.
    Raises `Refusal` with every member that is missing, of a wrong type or no value of its enum.
    """
    shape = operation.input_shape
    if shape is None:
        return {}
    reading = _Reading()
    params = reading.value(shape, raw, "")
    if reading.problems:
        raise Refusal(service.invalid, "; ".join(reading.problems))
    return cast("Params", params)


@cache
def _model(name: str) -> ServiceModel:
    return get_service_model(name)  # botocore's, with what moto needs for the query protocol


@cache
def _error_names(name: str) -> dict[str, str]:
    shapes = _model(name).error_shapes
    return {shape.metadata.get("error", {}).get("code", shape.name): shape.name for shape in shapes}


@dataclass(slots=True)
class _Reading:
    """Walks a decoded request along its shape and notes what it finds wrong."""

    problems: list[str] = field(default_factory=list)

    def value(self, shape: Shape, raw: Any, at: str) -> Any:  # noqa: ANN401 - whatever a request holds
        kind = shape.type_name
        if kind in SCALARS:
            return self._scalar(shape, raw, at)
        read = {
            "structure": self._structure,
            "list": self._list,
            "map": self._map,
            "timestamp": self._time,
            "blob": self._blob,
        }[kind]
        return read(shape, raw, at)  # type: ignore[operator]  # each reads the shape of its kind

    def _structure(self, shape: StructureShape, raw: Any, at: str) -> Any:  # noqa: ANN401 - see value
        if not isinstance(raw, Mapping):
            return self._wrong(at or "the body", "an object", raw)
        members, prefix = shape.members, f"{at}." if at else ""
        self.problems += [
            f"{prefix}{name} is missing" for name in shape.required_members if raw.get(name) is None
        ]
        return {
            name: self.value(members[name], each, prefix + name)
            for name, each in raw.items()
            if each is not None and name in members
        }

    def _list(self, shape: ListShape, raw: Any, at: str) -> Any:  # noqa: ANN401 - see value
        if not isinstance(raw, list):
            return self._wrong(at, "a list", raw)
        return [self.value(shape.member, each, f"{at}[{index}]") for index, each in enumerate(raw)]

    def _map(self, shape: MapShape, raw: Any, at: str) -> Any:  # noqa: ANN401 - see value
        if not isinstance(raw, Mapping):
            return self._wrong(at, "an object", raw)
        return {key: self.value(shape.value, each, f"{at}.{key}") for key, each in raw.items()}

    def _scalar(self, shape: Shape, raw: Any, at: str) -> Any:  # noqa: ANN401 - see value
        kinds, expected = SCALARS[shape.type_name]
        if not isinstance(raw, kinds) or (isinstance(raw, bool) and bool not in kinds):
            return self._wrong(at, expected, raw)
        if shape.type_name == "string":
            allowed = cast("StringShape", shape).enum
            if allowed and raw not in allowed:
                return self._wrong(at, f"one of {', '.join(allowed)}", raw)
        return raw

    def _time(self, _shape: Shape, raw: Any, at: str) -> Any:  # noqa: ANN401 - see value
        try:
            moment = raw if isinstance(raw, datetime) else parse_timestamp(raw)
        except (ValueError, TypeError, RuntimeError, OverflowError):
            return self._wrong(at, "a time", raw)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)

    def _blob(self, _shape: Shape, raw: Any, at: str) -> Any:  # noqa: ANN401 - see value
        try:
            return raw if isinstance(raw, bytes) else base64.b64decode(raw, validate=True)
        except (binascii.Error, TypeError, ValueError):
            return self._wrong(at, "base64", raw)

    def _wrong(self, at: str, expected: str, raw: object) -> None:
        self.problems.append(f"{at} must be {expected}, got {raw!r}"[:300])
