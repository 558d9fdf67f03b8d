from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from collector.probes import Reason
from fournines import measuring, settings
from fournines.forms import Section
from remediation.decision.policy import Freeze, OnTimeout, Policy
from remediation.vocabulary import Mode

if TYPE_CHECKING:
    from pydantic import BaseModel

PAGE = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")
NAMED = {part for name in re.findall(r"`([a-z_.]+)`", PAGE) for part in name.split(".")}

FORMS = (
    *(
        one
        for one in {**vars(settings), **vars(measuring)}.values()
        if isinstance(one, type) and issubclass(one, Section) and one is not Section
    ),
    Policy,
    Freeze,
)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_every_property_is_on_the_page(form: type[BaseModel]) -> None:
    assert set(form.model_fields) - NAMED == set()


def test_every_reason_of_a_check_is_on_the_page() -> None:
    assert {*Reason} - NAMED == set()


def test_every_word_of_a_policy_is_on_the_page() -> None:
    assert {*Mode, *OnTimeout} - NAMED == set()
