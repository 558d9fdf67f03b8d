"""Frozen values as JSON text and back, so that what is kept reads like what it was."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Generic, TypeVar

from pydantic import Field, TypeAdapter, ValidationError

import collector.estate
import collector.runs
import remediation.actions.effects
import remediation.events.event
import remediation.incidents
import remediation.quarantine
import remediation.tenure
import remediation.vocabulary
import remediation.workflow.run
import slo.cells
from collector.estate import RegionEstate
from fournines.store.place import StoreError
from remediation.events.event import Event
from remediation.incidents import Incident
from remediation.quarantine import Quarantined
from remediation.tenure import Tenure
from remediation.workflow.run import Run

T = TypeVar("T")

#: The rooms name each other's values for the type checker only: here pydantic finds what the names mean.
_NAMES: dict[str, Any] = {"datetime": datetime, "timedelta": timedelta, "Mapping": Mapping, "Any": Any}
for _module in (
    slo.cells,
    collector.estate,
    collector.runs,
    remediation.vocabulary,
    remediation.events.event,
    remediation.actions.effects,
    remediation.incidents,
    remediation.quarantine,
    remediation.tenure,
    remediation.workflow.run,
):
    _NAMES |= {name: value for name, value in vars(_module).items() if name[0].isupper()}


class Kept(Generic[T]):
    """How one kind of value is kept."""

    def __init__(self, kind: Any, name: str) -> None:  # noqa: ANN401 - a union has no type of its own
        self._name = name
        self._adapter: TypeAdapter[T] = TypeAdapter(kind)
        self._adapter.rebuild(force=True, _types_namespace=_NAMES)

    def dump(self, value: T) -> str:
        """Return the value as JSON."""
        return self._adapter.dump_json(value).decode()

    def load(self, text: str) -> T:
        """Return the value.  Raises StoreError when another version of fournines wrote it otherwise."""
        try:
            return self._adapter.validate_json(text)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            where = ".".join(map(str, first["loc"]))
            raise StoreError(
                f"{self._name} in the store cannot be read ({where}: {first['msg']}): "
                "run the version of fournines that wrote it"
            ) from None


EVENTS: Kept[Event] = Kept(Annotated[Event, Field(discriminator="kind")], "an event")
INCIDENTS: Kept[Incident] = Kept(Incident, "an incident")
RUNS: Kept[Run] = Kept(Run, "a run")
TENURES: Kept[Tenure] = Kept(Tenure, "a revision that served")
QUARANTINED: Kept[Quarantined] = Kept(Quarantined, "a revision in quarantine")
ESTATES: Kept[RegionEstate] = Kept(RegionEstate, "a region's estate")
