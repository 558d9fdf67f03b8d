"""Reading a document that somebody wrote: every problem at once, each with its path and what was expected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Path = tuple[str | int, ...]

Word = TypeVar("Word", bound=StrEnum)
Meant = TypeVar("Meant")


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, where: keys and positions from the top of what was read."""

    path: Path
    message: str

    def __str__(self) -> str:
        return f"{'.'.join(map(str, self.path))}: {self.message}"


@dataclass(slots=True)
class Section:
    """A mapping in a document; a read that fails notes the problem and answers None."""

    data: Mapping[str, Any]
    path: Path
    problems: list[Problem]
    read: set[str] = field(default_factory=set)

    def refuse(self, key: str | None, message: str) -> None:
        """Note a problem with the value of a key, or with the section itself."""
        self.problems.append(Problem(self.path if key is None else (*self.path, key), message))

    def has(self, key: str) -> bool:
        """Whether the key is there, empty or not."""
        return key in self.data

    def value(self, key: str, expected: str, *, needed: bool = True) -> Any:  # noqa: ANN401 - as it was written
        """Return what stands there; a needed value that is missing is a problem."""
        self.read.add(key)
        if needed and self.data.get(key) is None:
            self.refuse(key, f"is missing; expected {expected}")
        return self.data.get(key)

    def text(self, key: str, expected: str = "a text", *, needed: bool = True) -> str | None:
        """Return a text that is not empty."""
        value = self.value(key, expected, needed=needed)
        if value is None or (isinstance(value, str) and value.strip()):
            return value
        self.refuse(key, f"expected {expected}, got {value!r}{_quotable(value)}")
        return None

    def texts(self, key: str, expected: str, *, needed: bool = True) -> tuple[str, ...]:
        """Return a list of texts."""
        value = self.value(key, expected, needed=needed)
        if value is None:
            return ()
        if _is_list(value) and all(isinstance(item, str) and item for item in value):
            return tuple(value)
        unquoted = next(filter(None, map(_quotable, value)), "") if _is_list(value) else ""
        self.refuse(key, f"expected {expected}, got {value!r}{unquoted}")
        return ()

    def some(self, key: str, expected: str) -> tuple[str, ...]:
        """Return a list of texts that is not empty."""
        found = self.texts(key, expected)
        if self.data.get(key) == []:
            self.refuse(key, f"is empty; expected {expected}")
        return found

    def parsed(
        self, key: str, parse: Callable[[str], Meant], expected: str, *, needed: bool = True
    ) -> Meant | None:
        """Return what a text means; the reader says what is wrong by a ValueError."""
        text = self.text(key, expected, needed=needed)
        try:
            return None if text is None else parse(text)
        except ValueError as error:
            self.refuse(key, str(error))
            return None

    def word(self, key: str, words: type[Word], expected: str = "", *, needed: bool = True) -> Word | None:
        """Return one of an enumeration's words."""
        expected = expected or " or ".join(words)
        value = self.text(key, expected, needed=needed)
        if value is None or value in tuple(words):
            return None if value is None else words(value)
        self.refuse(key, f"expected {expected}, got {value!r}")
        return None

    def number(self, key: str, expected: str, *, needed: bool = True) -> Decimal | None:
        """Return a number exactly as it was written; a float is read by its shortest form."""
        value = self.value(key, expected, needed=needed)
        if value is None:
            return None
        try:
            number = Decimal("nan") if isinstance(value, bool) else Decimal(str(value))
        except InvalidOperation:
            number = Decimal("nan")
        if number.is_finite():
            return number
        self.refuse(key, f"expected {expected}, got {value!r}")
        return None

    def section(self, key: str, expected: str = "a mapping", *, needed: bool = True) -> Section | None:
        """Return the mapping under a key."""
        value = self.value(key, expected, needed=needed)
        return None if value is None else self._section(value, (*self.path, key), expected)

    def sections(self, key: str, expected: str, *, needed: bool = True) -> Iterator[Section]:
        """Yield the mappings of a list."""
        value = self.value(key, expected, needed=needed)
        if value is not None and not _is_list(value):
            self.refuse(key, f"expected {expected}, got {value!r}")
            return
        for position, item in enumerate(value or ()):
            if section := self._section(item, (*self.path, key, position), "a mapping"):
                yield section

    def unread(self) -> tuple[str, ...]:
        """Return the keys that nobody asked for."""
        return tuple(str(key) for key in self.data if key not in self.read)

    def refuse_unread(self) -> None:
        """Note every key that nobody asked for as a problem."""
        for key in self.unread():
            known = ", ".join(sorted(self.read))
            self.refuse(key, f"is not known here; expected one of {known}")

    def _section(self, value: object, path: Path, expected: str) -> Section | None:
        if isinstance(value, Mapping):
            return Section(value, path, self.problems)
        self.problems.append(Problem(path, f"expected {expected}, got {value!r}"))
        return None


def documents(written: Sequence[object], problems: list[Problem]) -> Iterator[Section]:
    """Yield each document that is a mapping; paths of problems begin with its position."""
    for position, document in enumerate(written):
        if isinstance(document, Mapping):
            yield Section(document, (position,), problems)
        else:
            problems.append(Problem((position,), f"expected a mapping, got {document!r}"))


def _quotable(value: object) -> str:
    """Say what mends a text that YAML reads as a number or a yes, such as `clause: 7.2`."""
    return "; in quotes it is a text" if isinstance(value, int | float | Decimal) else ""


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)
