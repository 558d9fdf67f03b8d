"""What collecting will cost, from the command line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from collector.estate import RegionEstate, ServiceView
from fournines.store.books import Books
from tests.cli.conftest import HERE, NOON, THERE

if TYPE_CHECKING:
    from pathlib import Path

    from slo.cells import Placement
    from tests.cli.conftest import Command


def seen(place: Placement) -> RegionEstate:
    view = ServiceView(
        placement=place, seen_at=NOON, status="ACTIVE", desired=1, running=1, pending=0,
        task_definition="td:1", target_groups=("targetgroup/shop/1",), load_balancers=("app/shop/1",),
    )  # fmt: skip
    return RegionEstate(place.account, place.region, NOON, (view,))


@pytest.fixture
def estate(folder: Path) -> None:
    with Books.open(str(folder / "books.db")) as books:
        for place in (HERE, THERE):
            books.save_estate(seen(place))


@pytest.mark.usefixtures("estate")
def test_the_month_is_priced_before_it_is_spent(fournines: Command) -> None:
    said = fournines("cost")
    assert said.code == 0
    assert "what counts" in said.out
    assert "course-catalog" in said.out
    assert "Reading everything every minute would cost" in said.out


@pytest.mark.usefixtures("estate")
def test_the_price_adds_up_in_json(fournines: Command) -> None:
    told = json.loads(fournines("cost", "--json").out)
    parts = [*told["shares"], *told["standing"]]
    assert sum(part["usd"] for part in parts) == pytest.approx(told["usd"])
    assert told["usd_if_five_statistics_are_one"] < told["usd"] < told["naive_usd"]


def test_where_nothing_is_known_aws_is_asked_and_says_why_it_does_not_answer(
    folder: Path, fournines: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY", "any")
    config, nobody = folder / "fournines.yaml", "http://127.0.0.1:9"
    keys = "{access_key_id: any, secret_access_key: {env: KEY}}"
    there = f"aws:\n  endpoint_url: {nobody}\n  credentials: {keys}"
    config.write_text(config.read_text(encoding="utf-8").replace("aws:", there), encoding="utf-8")
    said = fournines("cost")
    assert said.code == 1
    assert "region eu-west-1 of account 123456789012 cannot be discovered" in said.err
    assert nobody in said.err
    assert "Traceback" not in said.err
