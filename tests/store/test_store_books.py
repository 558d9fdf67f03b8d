import sqlite3
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from collector.estate import (
    Belonging,
    Deployment,
    DeploymentStatus,
    Entrance,
    Insights,
    LaunchType,
    ProviderShare,
    RegionEstate,
    Revision,
    ServiceView,
    TaskDefinition,
)
from collector.presence import Sighting
from fournines.store.books import Books
from fournines.store.place import StoreBusyError, StoreError
from fournines.store.tables import SCHEMA
from remediation.actions.effects import SetScalingMinimum
from remediation.journal import Entry, EntryKind
from remediation.vocabulary import ActionName
from remediation.workflow.run import Run
from slo.cells import Placement

NOON = datetime(2026, 10, 1, 12, tzinfo=UTC)
HERE = Placement("1", "eu-west-1", "main", "search")


def test_a_second_owner_of_a_file_gets_one_sentence(tmp_path: Path) -> None:
    store = str(tmp_path / "books.db")
    with (
        Books.open(store),
        pytest.raises(StoreBusyError, match="is in use by another fournines: stop that one") as error,
    ):
        Books.open(store)
    assert "\n" not in str(error.value)
    Books.open(store).close()


def test_a_killed_owner_leaves_no_lock_and_its_claims_are_free(tmp_path: Path) -> None:
    store = str(tmp_path / "books.db")
    run = Run(
        id="r1",
        incident="i",
        placement=HERE,
        action=ActionName.SCALE_OUT,
        effect=SetScalingMinimum(placement=HERE, minimum=3),
        wake=NOON,
        created_at=NOON,
    )
    with Books.open(store) as books:
        books.runs.start(run, [])
    dying = (
        "import os, signal, sys; from datetime import UTC, datetime; from fournines.store.books import Books;"
        "books = Books.open(sys.argv[1]); assert books.runs.claim(datetime(2026, 10, 1, 12, tzinfo=UTC));"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    died = subprocess.run([sys.executable, "-c", dying, store], check=False, timeout=60, capture_output=True)
    assert died.returncode == -9, died.stderr
    with Books.open(store) as books:
        claim = books.runs.claim(NOON)
    assert claim is not None
    assert claim.number == 2


def test_a_visitor_works_beside_the_owner_but_records_nothing(store: str) -> None:
    with Books.open(store) as owner, Books.visit(store) as visitor:
        owner.append([Entry(EntryKind.OPENED, NOON, "It fails.", incident="i")])
        assert len(visitor.entries()) == 1
        visitor.runs.set_switch("paused", on=True, actor="Ann", at=NOON)
        assert owner.runs.paused()
        assert owner.verify_journal() is None
        with pytest.raises(StoreError, match="only the owner of the store records cells"):
            visitor.seal(0)


def test_a_visitor_makes_no_store(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"there is no store at .*books\.db: start `fournines serve`"):
        Books.visit(str(tmp_path / "books.db"))


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("nowhere/books.db", r"cannot be made: make its folder first \(mkdir -p .*nowhere\)"),
        ("folder", "unable to open database file; name another file under `store`"),
        ("text.db", "file is not a database; name another file under `store`"),
        ("mysql://db/x", "is not understood: expected a file, postgresql://USER@HOST/DATABASE, or sqlite://"),
    ],
)
def test_a_store_that_cannot_be_used_is_one_sentence_with_the_fix(
    tmp_path: Path, name: str, sentence: str
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "text.db").write_text(
        "this is no database, it is a text that somebody wrote" * 100, encoding="utf-8"
    )
    with pytest.raises(StoreError, match=sentence) as error:
        Books.open(name if "://" in name else str(tmp_path / name))
    assert "\n" not in str(error.value)


def test_a_store_of_a_newer_fournines_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "books.db"
    Books.open(str(path)).close()
    raw = sqlite3.connect(path)
    with raw:
        raw.execute("UPDATE meta SET value = ? WHERE name = 'schema'", (SCHEMA + 1,))
    raw.close()
    with pytest.raises(
        StoreError, match=rf"newer fournines \(schema {SCHEMA + 1}, this one knows {SCHEMA}\)"
    ):
        Books.open(str(path))


def test_a_power_cut_is_survived(tmp_path: Path) -> None:
    with Books.open(str(tmp_path / "books.db")) as books, books._database.read() as connection:  # noqa: SLF001
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2


def test_threads_share_the_books(tmp_path: Path) -> None:
    def work(name: str) -> None:
        for _ in range(20):
            books.append([Entry(EntryKind.OPENED, NOON, name, incident=name)])
            books.outbox.due(NOON)

    for url in ("sqlite://", str(tmp_path / "books.db")):
        with Books.open(url) as books:
            threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(60)
            assert len(books.entries()) == 80
            assert books.verify_journal() is None


def test_the_estate_is_remembered_as_it_was_last_seen(store: str) -> None:
    revision = Revision("arn:r", "arn:td:1", (ProviderShare("FARGATE", 1),))
    view = ServiceView(
        placement=HERE,
        seen_at=NOON,
        status="ACTIVE",
        desired=3,
        running=3,
        pending=0,
        task_definition="arn:td:1",
        deployments=(Deployment("arn:d", DeploymentStatus.SUCCESSFUL, NOON, revision, (revision,), NOON),),
        target_groups=("targetgroup/a/1",),
        tags={"team": "x"},
        belonging=Belonging(tenant="acme"),
        launch_types=(LaunchType.FARGATE_SPOT,),
        definition=TaskDefinition("a", 1, ("a:1",), cpu_units=256, compatibilities=(LaunchType.FARGATE,)),
        discovery_names=("a",),
        insights=Insights.ENHANCED,
        entrances=(Entrance("targetgroup/a/1", "HTTPS", 443, ("a.example.com",)),),
    )
    old = RegionEstate("1", "eu-west-1", NOON - timedelta(hours=1), ())
    new = RegionEstate("1", "eu-west-1", NOON, (view,))
    with Books.open(store) as books:
        books.save_estate(old)
        books.save_estate(new)
        assert books.estates() == (new,)


def test_when_placements_were_seen_is_remembered(store: str) -> None:
    there = Placement("1", "eu-west-1", "main", "there")
    estate = RegionEstate("1", "eu-west-1", NOON, ())
    seen = Sighting(there, NOON, NOON)
    gone = Sighting(HERE, NOON - timedelta(days=9), NOON, missed=2, missing_since=NOON)
    with Books.open(store) as books:
        books.save_estate(estate, [gone, Sighting(there, NOON, NOON, 1, NOON)])
        books.save_estate(estate, [seen])
        assert {one.placement: one for one in books.sightings()} == {HERE: gone, there: seen}


def test_a_store_without_a_table_of_today_gets_it(tmp_path: Path) -> None:
    path = tmp_path / "books.db"
    with Books.open(str(path)) as books:
        books.save_estate(RegionEstate("1", "eu-west-1", NOON, ()))
    raw = sqlite3.connect(path)
    with raw:
        raw.execute("DROP TABLE sighting")
    raw.close()
    with Books.open(str(path)) as books:
        assert (books.sightings(), len(books.estates())) == ((), 1)


def test_a_statement_issued_again_is_a_revision_unless_it_says_the_same(store: str) -> None:
    with Books.open(store) as books:
        first = books.statements.issue("gold", "2026-10", '{"verdict":"met"}', NOON, after=0)
        assert (
            books.statements.issue("gold", "2026-10", '{"verdict":"met"}', NOON + timedelta(days=1), after=1)
            == first
        )
        second = books.statements.issue(
            "gold", "2026-10", '{"verdict":"breached"}', NOON + timedelta(days=2), after=1
        )
        assert first is not None
        assert second is not None
        assert (first.revision, second.revision) == (1, 2)
        assert books.statements.issued("gold", "2026-10") == (first, second)
        assert books.statements.issued("gold", "2026-09") == ()


def test_a_value_that_cannot_be_understood_is_named(tmp_path: Path) -> None:
    path = tmp_path / "books.db"
    with Books.open(str(path)) as books:
        books.save_estate(RegionEstate("1", "eu-west-1", NOON, ()))
    raw = sqlite3.connect(path)
    with raw:
        raw.execute("UPDATE estate SET body = '{}'")
    raw.close()
    with (
        Books.open(str(path)) as books,
        pytest.raises(StoreError, match="a region's estate in the store cannot be read"),
    ):
        books.estates()
