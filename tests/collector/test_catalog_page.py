"""The page of what is read of CloudWatch says what the catalogue says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from collector.catalog import FAST_SHARE, METRICS, PERCENTILES, TOLD_FOR_NOTHING
from collector.metric import Absent, Price

if TYPE_CHECKING:
    from collections.abc import Iterator

    from collector.metric import Metric
    from tests.conftest import Golden

DOCUMENTED = Path(__file__).parents[2] / "docs" / "cloudwatch.md"
PREFACE = (
    "# What is read of CloudWatch",
    "",
    "Every statistic that fournines asks GetMetricData for, so that a bill or a gap can be traced to its",
    "line; [metrics of your own](configuration.md#metrics-of-your-own) join them, `fournines cost` prices",
    "all. A dimension is filled with a service's own names. What counts (`sli`) is read every five minutes,",
    "what explains (`slow`) every fifteen, `hot` only while a service burns: then all is read every minute.",
    "",
    "The lag is how long after a minute's end its points are complete. AWS names no lags: these are what",
    "readers of CloudWatch report, and not yet compared with a real account. `custom` metrics cost money by",
    "existing, `vended` ones only by being read.",
    "",
)
HEADER = (
    "| metric | statistic | unit | dimensions | read as | period | lag | no point means | price | shown as |",
    "|---|---|---|---|---|---|---|---|---|---|",
)
MEANS = {Absent.ZERO: "zero", Absent.QUIET: "nothing to measure", Absent.UNKNOWN: "unknown"}
OTHERWISE = (
    "",
    "Where `collect.latency_by` asks for it, fast responses are counted in another way:",
    "",
)
NEVER = (
    "",
    "These are never bought, since ECS tells the same for nothing; dashboards that ask CloudWatch show them:",
    "",
)


def row(metric: Metric) -> str:
    dimensions = ", ".join(f"`{name}={value}`" for name, value in metric.dimensions)
    shown = f"`{metric.exported.name}`" if metric.exported else "-"
    cells = (
        f"`{metric.namespace}` `{metric.name}`", f"`{metric.stat}`", metric.unit, dimensions or "-",
        metric.tier, f"{metric.period_s} s", f"{metric.origin.lag_s} s", MEANS[metric.absent],
        metric.origin.price, shown,
    )  # fmt: skip
    return f"| {' | '.join(cells)} |"


def page() -> str:
    return "\n".join((*PREFACE, *_lines(), ""))


def _lines() -> Iterator[str]:
    yield from (*HEADER, *map(row, METRICS))
    yield from (*OTHERWISE, *HEADER, *map(row, (FAST_SHARE, *PERCENTILES.values())))
    yield from (*NEVER, *HEADER, *map(row, TOLD_FOR_NOTHING))


def test_every_statistic_that_is_read_is_on_the_page_of_cloudwatch(golden: Golden) -> None:
    golden(DOCUMENTED, page())


def test_only_what_is_bought_by_its_own_price_is_custom() -> None:
    custom = {metric.namespace for metric in METRICS if metric.origin.price is Price.CUSTOM}
    assert custom == {"ECS/ContainerInsights"}
