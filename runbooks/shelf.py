"""All runbooks: found by cause or action, and checked against what exists."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

from runbooks.front import Problem, RunbookError
from runbooks.runbook import Runbook, StepKind, parse

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable


@dataclass(frozen=True, slots=True)
class Shelf:
    """Runbooks by their ids."""

    runbooks: Mapping[str, Runbook]

    def __getitem__(self, runbook_id: str) -> Runbook:
        return self.runbooks[runbook_id]

    def __contains__(self, runbook_id: object) -> bool:
        return runbook_id in self.runbooks

    def for_cause(self, cause: str) -> Runbook | None:
        """Return what to read when a diagnosis names the cause."""
        return next((book for book in self.runbooks.values() if cause in book.causes), None)

    def for_action(self, action: str) -> Runbook | None:
        """Return what to read about an action of fournines."""
        return next((book for book in self.runbooks.values() if action in book.actions), None)

    def over(self, below: Shelf) -> Shelf:
        """Lay this shelf over another: a runbook of the same id replaces, and is found before all others."""
        return Shelf({**self.runbooks, **{k: v for k, v in below.runbooks.items() if k not in self.runbooks}})

    def check(self, causes: Iterable[str], actions: Iterable[str]) -> tuple[Problem, ...]:
        """Name each cause and action without a runbook, and each name in a runbook that nothing knows."""
        known_causes, known_actions = list(causes), list(actions)
        return (
            *self._missing("cause", [c for c in known_causes if not self.for_cause(c)]),
            *self._missing("action", [a for a in known_actions if not self.for_action(a)]),
            *(p for book in self.runbooks.values() for p in _strange(book, known_causes, known_actions)),
        )

    @staticmethod
    def _missing(word: str, names: Iterable[str]) -> tuple[Problem, ...]:
        return tuple(
            Problem("runbooks", 0, f"no runbook for the {word} {name!r}: list it under `{word}s:` of one")
            for name in names
        )


def _strange(book: Runbook, causes: list[str], actions: list[str]) -> Iterable[Problem]:
    """Yield the names in a runbook that nothing knows."""
    used = [("cause", name, causes) for name in book.causes]
    used += [("action", name, actions) for name in book.actions]
    used += [("action", step.run, actions) for step in book.steps if step.kind is StepKind.ACTION]
    for word, name, known in used:
        if name not in known:
            yield Problem(book.file, 0, f"no such {word}: {name!r}; known are {', '.join(known)}")


def read(folder: Traversable) -> Shelf:
    """Read every `*.md` of a folder.  Raises RunbookError with the problems of all of them at once."""
    found: dict[str, Runbook] = {}
    problems: list[Problem] = []
    for path in sorted(folder.iterdir(), key=lambda path: path.name):
        if not path.name.endswith(".md"):
            continue
        try:
            book = parse(path.read_text(encoding="utf-8"), path.name)
        except RunbookError as error:
            problems.extend(error.problems)
            continue
        problems.extend(_misnamed(book, found))
        found[book.id] = book
    if problems:
        raise RunbookError(tuple(problems))
    return Shelf(found)


def _misnamed(book: Runbook, found: Mapping[str, Runbook]) -> Iterable[Problem]:
    """Yield what keeps a runbook from being found by its name."""
    if book.id in found:
        yield Problem(book.file, 2, f"the id {book.id!r} is taken by {found[book.id].file}")
    if book.file != f"{book.id}.md":
        yield Problem(
            book.file, 2, f"the runbook {book.id!r} belongs in {book.id}.md, where it is looked for"
        )


def shipped() -> Shelf:
    """Return the runbooks that ship with fournines."""
    return read(resources.files("runbooks") / "library")
