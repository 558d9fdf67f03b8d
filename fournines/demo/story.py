"""Tells the story as it happens: what the world did, what fournines noticed, decided and undid."""

from __future__ import annotations

from datetime import datetime
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


class Story:
    """Prints each thing once, in the time of the world."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._faults: list[Mapping[str, Any]] = []
        self._entries = 0

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

    def _fault(self, now: str, fault: Mapping[str, Any]) -> None:
        if fault["kind"] not in FAULTS:
            return
        where = " in ".join(fault["where"][key] for key in ("service", "region") if key in fault["where"])
        self._line(now, "the world", "bold", f"{where or 'everywhere'}: {FAULTS[fault['kind']]}")

    def _entry(self, entry: Mapping[str, Any]) -> None:
        if entry["kind"] in TOLD:
            about = "/".join(str(entry["placement"] or "").split("/")[1::2][::-1])
            said = f"{entry['kind']}: {entry['sentence']}"
            self._line(entry["at"], "fournines", TOLD[entry["kind"]], f"{about}  {said}" if about else said)

    def _line(self, at: str, who: str, style: str, sentence: str) -> None:
        moment = f"{datetime.fromisoformat(at):%H:%M:%S}"
        self._console.print(f"[dim]{moment}[/]  {who:<10} [{style}]{_plain(sentence)}[/]", highlight=False)


def _plain(text: str) -> str:
    """Keep what looks like markup as it is."""
    return text.replace("[", r"\[")
