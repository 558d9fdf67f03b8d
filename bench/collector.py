"""What collecting costs, and how exact and how soon it is, on the simulated AWS."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from time import process_time
from typing import TYPE_CHECKING, Any

import boto3
import numpy as np
import yaml
from botocore.config import Config

from bench.figure import Figure
from collector.bundle import Front
from collector.catalog import TOLD_FOR_NOTHING
from collector.indicators import cells
from collector.layout import Asked, Layout, lay_out, line
from collector.metric import Tier
from collector.price import ALARM_USD, METRIC_USD, bill
from collector.scheme import Scheme
from collector.watermarks import windows
from collector.wire import cloudwatch
from collector.wire.session import Access, Sessions
from collector.wire.source import AwsSource
from fournines.rehearsal.collecting import Collecting, wrong_cells
from fournines.store.books import Books
from simulator.scenario import Scenario, shipped
from slo.cells import Indicator, Sli, State, minute_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ACCOUNT = "123456789012"
REGIONS = ("eu-west-1", "eu-central-1", "us-east-1", "us-west-2", "ap-southeast-1")
POINTS, CALLS, METRICS_PER_MINUTE = 15, 12, 20_000
#: 55 services with nine series that count each are one full call, but for five.
SERVICES = 55
LARGE_SERVICES = 210
#: What the small estate is priced against: all that the catalogue knows of each placement, every minute.
ROWS, PLACEMENTS = 25, 105
#: The same without what ECS tells for nothing, which is never bought.
BOUGHT_ROWS = ROWS - len(TOLD_FOR_NOTHING)
#: The last minutes of a week may still be on their way.
SETTLED = timedelta(minutes=15)


def figures() -> Iterator[Figure]:
    """Measure CPU and memory over HTTP, the bill and the lag of a quiet day, and a week of faults."""
    yield from _cpu()
    yield _memory()
    yield _bill()
    yield from _lags()
    yield _week()


# -- CPU and memory, against a simulated AWS in a process of its own


def _cpu() -> Iterator[Figure]:
    with _simulated(SERVICES, REGIONS[:1]) as (url, now):
        asked, source = _asked(url, REGIONS[0], now)
        ours = _cpu_s(lambda: _read(asked, source, now))
        plain = _cpu_s(lambda: _plainly(url, asked, now))
    queries = len(asked.queries)
    how = f"{CALLS} calls of {queries} metrics x {POINTS} minutes over loopback, CPU of the client alone"
    yield Figure(
        name="collector.cpu_ratio_vs_plain_boto3", value=plain / ours, unit="x", goal=3.0, better="higher",
        how=f"{how}: plain boto3 to dictionaries, by ours through to cells",
    )  # fmt: skip
    yield Figure(
        name="collector.cpu_s_per_20k_metrics",
        value=ours / CALLS / queries * METRICS_PER_MINUTE, unit="s", goal=2.0, better="lower",
        how=f"{how}, for {METRICS_PER_MINUTE:,} metrics",
    )  # fmt: skip


def _asked(url: str, region: str, now: datetime) -> tuple[Asked, AwsSource]:
    source = AwsSource(Sessions(_access(url)), lambda: now)
    layout = _laid_out(source, region)
    places = [i for i, bundle in enumerate(layout.bundles) if bundle.front is Front.LOAD_BALANCER]
    return layout.asked(places, [frozenset()] * len(places)), source


def _access(url: str) -> Access:
    return Access(endpoint_url=url, access_key_id="any", secret_access_key="any")  # noqa: S106 - opens nothing


def _laid_out(source: AwsSource, *regions: str) -> Layout:
    estates = [source.estate(ACCOUNT, region) for region in regions]
    return lay_out(estates, lambda view: line(view, 1.0), Scheme().metrics)


def _read(asked: Asked, source: AwsSource, now: datetime) -> None:
    end = minute_of(now) - 5
    readings = [source.metrics(batch, end - POINTS, end) for batch in asked.batches]
    for window in windows(asked, readings):
        block, _ = cells(window, now, settle_s=120)
        assert (block.state == State.OBSERVED).any(), "nothing was read"


def _plainly(url: str, asked: Asked, now: datetime) -> None:
    """Read the same as most programs do: boto3 as it comes, a dictionary for each series."""
    end = minute_of(now) - 5
    for batch in asked.batches:
        series: dict[str, dict[datetime, float]] = {}
        pages = _plain(url, batch.region).get_paginator("get_metric_data")
        for page in pages.paginate(**cloudwatch.request(batch, end - POINTS, end)):
            for result in page["MetricDataResults"]:
                points = zip(result["Timestamps"], result["Values"], strict=True)
                series.setdefault(result["Id"], {}).update(points)
        assert any(series.values()), "nothing was read"


_PLAIN: dict[str, Any] = {}


def _plain(url: str, region: str) -> Any:  # noqa: ANN401 - boto3's own
    if url not in _PLAIN:
        _PLAIN[url] = boto3.client(
            "cloudwatch", region_name=region, endpoint_url=url, aws_access_key_id="any",
            aws_secret_access_key="any", config=Config(retries={"total_max_attempts": 1}),  # noqa: S106 - opens nothing
        )  # fmt: skip
    return _PLAIN[url]


def _cpu_s(act: Callable[[], None]) -> float:
    act()  # clients, models and caches are made once
    began = process_time()
    for _ in range(CALLS):
        act()
    return process_time() - began


def _memory() -> Figure:
    """Discover and read the large estate in a process of its own, and ask how large that grew."""
    with _simulated(LARGE_SERVICES, REGIONS) as (url, now):
        code = f"from bench.collector import grow; grow({url!r}, {now.timestamp()!r})"
        told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return Figure(
        name="collector.memory_mb", value=json.loads(told.stdout)["mb"], unit="MB", goal=300.0,
        better="lower",
        how=f"largest resident size of a process that reads {LARGE_SERVICES} services in 5 regions",
    )  # fmt: skip


def grow(url: str, at: float) -> None:
    """Read the whole estate, what counts and what explains, and print how large this process became."""
    now = datetime.fromtimestamp(at, UTC)
    source = AwsSource(Sessions(_access(url)), lambda: now)
    layout = _laid_out(source, *REGIONS)
    for region in REGIONS:
        for front in (Front.LOAD_BALANCER, Front.LOAD):
            places = [
                i
                for i, bundle in enumerate(layout.bundles)
                if bundle.front is front and bundle.track.region == region
            ]
            asked = layout.asked(places, [frozenset()] * len(places))
            readings = [source.metrics(b, minute_of(now) - 20, minute_of(now) - 5) for b in asked.batches]
            for window in windows(asked, readings):
                if front.tier is Tier.SLI:
                    cells(window, now, settle_s=120)
    print(json.dumps({"mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


@contextmanager
def _simulated(services: int, regions: tuple[str, ...]) -> Iterator[tuple[str, datetime]]:
    """Run a simulated AWS in a process of its own; yield its address, and the time there once it stands."""
    document = {
        "name": "collected", "duration": "12h",
        "estate": {
            "regions": list(regions),
            "services": [{"name": f"service-{number:03}"} for number in range(services)],
        },
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        scenario = Path(folder) / "scenario.yaml"
        scenario.write_text(yaml.safe_dump(document), encoding="utf-8")
        fournines = str(Path(sys.executable).with_name("fournines"))
        command = [fournines, "simulate", "--port", "0", "--scenario", str(scenario)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                told = json.loads(process.stdout.readline())
                yield f"http://127.0.0.1:{told['port']}", datetime.fromisoformat(told["start"])
            finally:
                process.terminate()


# -- a day, and a week, on the simulated clock


def _quiet(duration: str) -> Scenario:
    mine = shipped("mylearning").model_dump(by_alias=True)
    return Scenario.model_validate({**mine, "duration": duration, "faults": ()})


def _bill() -> Figure:
    with Books.open("sqlite://") as books:
        life = Collecting(_quiet("1d"), books)
        life.until(life.world.scenario.end)
        told = life.world.cloudwatch.billed()
        standing = bill(life.known.layout, Scheme().cadence, heartbeat_regions=2, probes=0).standing
    day_usd = told["metrics_requested"] * METRIC_USD + sum((one.usd for one in standing), Decimal(0)) / 30
    day_usd += told["alarms"] * ALARM_USD / 30
    row_usd = PLACEMENTS * 24 * 60 * METRIC_USD
    return Figure(
        name="collector.billed_share_quiet_day", value=float(day_usd / (ROWS * row_usd)), unit="of naive",
        goal=0.10, better="lower",
        how=f"a day of {PLACEMENTS} placements as the simulator counts it, each statistic billed, heartbeat "
        f"and all {told['alarms']} alarms there included, by {ROWS} statistics every minute; by the "
        f"{BOUGHT_ROWS} that are ever bought it is {float(day_usd / (BOUGHT_ROWS * row_usd)):.4f}",
    )  # fmt: skip


def _lags() -> Iterator[Figure]:
    for name, hot, goal in (("quiet", False, 300.0), ("hot", True, 60.0)):
        yield Figure(
            name=f"collector.sli_lag_s_{name}", value=_lag_s(hot=hot), unit="s", goal=goal, better="lower",
            how="largest over three hours and 105 placements: from when a minute's final counts could be "
            "read until its cell was kept" + (", while every service is hot" if hot else ""),
        )  # fmt: skip


def _lag_s(*, hot: bool) -> float:
    """Live for three hours, looking every 15 s which minutes have become known."""
    largest = 0.0
    with Books.open("sqlite://") as books:
        life = Collecting(_quiet("3h"), books)
        begin = life.world.now + timedelta(minutes=20)
        known: dict[Sli, int] = {}
        while life.world.now < life.world.scenario.end:
            if hot:
                for placement in life.known.services:
                    life.known.heat.sign(placement.service, life.clock.now())
            life.until(life.world.now + timedelta(seconds=15))
            if life.world.now > begin:
                largest = max([largest, *_became_known(books, life.world.now, known)])
    return largest


def _became_known(books: Books, now: datetime, known: dict[Sli, int]) -> Iterator[float]:
    """Yield how late each newly known minute is: it could be read two minutes after its end."""
    with books.ledger() as ledger:
        assert ledger.newest is not None
        lags = ledger.lags(np.arange(len(ledger.slis)))
        newest = dict(zip(ledger.slis, (ledger.newest - lags).tolist(), strict=True))
    for sli, minute in newest.items():
        if sli.indicator is Indicator.AVAILABILITY:
            first = known.get(sli, minute) + 1
            known[sli] = minute
            if first <= minute:
                yield now.timestamp() - (first + 1) * 60 - 120


def _week() -> Figure:
    days = {"at": "30h", "duration": "24h"}
    everything: dict[str, Any] = {"duration": "6h"}
    faults = [
        {"kind": "metrics_delay", "at": "8h", "by": "30m", "where": {"service": "payment"}, **everything},
        {"kind": "metrics_revised", "at": "16h", "share": 0.5, "by": "4h", **everything},
        {"kind": "api_outage", "where": {"region": "eu-west-1"}, **days},
        {
            "kind": "alb_errors",
            "at": "40h",
            "error_ratio": 0.3,
            "where": {"service": "payment"},
            **everything,
        },
        {"kind": "api_throttling", "at": "60h", "share": 0.6, **everything},
        {"kind": "partial_data", "at": "70h", "share": 0.1, **everything},
        {"kind": "api_errors", "at": "80h", "share": 0.6, **everything},
        {"kind": "metrics_revised", "at": "90h", "share": 1.5, "by": "1h", **everything},
        {"kind": "dependency_failure", "at": "100h", "where": {"service": "search-indexing"}, **everything},
        {"kind": "metrics_delay", "at": "110h", "by": "2h", **everything},
    ]
    mine = shipped("mylearning").model_dump(by_alias=True)
    document = {**mine, "duration": "7d", "faults": faults, "aws": {"metric_retention": "8d"}}
    with Books.open("sqlite://") as books:
        life = Collecting(Scenario.model_validate(document), books)
        life.until(life.world.scenario.end)
        wrong = wrong_cells(life.world, books, life.world.scenario.start, life.world.scenario.end - SETTLED)
    return Figure(
        name="collector.cells_wrong_after_faulty_week", value=len(wrong), unit="cells", goal=0,
        better="lower",
        how=f"{PLACEMENTS} placements, two indicators, 7 days in which metrics come late, are revised up "
        "and down, calls are throttled and fail, series are left out and a region is gone for a day; "
        + (wrong[0] if wrong else "all equal the world's truth"),
    )  # fmt: skip
