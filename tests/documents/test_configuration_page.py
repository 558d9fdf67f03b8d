from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from collector.probes import Reason
from fournines import measuring, settings, stating
from fournines.documents import parse
from fournines.forms import Section
from remediation.decision.policy import FloorRule, Freeze, OnTimeout, Policy
from remediation.vocabulary import Mode
from slo import budget_policies, contracts, gate
from slo.budget_policies import DEFAULT, SAYS, BudgetPolicy, Threshold

if TYPE_CHECKING:
    from pydantic import BaseModel

PAGE = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")
NAMED = {part for name in re.findall(r"`([a-z0-9_.]+)`", PAGE) for part in name.split(".")}

FORMS = (
    *(
        one
        for one in {**vars(settings), **vars(measuring), **vars(stating)}.values()
        if isinstance(one, type) and issubclass(one, Section) and one is not Section
    ),
    Policy,
    Freeze,
    FloorRule,
)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_every_property_is_on_the_page(form: type[BaseModel]) -> None:
    assert set(form.model_fields) - NAMED == set()


def test_every_property_of_a_contract_is_on_the_page() -> None:
    wrong = {
        "x": 1,
        **{part: {"x": 1} for part in ("bad_minute", "charges", "credit", "exclusions", "latency")},
    }
    told = [problem.message for problem in contracts.read([wrong]).problems if problem.path[-1] == "x"]
    known = {name for message in told for name in message.partition("one of ")[2].split(", ")}
    assert len(told) == 6
    assert known - NAMED == set()


def test_every_reason_of_a_check_is_on_the_page() -> None:
    assert {*Reason} - NAMED == set()


def test_every_word_of_a_policy_is_on_the_page() -> None:
    assert {*Mode, *OnTimeout} - NAMED == set()


@pytest.mark.parametrize("form", [BudgetPolicy, Threshold], ids=lambda form: form.__name__)
def test_every_property_of_a_budget_policy_is_on_the_page(form: type[BudgetPolicy | Threshold]) -> None:
    assert {field.name for field in dataclasses.fields(form)} - NAMED == set()
    assert {*SAYS} - NAMED == set()


def test_every_reason_of_the_gate_is_on_the_page() -> None:
    assert {*gate.Reason} - NAMED == set()


def test_the_default_budget_policy_is_the_one_on_the_page() -> None:
    (block,) = (part for part in PAGE.split("```")[1::2] if part.startswith("\nbudget_policies:"))
    (written,) = parse(block.replace("name: default", "name: ours"), "page")
    reading = budget_policies.read([written.data])
    assert reading.policies == (dataclasses.replace(DEFAULT, name="ours"),)
