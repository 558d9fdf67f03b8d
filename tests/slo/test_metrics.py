"""Families are named as Prometheus wants, or do not exist."""

from __future__ import annotations

import pytest

from slo.metrics import FAMILIES, Family, Kind


def test_every_family_has_a_name_of_its_own() -> None:
    assert len({family.name for family in FAMILIES}) == len(FAMILIES)


@pytest.mark.parametrize(
    ("name", "kind", "unit", "labels", "text", "expected"),
    [
        ("Sli", Kind.GAUGE, "", (), "x", "lower case"),
        ("sli_all", Kind.COUNTER, "", (), "x", "end in _total"),
        ("sli_all_total", Kind.GAUGE, "", (), "x", "end in _total"),
        ("slo_left", Kind.GAUGE, "seconds", (), "x", "must end in _seconds"),
        ("slo_left", Kind.GAUGE, "", ("a", "a"), "x", "distinct"),
        ("slo_left", Kind.GAUGE, "", ("A",), "x", "lower-case"),
        ("slo_left", Kind.GAUGE, "", (), "", "a sentence"),
    ],
)
def test_a_family_that_breaks_the_naming_rules_is_refused(  # noqa: PLR0913, PLR0917 - a table
    name: str, kind: Kind, unit: str, labels: tuple[str, ...], text: str, expected: str
) -> None:
    with pytest.raises(ValueError, match=expected):
        Family(name, kind, unit, labels, text)
