"""Reads the YAML that users write: plain values that know their lines, and every fault at once.

YAML is read by the core schema of YAML 1.2: `no` and `on` are words, and `012345678901`, an account id, keeps
its zero.  Decimal fractions become `Decimal`, digit by digit, so that a target of 0.9999 is exactly that.
Times stay text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, get_args

import yaml
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from fournines.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from slo.problem import Problem

#: Where in a document: keys and list positions, from the top.
Where = tuple[str | int, ...]

#: A document with more values than this, aliases unfolded, is a mistake or an attack.
VALUES_MAX = 200_000

_CORE: Final = "tag:yaml.org,2002:"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with a document; `line` counts from 1, 0 when the whole file is meant."""

    file: str
    line: int
    where: Where
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {dotted(self.where)}: {self.message}" if self.where else f"{place}: {self.message}"


class Exact(Decimal):
    """A decimal fraction as it was written, also when it is printed."""

    def __repr__(self) -> str:
        return str(self)


class DocumentError(Trouble):
    """Documents that cannot be used, with every fault at once in the order of files and lines."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        unique = dict.fromkeys(faults)
        self.faults = tuple(sorted(unique, key=lambda fault: (fault.file, fault.line, dotted(fault.where))))
        super().__init__("\n".join(map(str, self.faults)))


@dataclass(frozen=True, slots=True, eq=False)
class Document:
    """One YAML document as plain Python, and the line of every value in it."""

    data: Any
    file: str
    lines: Mapping[Where, int]

    def locate(self, where: Where) -> int:
        """Return the line of the value, or of the nearest thing around it that exists."""
        while where not in self.lines:
            where = where[:-1]
        return self.lines[where]

    def fault(self, where: Where, message: str) -> Fault:
        """Return a fault of this document, with its line."""
        return Fault(self.file, self.locate(where), where, message)


def dotted(where: Where) -> str:
    """Return the path as people write it: `spec.objectives[0].target`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in where)
    return text.removeprefix(".")


def load(path: Path) -> tuple[Document, ...]:
    """Read every document of a file; empty ones are left out.  Raises DocumentError."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise DocumentError([Fault(str(path), 0, (), f"not UTF-8 text: {error.reason}")]) from None
    except OSError as error:
        raise DocumentError([Fault(str(path), 0, (), f"cannot be read: {error.strerror}")]) from None
    return parse(text, str(path))


def parse(text: str, file: str) -> tuple[Document, ...]:
    """Read every document of a text.  Raises DocumentError."""
    faults: list[Fault] = []
    documents: list[Document] = []
    try:
        for node in yaml.compose_all(text, Loader=_Composer):
            reading = _Reading(file)
            data = reading.value(node, ())
            faults += reading.faults
            if data is not None:
                documents.append(Document(data, file, reading.lines))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = ", ".join(filter(None, (error.context, error.problem)))
        faults.append(Fault(file, mark.line + 1 if mark else 0, (), f"not YAML: {problem}"))
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        faults.append(Fault(file, line, (), f"not YAML: {error.reason}"))
    except RecursionError:
        faults.append(Fault(file, 0, (), "nested too deeply"))
    if faults:
        raise DocumentError(faults)
    return tuple(documents)


class _Composer(yaml.BaseLoader):
    """Composes nodes, tagged by the core schema instead of YAML 1.1."""


for _tag, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?(?:0|[1-9][0-9]*)", list("-+0123456789")),
    ("float", r"[-+]?(?:0|[1-9][0-9]*)?(?:\.[0-9]+|(?:\.[0-9]*)?[eE][-+]?[0-9]+)", list("-+.0123456789")),
):
    _Composer.add_implicit_resolver(f"{_CORE}{_tag}", re.compile(f"^(?:{_pattern})$"), _first)

_SCALARS: Mapping[str, Callable[[str], Any]] = {
    f"{_CORE}str": str,
    f"{_CORE}null": lambda _: None,
    f"{_CORE}bool": lambda text: text.lower() == "true",
    f"{_CORE}int": int,
    f"{_CORE}float": Exact,
}


class _Reading:
    """Turns the nodes of one document into plain values, and notes lines and faults on the way."""

    def __init__(self, file: str) -> None:
        self.lines: dict[Where, int] = {(): 1}
        self.faults: list[Fault] = []
        self._file = file
        self._inside: set[int] = set()

    def value(self, node: yaml.Node | None, where: Where) -> Any:  # noqa: ANN401 - YAML holds anything
        """Return the node's value; what is wrong with it becomes a fault, and None stands in."""
        if node is None:
            return None
        line = node.start_mark.line + 1
        self.lines.setdefault(where, line)
        if not where:
            self.lines[()] = line
        if id(node) in self._inside:
            return self._fault(node, where, "an alias leads back to what holds it")
        if len(self.lines) > VALUES_MAX:
            return self._fault(node, (), f"more than {VALUES_MAX} values")
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, where)
        self._inside.add(id(node))
        value = self._mapping(node, where) if isinstance(node, yaml.MappingNode) else self._list(node, where)
        self._inside.discard(id(node))
        return value

    def _scalar(self, node: yaml.ScalarNode, where: Where) -> Any:  # noqa: ANN401
        convert = _SCALARS.get(node.tag)
        if convert is None:
            return self._fault(node, where, f"tags are not understood: {node.tag}")
        try:
            return convert(node.value)
        except (ValueError, ArithmeticError):
            return self._fault(node, where, f"not what its tag says: {node.value!r}")

    def _list(self, node: yaml.Node, where: Where) -> list[Any]:
        return [self.value(item, (*where, index)) for index, item in enumerate(node.value)]

    def _mapping(self, node: yaml.MappingNode, where: Where) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key, item in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._fault(key, where, "a key is one word, not a list or a mapping")
            elif key.value in data:
                first = self.lines[(*where, key.value)]
                self._fault(key, (*where, key.value), f"given twice; first on line {first}")
            else:
                self.lines[(*where, key.value)] = key.start_mark.line + 1
                data[key.value] = self.value(item, (*where, key.value))
        return data

    def _fault(self, node: yaml.Node, where: Where, message: str) -> None:
        self.faults.append(Fault(self._file, node.start_mark.line + 1, where, message))


def located(documents: Sequence[Document], problems: Iterable[Problem]) -> Iterator[Fault]:
    """Yield the faults that problems stand for; the first part of each path is the document's position."""
    for problem in problems:
        position, *where = problem.path
        yield documents[int(position)].fault(tuple(where), problem.message)


def misfits(document: Document, error: ValidationError, form: type[BaseModel]) -> Iterator[Fault]:
    """Yield the faults of a document that does not fit its form, each with what was expected."""
    problems = error.errors(include_url=False)
    for problem in problems:
        if problem["type"] == "too_short" and any(_within(problem["loc"], p["loc"]) for p in problems):
            continue  # it is only too short of sound items, and what is wrong with each is told
        where = _known(document, problem["loc"], missing=problem["type"] == "missing")
        match problem["type"]:
            case "missing":
                message = "is missing"
            case "extra_forbidden":
                expected = sorted(_keys(form, problem["loc"][:-1]))
                message = f"is not known here; expected one of {', '.join(expected)}"
            case "too_short":
                message = f"is empty; expected at least {problem['ctx']['min_length']}"
            case "union_tag_not_found":
                discriminator = problem["ctx"]["discriminator"].strip("'")
                message = f"needs a {discriminator}, since it has several forms"
            case "union_tag_invalid":
                message = f"expected one of the kinds {problem['ctx']['expected_tags']}"
            case "expected":
                message = problem["msg"]
            case "value_error":
                message = problem["msg"].removeprefix("Value error, ")
            case _:
                message = problem["msg"][:1].lower() + problem["msg"][1:] + _given(problem["input"])
        yield document.fault(where, message)


def _within(outer: Where, inner: Where) -> bool:
    return len(inner) > len(outer) and inner[: len(outer)] == outer


def _given(value: object) -> str:
    """Return what stands there, when it is a number."""
    return f", got {value}" if isinstance(value, int | Decimal) else ""


def _known(document: Document, loc: Where, *, missing: bool) -> Where:
    """Return pydantic's path without the names of union members, which are not in the document."""
    where: Where = ()
    for part in loc:
        if (*where, part) in document.lines or (missing and part is loc[-1]):
            where = (*where, part)
    return where


def _keys(form: type[BaseModel], loc: Where) -> set[str]:
    """Return the properties that the form knows at the place."""
    forms = {form}
    for part in loc:
        if isinstance(part, str):
            inner = {f for one in forms if part in one.model_fields for f in _forms(one.model_fields[part])}
            forms = inner or forms
    return {name for one in forms for name in one.model_fields}


def _forms(annotation: object) -> set[type[BaseModel]]:
    """Return every form within a type."""
    if isinstance(annotation, FieldInfo):
        return _forms(annotation.annotation)
    if isinstance(annotation, type) and not get_args(annotation):
        return {annotation} if issubclass(annotation, BaseModel) else set()
    return {form for part in get_args(annotation) for form in _forms(part)}
