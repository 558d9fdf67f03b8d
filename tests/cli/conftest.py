"""A folder as a user has it: documents, and a store that a service has left behind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest

from fournines.cli.main import main
from fournines.store.books import Books
from remediation.actions.effects import RestoreRevision
from remediation.incidents import Change, Incident, Phase, Symptom
from remediation.journal import Entry, EntryKind
from remediation.vocabulary import ActionName, Cause, Reason, Verdict
from remediation.workflow.asking import ask
from remediation.workflow.run import Run
from slo.burn import Severity
from slo.cells import Block, Indicator, Placement, Sli, State, minute_of

if TYPE_CHECKING:
    from pathlib import Path

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
#: What the clock of the configuration reads: it is so slow that it stands.
NOW = NOON + timedelta(minutes=45)
HERE = Placement("123456789012", "eu-west-1", "mylearning", "course-catalog")
THERE = replace(HERE, region="us-east-1")
INCIDENT = "course-catalog-20261123-1216"
OBJECTIVES = """\
apiVersion: openslo/v1
kind: SLO
metadata: {name: availability}
spec:
  service: every-service
  indicator:
    metadata: {name: answered}
    spec:
      ratioMetric:
        bad: {metricSource: {type: fournines, spec: {service: "*", indicator: availability}}}
        total: {metricSource: {type: fournines, spec: {service: "*", indicator: availability}}}
  timeWindow: [{duration: 30d, isRolling: true}]
  budgetingMethod: Occurrences
  objectives: [{target: 0.9999}]
"""
POLICIES = """\
policies:
  - {name: roll-back, cause: deployment, services: [course-*], mode: propose, approvers: [alice]}
  - {name: watch-surges, cause: surge, mode: observe}
"""
CONTRACTS = """\
id: acme-sla
tenant: acme
services: [course-catalog]
regions: [eu-west-1, us-east-1]
indicator: availability
target: 0.9999
zone: Europe/Berlin
tiers: [{below: 0.9999, credit: 0.1}, {below: 0.99, credit: 0.3}]
"""
CONFIG = """\
store: books.db
clock: {kind: fast, start: 2026-11-23T12:45:00Z, epoch: 2020-01-01T00:00:00Z, speed: 0.0000000001}
aws:
  regions: [eu-west-1, us-east-1]
  accounts: [{id: 123456789012}]
  queues: [{region: eu-west-1, url: "https://sqs.eu-west-1.amazonaws.com/123456789012/fournines"}]
objectives: [objectives.yaml]
policies: [policies.yaml]
contracts: [contracts.yaml]
slack: {channel: "#slo", token: {env: SLACK_TOKEN_OF_THE_SERVICE}}
"""


@dataclass(frozen=True, slots=True)
class Said:
    """What a command printed, and how it ended."""

    code: int
    out: str
    err: str


Command = Callable[..., Said]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The documents, in the folder that commands run in."""
    for name, text in {
        "fournines.yaml": CONFIG,
        "objectives.yaml": OBJECTIVES,
        "policies.yaml": POLICIES,
        "contracts.yaml": CONTRACTS,
    }.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def kept(folder: Path) -> Path:
    """The same folder with a store: two hours of cells, and an incident that waits for a person."""
    with Books.open(str(folder / "books.db")) as books:
        books.record(cells(), NOON + timedelta(minutes=45))
        books.save([incident()])
        assert books.runs.start(run(), ())
        claim = books.runs.claim(NOW)
        assert claim is not None
        move = ask(claim.run, timedelta(minutes=15), NOW)
        books.runs.move(claim, move.run, move.entries)
    return folder


@pytest.fixture
def fournines(capsys: pytest.CaptureFixture[str]) -> Command:
    """`fournines("budget", "--json")` runs the command."""

    def run_command(*arguments: str) -> Said:
        code: object = 0
        try:
            main(arguments)
        except SystemExit as left:
            code = left.code
        said = capsys.readouterr()
        assert isinstance(code, int)
        return Said(code, said.out, said.err)

    return run_command


def cells() -> Block:
    """Two hours until 12:45; in the last half hour one in ten fails in eu-west-1, ten minutes are unknown."""
    minutes = 120
    total = np.full((minutes, 2), 1000, np.int64)
    bad = np.zeros((minutes, 2), np.int64)
    bad[-30:, 0] = 100
    state = np.full((minutes, 2), State.OBSERVED, np.uint8)
    state[:10, 1] = State.UNKNOWN
    total[:10, 1] = 0
    slis = (Sli(HERE, Indicator.AVAILABILITY), Sli(THERE, Indicator.AVAILABILITY))
    return Block(slis, minute_of(NOW) - minutes, bad, total, state)


def incident() -> Change:
    """A deployment that made the service fail, diagnosed, and a rollback proposed."""
    opened = NOON + timedelta(minutes=16)
    sentence = "course-catalog in eu-west-1: it fails since a deployment of this placement, and nowhere else."
    symptom = Symptom(
        placement=HERE,
        name="availability/page-quick",
        severity=Severity.PAGE,
        sentence="course-catalog in eu-west-1 burns its availability budget 100 times too fast.",
        first_seen=opened,
        last_seen=opened,
    )
    now = Incident(
        id=INCIDENT,
        service=HERE.service,
        opened_at=opened,
        phase=Phase.PENDING,
        symptoms=(symptom,),
        cause=Cause.DEPLOYMENT,
        action=ActionName.ROLLBACK,
        placement=HERE,
        verdict=Verdict.PROPOSE,
        reason=Reason.NEEDS_APPROVAL,
        sentence=sentence,
    )
    finding = {
        "name": "failing_here",
        "holds": "yes",
        "sentence": "10 % of requests fail, 1,000 times the pace.",
    }
    check = {"name": "not_paused", "holds": "yes", "sentence": "The kill switch is off."}
    entries = (
        Entry(EntryKind.OPENED, opened, symptom.sentence, INCIDENT, str(HERE)),
        Entry(EntryKind.DIAGNOSED, opened, sentence, INCIDENT, str(HERE), data={"findings": [finding]}),
        Entry(
            EntryKind.DECIDED,
            opened,
            "Go back to :2.",
            INCIDENT,
            str(HERE),
            data={"action": "rollback", "checks": [check]},
        ),
    )
    return Change(now, entries)


def run() -> Run:
    """The rollback that is proposed to alice."""
    return Run(
        id=f"{HERE}:{INCIDENT}:rollback",
        incident=INCIDENT,
        placement=HERE,
        action=ActionName.ROLLBACK,
        effect=RestoreRevision(placement=HERE, task_definition="course-catalog:2", revision_arn="revision/2"),
        asks=timedelta(minutes=15),
        approvers=("alice",),
        wake=NOW,
        created_at=NOW,
        notes={"why": "Go back from course-catalog:3 to course-catalog:2."},
    )
