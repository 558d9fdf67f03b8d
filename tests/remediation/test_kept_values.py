"""Incidents, runs and events outlive the process: as JSON they must come back as they were."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from remediation.actions.effects import SetScalingMinimum, SetStrategy
from remediation.decision.policy import OnTimeout
from remediation.events.event import Event
from remediation.events.parse import parse
from remediation.incidents import Incident, Judgement
from remediation.metrics import FAMILIES
from remediation.vocabulary import ActionName, Cause, Reason, Verdict
from remediation.workflow.run import Run
from tests.remediation.stage import IRELAND, MINUTE, NOON, SPOT_MIX, incident


def test_an_incident_comes_back() -> None:
    judgement = Judgement(
        placement=IRELAND, cause=Cause.SURGE, verdict=Verdict.ACT, reason=Reason.ALLOWED, action=None
    )
    kept = replace(incident(), judgements=(judgement,), cause=Cause.SURGE)
    adapter = TypeAdapter(Incident)
    assert adapter.validate_json(adapter.dump_json(kept)) == kept


def test_a_run_comes_back_with_its_effects() -> None:
    kept = Run(
        id="r",
        incident="i",
        placement=IRELAND,
        action=ActionName.SPOT_FALLBACK,
        effect=SetStrategy(placement=IRELAND, strategy=SPOT_MIX),
        inverse=SetScalingMinimum(placement=IRELAND, minimum=3),
        keep_for=30 * MINUTE,
        asks=15 * MINUTE,
        on_timeout=OnTimeout.RUN,
        wake=NOON,
        created_at=NOON,
        notes={"sends": "1"},
    )
    adapter = TypeAdapter(Run)
    assert adapter.validate_json(adapter.dump_json(kept)) == kept


@pytest.mark.parametrize(
    "path", sorted((Path(__file__).parent / "events").glob("*.json")), ids=lambda path: path.stem
)
def test_an_event_comes_back(path: Path) -> None:
    kept = parse(path.read_text(encoding="utf-8"))
    adapter: TypeAdapter[Event] = TypeAdapter(Event)
    assert adapter.validate_json(adapter.dump_json(kept)) == kept


def test_every_family_has_a_name_of_its_own() -> None:
    assert len({family.name for family in FAMILIES}) == len(FAMILIES)
