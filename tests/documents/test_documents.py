from decimal import Decimal
from pathlib import Path

import pytest

from fournines.documents import VALUES_MAX, Document, DocumentError, load, parse


def one(text: str) -> Document:
    (document,) = parse(text, "a.yaml")
    return document


def faults(text: str) -> list[str]:
    with pytest.raises(DocumentError) as error:
        parse(text, "a.yaml")
    return [str(fault) for fault in error.value.faults]


def test_a_target_keeps_every_digit() -> None:
    assert one("target: 0.9999").data == {"target": Decimal("0.9999")}
    assert str(one("target: 99.990").data["target"]) == "99.990"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("012345678901", "012345678901"),
        ("123456789012", 123456789012),
        ("no", "no"),
        ("on", "on"),
        ("true", True),
        ("~", None),
        ("2026-10-01T00:00:00Z", "2026-10-01T00:00:00Z"),
        ("12:30:45", "12:30:45"),
        ("'0.5'", "0.5"),
        ("-3", -3),
        ("1e3", Decimal(1000)),
        ("1.2.3", "1.2.3"),
    ],
)
def test_words_numbers_and_ids_are_what_they_look_like(text: str, value: object) -> None:
    assert one(f"a: {text}").data == {"a": value}


def test_several_documents_in_a_file_know_their_lines() -> None:
    first, second = parse("a: 1\n---\n# nothing\n---\nb:\n  - c: 2\n    d: 3\n", "a.yaml")
    assert (first.locate(("a",)), second.locate(("b", 0, "d"))) == (1, 7)


def test_a_missing_property_is_located_at_what_should_hold_it() -> None:
    document = one("spec:\n  service: x\n  objectives:\n    - target: 1\n")
    assert document.locate(("spec", "objectives", 0, "window", "unit")) == 4
    assert document.locate(("nothing", "here")) == 1


def test_every_fault_is_told_at_once() -> None:
    assert faults("a: 1\na: 2\nb: !!python/object x\nc:\n  d: 1\n  d: 2\n? [x]\n: 1\n") == [
        "a.yaml:2: a: given twice; first on line 1",
        "a.yaml:3: b: tags are not understood: tag:yaml.org,2002:python/object",
        "a.yaml:6: c.d: given twice; first on line 5",
        "a.yaml:7: a key is one word, not a list or a mapping",
    ]


def test_broken_yaml_names_its_line() -> None:
    assert faults("a: 1\nb: [1, 2\nc: 3\n")[0].startswith("a.yaml:3: not YAML: while parsing a flow sequence")
    assert faults("a: \x07")[0].startswith("a.yaml:1: not YAML: special characters")


def test_an_alias_may_repeat_but_not_hold_itself() -> None:
    assert one("a: &x {b: 1}\nc: *x\n").data == {"a": {"b": 1}, "c": {"b": 1}}
    assert faults("a: &x [1, *x]\n") == ["a.yaml:1: a[1]: an alias leads back to what holds it"]


def test_a_bomb_of_aliases_is_refused() -> None:
    bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)
    )
    assert f"more than {VALUES_MAX} values" in faults(bomb)[0]


def test_deep_nesting_is_a_fault_and_no_crash() -> None:
    assert faults("[" * 20_000) == ["a.yaml: nested too deeply"]


def test_a_file_that_cannot_be_read_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match=r"missing\.yaml: cannot be read: No such file or directory"):
        load(tmp_path / "missing.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"a: \xff")
    with pytest.raises(DocumentError, match=r"latin\.yaml: not UTF-8 text"):
        load(tmp_path / "latin.yaml")
