"""What a minute and a month cost the promise at the large size: 1,050 placements, two indicators, 30 days.

Everything lives in a temporary folder, and each part in a process of its own, `python -m bench.slo PART`.
What is not done when the time is up is stopped and says so.
"""

from __future__ import annotations

import json
import resource
import sqlite3
import subprocess
import sys
from datetime import timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import monotonic, perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from bench import month, prometheus
from bench.figure import Figure
from fournines import issuing
from fournines.store.books import Books
from slo import contracts
from slo.burn import firing
from slo.cells import MINUTE_S, Indicator, moment_of
from slo.exchange import read, write
from slo.ledger import WINDOWS
from slo.months import Month
from slo.objectives import Objective, Rolling

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

    from slo.cells import Block
    from slo.ledger import Ledger

RUNS, REWRITTEN, CHANGED_SHARE = 50, 10, 0.01
#: Those of the tiers, and of the objective: what engine and Prometheus are both asked for.
EIGHT = [name for name in WINDOWS if name != "1m"]
#: No part may take longer, nor all of them.
PART_MAX_S, ALL_MAX_S = 120, 340
#: Prometheus gets so many SLIs of the month: to load all 181 million samples would take longer than all else.
COMPARED = 84
#: A statement's size: 21 services in 5 regions of 50 estates.
STATEMENT_PLACEMENTS = 5_250
CONTRACT = {
    "id": "bench",
    "tenant": "bench",
    "services": ["*"],
    "regions": ["*"],
    "indicator": "availability",
    "target": 0.9999,
    "zone": "UTC",
    "tiers": [{"below": 0.9999, "credit": 0.1}, {"below": 0.99, "credit": 0.3}],
}
OBJECTIVES = tuple(
    Objective(
        name=f"{service}-{indicator}",
        display_name=service,
        service=service,
        indicator=indicator,
        target=Decimal(target),
        window=Rolling(timedelta(days=30)),
        threshold_s=Decimal(1) if indicator is Indicator.LATENCY else None,
    )
    for service in (f"service-{number}" for number in range(21))
    for indicator, target in ((Indicator.AVAILABILITY, "0.9999"), (Indicator.LATENCY, "0.99"))
)
_lower = partial(Figure, better="lower")


def figures() -> Iterator[Figure]:
    """Keep the month, start on it, live on, ask Prometheus the same, and close a larger month."""
    until = monotonic() + ALL_MAX_S
    with TemporaryDirectory() as folder:
        url = str(Path(folder) / "books.db")
        if _part("keep", url, until) is None:
            raise RuntimeError(f"the month could not be kept within {PART_MAX_S} s")
        yield _disk(url)
        yield from _living(_part("live", url, until))
    yield from _against_prometheus(until)
    yield from _statement(until)


# -- the store, and the engine on it


def _disk(url: str) -> Figure:
    connection = sqlite3.connect(url)
    sealed, hours = connection.execute("SELECT SUM(LENGTH(cells)), COUNT(*) FROM hour").fetchone()
    (loose,) = connection.execute("SELECT SUM(LENGTH(cells)) FROM minute").fetchone()
    connection.close()
    return _lower(
        name="slo.disk_mb_per_month",
        value=sealed / hours * 720 / 1e6,
        unit="MB",
        goal=200,
        how=f"what 30 days add, sealed; besides, {loose / 1e6:.0f} MB of the two newest days, always as "
        f"many: the file has {Path(url).stat().st_size / 1e6:.0f} MB",
    )


def _living(told: Mapping[str, float] | None) -> Iterator[Figure]:
    if told is None:
        raise RuntimeError(f"the month could not be lived with for {PART_MAX_S} s")
    slis = f"{len(month.LARGE):,} SLIs"
    for name, unit, goal, how in (
        ("cold_start_s", "s", 5, f"Books.open until the ledger holds 30 days of {slis}; in a new process"),
        ("memory_mb", "MB", 1200, "the most that this process had, minutes and evaluations included"),
        (
            "ingest_ms",
            "ms",
            10,
            f"median of {RUNS} Books.record: a minute, and {REWRITTEN} of which {CHANGED_SHARE:.0%} changed",
        ),
        (
            "evaluate_ms",
            "ms",
            1,
            f"median of {RUNS}: the ratio of bad requests of {slis} over {len(EIGHT)} windows",
        ),
        ("burn_ms", "ms", 1, f"median of {RUNS} firing(): {len(OBJECTIVES)} objectives, nothing fires"),
        ("self_check_ms", "ms", 250, "median of 5: every window summed again"),
    ):
        yield _lower(name=f"slo.{name}", value=told[name], unit=unit, goal=goal, how=how)
    yield Figure(
        name="slo.csv_rows_per_s",
        value=told["csv_rows_per_s"],
        unit="rows/s",
        goal=300_000,
        better="higher",
        how="exchange.read() of an hour's rows, median of 3",
    )


def _live(url: str) -> dict[str, float]:
    """Start on a store that was left, and live through an hour of minutes."""
    began = perf_counter()
    with Books.open(url) as books:
        with books.ledger() as ledger:
            started = perf_counter() - began
            evaluate = _ms(lambda: _ratios(ledger))
            burn = _ms(lambda: firing(OBJECTIVES, ledger, month.END))
            check = _ms(ledger.self_check, runs=5)
        minutes = list(_minutes())
        rest = iter(minutes)
        ingest = _ms(lambda: books.record(block := next(rest), moment_of(block.minutes.stop)))
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
        lines = list(write([month.block(month.LARGE, month.FIRST, 60)]))
        read_s = _ms(lambda: read(lines, now=month.END), runs=3) / 1000
    return {
        "cold_start_s": started,
        "memory_mb": memory,
        "ingest_ms": ingest,
        "evaluate_ms": evaluate,
        "burn_ms": burn,
        "self_check_ms": check,
        "csv_rows_per_s": (len(lines) - 1) / read_s,
    }


def _minutes() -> Iterator[Block]:
    """Yield what each minute brings: itself, and those before it read again, of which few have changed."""
    chance = np.random.default_rng(2)
    whole = month.block(month.LARGE, month.AFTER - REWRITTEN, RUNS + REWRITTEN)
    scale = np.array([sli.indicator.scale for sli in month.LARGE])
    for at in range(RUNS):
        rows = slice(at, at + REWRITTEN + 1)
        changed = (chance.random(whole.total[rows].shape) < CHANGED_SHARE) & (whole.total[rows] > 0)
        whole.total[rows] += changed * scale
        yield type(whole)(
            whole.slis, whole.start + at, whole.bad[rows], whole.total[rows].copy(), whole.state[rows]
        )


def _ratios(ledger: Ledger) -> list[NDArray[np.float64]]:
    answers = []
    for name in EIGHT:
        sums = ledger.sums(WINDOWS[name])
        answers.append(sums.bad / np.maximum(sums.total, 1))
    return answers


# -- beside Prometheus


def _against_prometheus(until: float) -> Iterator[Figure]:
    if missing := prometheus.missing():
        print(f"slo.ratio_vs_prometheus is skipped: {' and '.join(missing)} not installed", file=sys.stderr)
        return
    told = _part("compare", "", until)
    if told is None:
        print("slo.ratio_vs_prometheus is skipped: it was not done in time", file=sys.stderr)
        return
    yield Figure(
        name="slo.ratio_vs_prometheus",
        value=told["prometheus_ms"] / told["ours_ms"],
        unit="times",
        goal=100,
        better="higher",
        how=f"{COMPARED} SLIs over {len(EIGHT)} windows: Prometheus {told['prometheus_ms']:,.0f} ms for "
        f"{2 * len(EIGHT)} increase(), the ledger {told['ours_ms']:.3f} ms. Largest error in bad requests: "
        f"Prometheus {told['on']:.2%} on the grid of its scrapes, {told['off']:.0%} half a minute after it; "
        f"the ledger {told['ours']:.2%}",
    )


def _compare(_: str) -> dict[str, float]:
    """Ask Prometheus and the ledger for the same sums, and judge both by the counts themselves."""
    slis = tuple(sli for sli in month.LARGE if sli.indicator is Indicator.AVAILABILITY)[:COMPARED]
    days = list(month.days(slis))
    bad, total = (np.vstack([getattr(day, name) for day in days]) for name in ("bad", "total"))
    ledger = month.ledger(slis, days)
    sums = [ledger.sums(WINDOWS[name]) for name in EIGHT]
    truth = prometheus.exact(bad, [WINDOWS[name] for name in EIGHT])
    with TemporaryDirectory() as folder:
        for name, counts in (("sli_bad_total", bad), ("sli_all_total", total)):
            prometheus.load(Path(folder), name, month.FIRST, counts)
        with prometheus.serving(Path(folder)) as peer:
            asked = [
                _asked(peer, "sli_bad_total", month.AFTER * MINUTE_S + late) for late in (0, -MINUTE_S / 2)
            ]
            prometheus_ms = _ms(
                lambda: [
                    _asked(peer, name, month.AFTER * MINUTE_S) for name in ("sli_bad_total", "sli_all_total")
                ],
                runs=3,
            )
    return {
        "prometheus_ms": prometheus_ms,
        "ours_ms": _ms(lambda: _ratios(ledger)),
        "on": _wrong(asked[0], truth),
        "off": _wrong(asked[1], truth),
        "ours": _wrong(np.array([one.bad for one in sums], np.float64), truth),
    }


def _asked(peer: prometheus.Prometheus, name: str, at_s: float) -> NDArray[np.float64]:
    return np.array([peer.increase(name, window, at_s, COMPARED) for window in EIGHT])


def _wrong(told: NDArray[np.float64], truth: NDArray[np.int64]) -> float:
    """Return the largest error among windows in which something failed, as a part of what failed."""
    failed = truth > 0
    return float(np.abs(told[failed] / truth[failed] - 1).max())


# -- the statement


def _statement(until: float) -> Iterator[Figure]:
    with TemporaryDirectory() as folder:
        url = str(Path(folder) / "books.db")
        if _part("keep_more", url, until) is None:
            print("slo.statement_s is skipped: its month was not kept in time", file=sys.stderr)
            return
        for part, goal, how in (
            ("statement", 5, "close() of a month"),
            ("statement_pdf", 15, "the same, and its PDF"),
        ):
            left = _left(until)
            told = _part(part, url, until)
            yield _lower(
                name=f"slo.{part}_s",
                value=left if told is None else told["s"],
                unit="s",
                goal=goal,
                how=f"{how} over {STATEMENT_PLACEMENTS:,} placements"
                + ("; stopped then" if told is None else ""),
            )


def _close(url: str, *, paper: bool) -> dict[str, float]:
    began = perf_counter()
    (contract,) = contracts.read([CONTRACT]).contracts
    with Books.visit(url) as books:
        statement = issuing.close(books, contract, Month.parse(month.MONTH), month.END + timedelta(days=2))
    if paper:
        from fournines.paper.statement import pdf  # noqa: PLC0415 - what is heavy counts where it is needed

        pdf(statement)
    return {"s": perf_counter() - began}


# -- processes of their own


def _keep(url: str, placements: int, indicators: tuple[Indicator, ...]) -> dict[str, float]:
    month.keep(url, month.slis(placements // month.REGIONS, indicators))
    return {}


PARTS: Mapping[str, Callable[[str], dict[str, float]]] = {
    "keep": lambda url: _keep(url, 1_050, (Indicator.AVAILABILITY, Indicator.LATENCY)),
    "live": _live,
    "compare": _compare,
    "keep_more": lambda url: _keep(url, STATEMENT_PLACEMENTS, (Indicator.AVAILABILITY,)),
    "statement": partial(_close, paper=False),
    "statement_pdf": partial(_close, paper=True),
}


def _part(name: str, url: str, until: float) -> dict[str, Any] | None:
    """Run a part in a process of its own; None if it had to be stopped."""
    command = [sys.executable, "-m", "bench.slo", name, url]
    try:
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=_left(until))
    except subprocess.TimeoutExpired:
        return None
    except subprocess.CalledProcessError as failed:
        raise RuntimeError(f"{name} failed:\n{failed.stderr}") from None
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def _left(until: float) -> float:
    """Return how many seconds a part may take."""
    return max(1.0, min(PART_MAX_S, until - monotonic()))


def _ms(act: Callable[[], object], *, runs: int = RUNS) -> float:
    def once() -> float:
        started = perf_counter()
        act()
        return (perf_counter() - started) * 1000

    return median(once() for _ in range(runs))


if __name__ == "__main__":
    print(json.dumps(PARTS[sys.argv[1]](sys.argv[2])))
