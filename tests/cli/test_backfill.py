"""Reading the past anew, from the command line."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from collector.bundle import Area
from fournines.store.books import Books
from slo.cells import minute_of
from tests.cli.conftest import NOW

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Command

VIRGINIA = Area("123456789012", "us-east-1")


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--from", "2027-01-01"), "lies in the future"),
        (("--from", "2026-11-20", "--to", "2026-11-19"), "is not before --to"),
        (("--from", "2026-11-20", "--region", "mars-1"), "mars-1 is not watched: eu-west-1, us-east-1 are"),
        (("--from", "2026-11-20"), "nothing was discovered yet"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_sentence(
    fournines: Command, arguments: tuple[str, ...], told: str
) -> None:
    said = fournines("backfill", *arguments)
    assert said.code == 1
    assert told in said.err
    assert "Traceback" not in said.err


def test_a_running_service_is_asked_and_looked_at_until_it_has_done_it(
    kept: Path, fournines: Command
) -> None:
    with Books.open(str(kept / "books.db")) as service:

        def work() -> None:
            while not service.backfills():
                threading.Event().wait(0.05)
            for one in service.backfills():
                service.backfilled(one.number, one.end)

        worker = threading.Thread(target=work)
        worker.start()
        said = fournines("backfill", "--from", "2026-11-20", "--region", "us-east-1")
        worker.join()
        (asked,) = service.backfills()
    assert said.code == 0
    assert "The running service reads them" in said.err
    assert "days of a region were read anew" in said.out
    assert (asked.area, asked.end) == (VIRGINIA, minute_of(NOW))
