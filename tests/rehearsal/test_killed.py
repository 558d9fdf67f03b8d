"""The real service, killed at random instants while it collects over real HTTP: no hole, no double count."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from fournines import staging
from fournines.demo.process import Process
from fournines.rehearsal.collecting import wrong_cells
from fournines.store.books import Books
from remediation.journal import EntryKind
from simulator.aws.stand import Stand
from slo.cells import minute_of
from tests.living import ACCOUNT, NOON, REGIONS, small

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tests.conftest import Serve

SPEED, MINUTES, DEATHS = 120.0, 130, 20
END = NOON + timedelta(minutes=MINUTES)
SETTLED = END - timedelta(minutes=12)
#: A death comes so long after the service says that it is ready, or, every fourth one, after its start.
LIVES_S, STARTS_S = 1.5, 2.5
FAULTS = (
    {
        "kind": "alb_errors",
        "at": "10m",
        "duration": "50m",
        "error_ratio": 0.1,
        "where": {"service": "payment"},
    },
    {"kind": "metrics_revised", "at": "20m", "duration": "20m", "share": 0.5, "by": "25m"},
    {"kind": "api_throttling", "at": "50m", "duration": "20m", "share": 0.3},
)


@pytest.fixture
def stand(serve: Serve) -> Iterator[tuple[Stand, str]]:
    """A simulated AWS on a fast clock, and its address."""
    made = Stand(small(*FAULTS, duration=f"{MINUTES}m"), speed=SPEED)
    made.stage.start()
    yield made, serve(made.app)
    made.stage.stop()


def config(folder: Path, stand: Stand, url: str) -> Path:
    """Write what the service needs: it reads what counts every minute, so that there is much to die in."""
    clock = stand.stage.clock
    figures = {"start": clock.start, "epoch": clock.epoch, "speed": clock.speed, "until": END}
    told = {
        "store": "books.db",
        "clock": {"kind": "fast", **figures},
        "aws": {
            "endpoint_url": url,
            "credentials": {"access_key_id": "me", "secret_access_key": {"file": "secret"}},
            "accounts": [{"id": ACCOUNT}],
            "regions": list(REGIONS),
        },
        "objectives": ["objectives.yaml"],
        "collect": {"sli_every": "1m", "latency_threshold": stand.world.scenario.estate.slow_ms / 1000},
        "web": {"port": 0},
    }
    for name, documents in {"objectives.yaml": staging.objectives()[:1], "fournines.yaml": [told]}.items():
        text = "\n---\n".join(json.dumps(document, default=str) for document in documents)
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "secret").write_text("any", encoding="utf-8")
    return folder / "fournines.yaml"


def die(service: Process, dice: random.Random) -> None:
    """Begin a life of the service and end it at some instant."""
    service.start()
    time.sleep(dice.uniform(0, LIVES_S))
    service.must_live()
    service.kill()


def die_young(arguments: Sequence[str], dice: random.Random) -> None:
    """Begin a life and end it while it still starts."""
    newborn = subprocess.Popen([sys.executable, "-m", "fournines.cli", *arguments], stdout=subprocess.DEVNULL)
    time.sleep(dice.uniform(0, STARTS_S))
    newborn.kill()
    newborn.wait()


def caught_up(store: Path) -> bool:
    """Whether every minute of the scenario was asked for."""
    with Books.visit(str(store)) as books:
        asked = books.marks()
    return bool(asked) and all(mark.asked >= minute_of(SETTLED) for mark in asked.values())


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.timeout(240)
def test_twenty_deaths_at_random_instants_leave_no_hole_and_count_nothing_twice(
    stand: tuple[Stand, str], tmp_path: Path
) -> None:
    aws, url = stand
    file, dice = config(tmp_path, aws, url), random.Random(20)  # noqa: S311 - the same lives each time
    arguments = ("serve", "--config", str(file))
    service = Process("service", arguments, tmp_path / "service.log")
    try:
        for death in range(DEATHS):
            die(service, dice) if death % 4 else die_young(arguments, dice)
        service.start()
        while not (aws.stage.ended and caught_up(tmp_path / "books.db")):
            service.must_live()
            time.sleep(1)
    finally:
        service.stop()
    with Books.open(str(tmp_path / "books.db")) as books:
        assert wrong_cells(aws.world, books, NOON, SETTLED) == []
        with books.ledger() as ledger:
            assert ledger.self_check() == ()
        assert books.verify_journal() is None
        assert any(kept.entry.kind is EntryKind.RESTATED for kept in books.entries())
