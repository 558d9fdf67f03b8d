"""What collecting will cost a month, before it is spent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from fournines.cli import opened, shown
from fournines.trouble import Trouble

if TYPE_CHECKING:
    from decimal import Decimal
    from pathlib import Path

    from collector.estate import RegionEstate
    from collector.layout import Layout
    from collector.price import Bill
    from fournines.config import Config

#: How many services are named; the others are one line.
SERVICES_MAX = 30


@click.command(epilog="Example: fournines cost --config fournines.yaml")
@click.option("--discover", is_flag=True, help="Ask AWS what is there now, rather than the store.")
@opened.config_option
@opened.json_option
def cost(file: Path, *, discover: bool, as_json: bool) -> None:
    """Print what 30 quiet days will cost: reading CloudWatch, by tier and by service, and the heartbeat.

    The estate is that of the last discovery, as the store has it; where nothing was discovered yet, AWS is
    asked. Nothing burns and nothing is left out in what is priced; an hour in which the dearest service burns
    is priced by itself. Prices are list prices of us-east-1.
    """
    from collector.layout import lay_out  # noqa: PLC0415 - what is heavy waits until it is needed
    from collector.price import bill  # noqa: PLC0415
    from fournines.serving import charter  # noqa: PLC0415

    config = opened.read(file)
    estates = () if discover else _kept(config)
    estates = estates or _discovered(config)
    promised, scheme = charter(config), config.settings.collect.scheme
    layout = lay_out(
        estates, lambda view: scheme.line(view, promised.threshold_s(view.placement.service)), scheme.metrics
    )
    if not layout.bundles:
        raise Trouble("no service was found in these accounts and regions, so nothing would be read")
    priced = bill(
        layout,
        scheme.cadence,
        heartbeat_regions=len(config.settings.heartbeat_regions),
        probes=len(config.settings.probes),
    )
    if as_json:
        shown.document(_plain(priced))
    else:
        _print(priced, layout, config)


def _kept(config: Config) -> tuple[RegionEstate, ...]:
    """Return the estate that the store knows; nothing where there is no store yet."""
    from fournines.store.books import Books  # noqa: PLC0415
    from fournines.store.place import StoreError  # noqa: PLC0415

    try:
        with Books.visit(config.settings.books) as books:
            return books.estates()
    except StoreError:
        return ()


def _discovered(config: Config) -> tuple[RegionEstate, ...]:
    """Ask AWS what is there, region by region."""
    from collector.source import CollectError  # noqa: PLC0415
    from fournines import wire  # noqa: PLC0415

    source = wire.source(config.settings, config.settings.clock.clock().now)
    found = []
    for account, region in config.settings.aws.scopes:
        click.echo(f"asking {region} of account {account} what is there", err=True)
        try:
            found.append(source.estate(account, region))
        except CollectError as problem:
            raise Trouble(f"region {region} of account {account} cannot be discovered: {problem}") from None
    return tuple(found)


TIERS = {"sli": "what counts", "slow": "what explains", "hot": "while it burns"}


def _print(priced: Bill, layout: Layout, config: Config) -> None:
    from collector.metric import Tier  # noqa: PLC0415
    from collector.price import hot_hour_usd  # noqa: PLC0415

    cadence = config.settings.collect.scheme.cadence
    every = {Tier.SLI: f"every {cadence.sli_every} min", Tier.SLOW: f"every {cadence.slow_every} min"}
    rows = [
        (TIERS[tier], every[tier], f"{metrics:,}", _usd(usd), _usd(grouped))
        for tier in every
        for metrics, usd, grouped in [priced.of_tier(tier)]
    ]
    rows += [(one.name, one.how, "", _usd(one.usd), _usd(one.usd)) for one in priced.standing]
    rows.append(("all", "30 days", "", _usd(priced.usd), _usd(priced.usd_grouped)))
    shown.table(COLUMNS, rows, right=NUMBERS)
    click.echo()
    services = _by_service(priced)
    shown.table(
        ("Service", "Metrics", "USD", "USD if 5 are 1"),
        [(name, f"{metrics:,}", _usd(usd), _usd(few)) for name, metrics, usd, few in services[:SERVICES_MAX]],
        right=frozenset({"Metrics", "USD", "USD if 5 are 1"}),
    )
    if len(services) > SERVICES_MAX:
        click.echo(f"and {len(services) - SERVICES_MAX} more, each cheaper")
    dearest = max(
        ({line.service for bundle in layout.bundles for line in bundle.lines} - {""}),
        key=lambda name: hot_hour_usd(layout, name, cadence),
        default="",
    )
    if dearest:
        hour = hot_hour_usd(layout, dearest, cadence)
        click.echo(
            f"\nWhile {dearest} burns it is read every minute, in all its regions, "
            f"and so is what counts there of all others: {_usd(hour)} USD an hour."
        )
    click.echo(
        f"Reading everything every minute would cost {_usd(priced.naive_usd)} USD: "
        f"this is {priced.usd / priced.naive_usd:.1%} of it."
    )
    click.echo("List prices of us-east-1. AWS' documents differ on whether five statistics count as one.")
    _against_budget(priced, config.settings.collect.monthly_budget_usd)


def _against_budget(priced: Bill, budget: Decimal | None) -> None:
    if budget is None:
        return
    verdict = "within" if priced.usd <= budget else "above"
    click.echo(f"That is {verdict} the month's budget of {_usd(budget)} USD (collect.monthly_budget_usd).")


COLUMNS = ("What", "How", "Metrics", "USD", "USD if 5 are 1")
NUMBERS = frozenset({"Metrics", "USD", "USD if 5 are 1"})


def _by_service(priced: Bill) -> list[tuple[str, int, Decimal, Decimal]]:
    found: dict[str, tuple[int, Decimal, Decimal]] = {}
    for share in priced.shares:
        metrics, usd, few = found.get(share.service, (0, 0 * share.usd, 0 * share.usd))
        found[share.service] = (metrics + share.metrics, usd + share.usd, few + share.usd_grouped)
    return sorted(((name, *figures) for name, figures in found.items()), key=lambda row: (-row[1], row[0]))


def _usd(amount: Decimal) -> str:
    return f"{amount:,.2f}"


def _plain(priced: Bill) -> dict[str, object]:
    return {
        "days": 30,
        "usd": float(priced.usd),
        "usd_if_five_statistics_are_one": float(priced.usd_grouped),
        "naive_usd": float(priced.naive_usd),
        "shares": [
            {
                "tier": str(share.tier),
                "service": share.service,
                "metrics": share.metrics,
                "usd": float(share.usd),
                "usd_if_five_statistics_are_one": float(share.usd_grouped),
            }
            for share in priced.shares
        ],
        "standing": [{"name": one.name, "how": one.how, "usd": float(one.usd)} for one in priced.standing],
    }
