"""Tells the story as it happens: what the world did, what fournines noticed, decided and undid."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import heappop, heappush
from itertools import count
from typing import TYPE_CHECKING, Any

from remediation.journal import EntryKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console

#: What the listener hears of the journal, and in which colour.
TOLD: Mapping[str, str] = {
    EntryKind.OPENED: "red",
    EntryKind.DIAGNOSED: "yellow",
    EntryKind.DECIDED: "cyan",
    EntryKind.APPLIED: "magenta",
    EntryKind.NOT_APPLIED: "red",
    EntryKind.RECOVERED: "green",
    EntryKind.ESCALATED: "bold red",
    EntryKind.RESTORED: "green",
    EntryKind.RESOLVED: "bold green",
}

#: What each fault looks like to those who live in the world.
FAULTS: Mapping[str, str] = {
    "bad_deployment": "a deployment that passes every health check, and will fail once it is live",
    "capacity_shortage": "Fargate Spot takes tasks away and has no others to give",
    "traffic_surge": "far more people arrive than usual",
    "dependency_failure": "something that the service depends on begins to fail",
    "deployment": "an innocent deployment",
    "scale_in": "an ordinary scale-in",
}


#: A turn writes down what it did once it is over, by the time at which it began: lines are held back so long.
HELD = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, order=True)
class Line:
    """One thing that happened; of two at once the one that was heard first comes first."""

    at: datetime
    number: int
    who: str
    style: str
    sentence: str


class Story:
    """Prints each thing once, in the order in which they happened in the world."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._faults: list[Mapping[str, Any]] = []
        self._entries = 0
        self._held: list[Line] = []
        self._numbers = count()
        self._places: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))

    def hear(
        self, now: str, faults: Sequence[Mapping[str, Any]], entries: Sequence[Mapping[str, Any]]
    ) -> None:
        """Tell what is new among the faults that have begun and the journal's entries."""
        for fault in faults:  # they stand in the scenario's order, not in that of their beginning
            if fault not in self._faults:
                self._faults.append(fault)
                self._fault(now, fault)
        for entry in entries:
            if entry["n"] > self._entries:
                self._entry(entry)
                self._entries = entry["n"]
        self._tell(datetime.fromisoformat(now) - HELD)

    def note(self, now: str, sentence: str) -> None:
        """Tell what the demo itself does."""
        self._hold(now, "the demo", "bold red", sentence)

    def end(self) -> None:
        """Tell what was held back."""
        self._tell(None)

    def _fault(self, now: str, fault: Mapping[str, Any]) -> None:
        if fault["kind"] not in FAULTS:
            return
        where = " in ".join(fault["where"][key] for key in ("service", "region") if key in fault["where"])
        self._hold(now, "the world", "bold", f"{where or 'everywhere'}: {FAULTS[fault['kind']]}")

    def _entry(self, entry: Mapping[str, Any]) -> None:
        about = self._about(entry)
        if entry["kind"] in TOLD:
            said = f"{entry['kind']}: {entry['sentence']}"
            style = TOLD[entry["kind"]]
            self._hold(entry["at"], "fournines", style, f"{about}  {said}" if about else said)

    def _about(self, entry: Mapping[str, Any]) -> str:
        """Return where it happened: an incident as a whole happens wherever it was seen."""
        places = self._places[entry["incident"] or ""]
        if entry["placement"] is None:
            return ", ".join(f"{service}/{'+'.join(sorted(where))}" for service, where in places.items())
        region, service = str(entry["placement"]).split("/")[1::2]
        places[service].add(region)
        return f"{service}/{region}"

    def _hold(self, at: str, who: str, style: str, sentence: str) -> None:
        heappush(self._held, Line(datetime.fromisoformat(at), next(self._numbers), who, style, sentence))

    def _tell(self, until: datetime | None) -> None:
        while self._held and (until is None or self._held[0].at <= until):
            line = heappop(self._held)
            self._console.print(
                f"[dim]{line.at:%H:%M:%S}[/]  {line.who:<10} [{line.style}]{_plain(line.sentence)}[/]",
                highlight=False,
            )


def _plain(text: str) -> str:
    """Keep what looks like markup as it is."""
    return text.replace("[", r"\[")
