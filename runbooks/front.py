"""A runbook's front matter: YAML between two `---` lines, every value as text, every key with its line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import yaml

FENCE = "---"

#: Where a value stands: keys and list positions, from the top.
Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """What is wrong, and where: `line` counts from 1; 0 means the file as a whole."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: {self.message}"


class RunbookError(ValueError):
    """Runbooks that cannot be used, with every problem at once."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Front:
    """Front matter as plain text values, the line of each, and the Markdown below it."""

    values: Mapping[str, object]
    lines: Mapping[Path, int]
    body: str
    body_line: int

    def line(self, path: Path) -> int:
        """Return the line of the value, or of the closest thing around it that is there."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def split(text: str, file: str) -> Front:
    """Part front matter from Markdown.  Raises RunbookError."""
    rows = text.splitlines()
    if FENCE not in rows[1:] or rows[0] != FENCE:
        message = f"a runbook begins with front matter between two lines of {FENCE!r}"
        raise RunbookError((Problem(file, 1, message),))
    close = rows.index(FENCE, 1)
    try:
        node = yaml.compose("\n".join(rows[1:close]), Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 2 if error.problem_mark else 1
        raise RunbookError((Problem(file, line, f"this is no YAML: {error.problem}"),)) from error
    if not isinstance(node, yaml.MappingNode):
        raise RunbookError((Problem(file, 2, "front matter is `key: value` lines, beginning with `id:`"),))
    reader = _Reader(file)
    values = reader.mapping(node, ())
    if reader.problems:
        raise RunbookError(tuple(reader.problems))
    return Front(values, reader.lines, "\n".join(rows[close + 1 :]).strip() + "\n", close + 2)


class _Reader:
    """Turns nodes into mappings, lists and text, and remembers their lines."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.lines: dict[Path, int] = {}
        self.problems: list[Problem] = []

    def mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, object]:
        """Read `key: value` pairs; a key that stands twice is a problem, as one of the two would be lost."""
        found: dict[str, object] = {}
        for key_node, value_node in node.value:
            key, line = str(key_node.value), key_node.start_mark.line + 2
            if key in found:
                self.problems.append(Problem(self.file, line, f"{key!r} stands here twice; keep one"))
            self.lines[*path, key] = line
            found[key] = self._value(value_node, (*path, key))
        return found

    def _value(self, node: yaml.Node, path: Path) -> object:
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            for position, item in enumerate(node.value):
                self.lines[*path, position] = item.start_mark.line + 2
            return [self._value(item, (*path, position)) for position, item in enumerate(node.value)]
        return None if node.tag == "tag:yaml.org,2002:null" else node.value
