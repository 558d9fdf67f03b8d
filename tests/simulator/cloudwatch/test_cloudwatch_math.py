from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from simulator.refusal import Refusal

if TYPE_CHECKING:
    from tests.simulator.cloudwatch.conftest import Bench


def formula(text: str, name: str = "e", **more: Any) -> dict[str, Any]:  # noqa: ANN401 - AWS's own parameters
    return {"Id": name, "Expression": text, **more}


def counts(bench: Bench) -> list[dict[str, Any]]:
    """Return queries of requests and errors that are not shown; minute 1 has requests alone."""
    bench.record(0, 1, target_5xx=10)
    bench.record(1, 1)
    bench.record(2, 1, target_5xx=500)
    return [
        bench.query("RequestCount", "Sum", id="total", ReturnData=False),
        bench.query("HTTPCode_Target_5XX_Count", "Sum", id="errors", ReturnData=False),
    ]


def solved(bench: Bench, text: str) -> list[float | None]:
    """Return an expression's points of the first three minutes, None where there is none."""
    result = bench.ask(*counts(bench), formula(text), end=3)["MetricDataResults"][0]
    first = bench.ask(bench.query("RequestCount", "Sum"), end=3)["MetricDataResults"][0]["Timestamps"]
    told = dict(zip(result["Timestamps"], result["Values"], strict=True))
    return [told.get(at) for at in first]


@pytest.mark.parametrize(
    ("text", "points"),
    [
        ("errors / total", [0.01, None, 0.5]),
        ("100 * (total - errors) / total", [99, None, 50]),
        ("1 - FILL(errors, 0) / total", [0.99, 1, 0.5]),
        ("FILL(errors, REPEAT)", [10, 10, 500]),
        ("FILL(errors, -1)", [10, -1, 500]),
        ("-errors", [-10, None, -500]),
        ("SUM([errors, total])", [1010, None, 1500]),
        ("SUM(FILL(METRICS(), 0))", [1010, 1000, 1500]),
        ('AVG(METRICS("err"))', [10, None, 500]),
        ("MIN([total, FILL(errors, 0)])", [10, 0, 500]),
        ("MAX([total, errors * 3])", [1000, None, 1500]),
        ("IF(errors > 10, total, 0)", [0, None, 1000]),
        ("IF(FILL(errors, 0) <= 10, 1, 0)", [1, 1, 0]),
        ("total / (total - total)", [None, None, None]),
    ],
    ids=str,
)
def test_an_expression_has_points_where_all_it_needs_has(
    bench: Bench, text: str, points: list[float | None]
) -> None:
    assert solved(bench, text) == points


def test_expressions_are_solved_whatever_their_order_and_shown_in_it(bench: Bench) -> None:
    late = formula("100 * ratio", "percent", Label="errors, percent")
    early = formula("FILL(errors, 0) / total", "ratio")
    results = bench.ask(late, *counts(bench), early, end=3)["MetricDataResults"]
    assert [(one["Id"], one["Label"], one["Values"]) for one in results] == [
        ("percent", "errors, percent", [1, 0, 50]),
        ("ratio", "ratio", [0.01, 0, 0.5]),
    ]


def test_nothing_is_filled_that_has_not_come(bench: Bench) -> None:
    filled = bench.ask(*counts(bench), formula("FILL(errors, 0)"), end=60, now=5)["MetricDataResults"][0]
    assert len(filled["Values"]) == 6


def test_only_the_metrics_of_an_expression_are_billed(bench: Bench) -> None:
    solved(bench, "errors / total")
    assert bench.cloudwatch.billed("tester")["metrics_requested"] == 2 + 1


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("errors / nobody", "Error in expression 'e': unknown id nobody"),
        ("e + total", "circular reference e -> e"),
        ("1 + 1", "needs a time series"),
        ('METRICS("nobody") + 1', "needs a time series"),
        ("SUM(total)", "total is not simulated yet"),
        ("SUM([total, 1])", "1 is not simulated yet"),
        ("[total, errors]", "is not simulated yet"),
        ("METRICS()", "is not simulated yet"),
        ("FILL(1, total)", "total is not simulated yet"),
        ("FILL(total, errors)", "errors is not simulated yet"),
        ("total ** 2", "is not simulated yet"),
        ("IF(total, 1)", "is not simulated yet"),
        ("IF(1 > 0, 1, FILL(2, 0))", "needs a time series"),
        ("IF(1 > 0, 1, 2) + 0 * (1 > 0 > total)", "is not simulated yet"),
        ("SEARCH('{AWS/ApplicationELB}', 'Sum')", "the function SEARCH is not simulated yet"),
        ("ANOMALY_DETECTION_BAND(total)", "the function ANOMALY_DETECTION_BAND is not simulated yet"),
        ("SELECT AVG(x) FROM y", "Metrics Insights is not simulated yet"),
        ("total +", "cannot be parsed"),
        ("total && errors", "cannot be parsed"),
        ("(" * 1000 + "total" + ")" * 1000, "cannot be parsed"),
        ("-" * 2000 + "total", "cannot be parsed|nested too deeply"),
        ("total * 1" + "0" * 400, "too large a number"),
        ("", "1 to 2048 characters"),
    ],
    ids=lambda text: text[:30],
)
def test_an_expression_that_cannot_be_solved_is_refused_in_words(bench: Bench, text: str, told: str) -> None:
    with pytest.raises(Refusal, match=told) as caught:
        solved(bench, text)
    assert caught.value.code == "ValidationError"


def test_a_circle_of_expressions_is_refused(bench: Bench) -> None:
    with pytest.raises(Refusal, match="circular reference"):
        bench.ask(*counts(bench), formula("b + total", "a"), formula("a + total", "b"))


def test_series_of_different_periods_are_not_mixed(bench: Bench) -> None:
    slow = bench.query("RequestCount", "Sum", id="slow", period=300)
    with pytest.raises(Refusal, match="different periods"):
        bench.ask(*counts(bench), slow, formula("slow - total"))
