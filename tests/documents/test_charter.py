"""What the documents come to for the service."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from fournines.service import Charter
from remediation.decision.policy import Policies
from runbooks.shelf import Shelf
from slo.cells import Indicator
from slo.objectives import EVERY_SERVICE, Objective, Rolling

ALL = Objective(
    name="fast",
    display_name="Fast",
    service=EVERY_SERVICE,
    indicator=Indicator.LATENCY,
    target=Decimal("0.99"),
    window=Rolling(timedelta(days=30)),
    threshold_s=Decimal("0.5"),
)
SEARCH = replace(ALL, name="search-fast", service="search", threshold_s=Decimal("0.2"))


def charter(*objectives: Objective) -> Charter:
    return Charter(objectives, Policies(), (), Shelf({}), latency_threshold_s=0.8)


def test_what_is_slow_is_said_by_a_service_s_own_objective_first() -> None:
    assert charter(ALL, SEARCH).threshold_s("search") == 0.2


def test_what_is_slow_is_said_by_the_objective_of_every_service_next() -> None:
    assert charter(ALL, SEARCH).threshold_s("payment") == 0.5


def test_what_is_slow_is_said_by_the_configuration_where_no_objective_does() -> None:
    assert charter(SEARCH).threshold_s("payment") == 0.8
