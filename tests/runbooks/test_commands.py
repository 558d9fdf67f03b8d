"""What a runbook tells a tired person to type exists: AWS operations, their options, commands of ours."""

from __future__ import annotations

import re
from pathlib import Path

import botocore.session
import pytest
from botocore import xform_name

from fournines.cli.main import COMMANDS

LIBRARY = Path(__file__).parents[2] / "runbooks" / "library"
SESSION = botocore.session.Session()

#: Options of the AWS CLI itself, and a command that it adds to those of the API.
GLOBAL = {"region", "query", "output", "max-items"}
CUSTOM = {("logs", "tail"): {"since", "filter-pattern"}}


def commands(text: str) -> list[str]:
    """Every AWS command with its continued lines; quoted words are left out."""
    joined = re.sub(r"'[^'\n]*'|\"[^\"\n]*\"", "QUOTED", re.sub(r"\\\n\s*", "", text))
    joined = re.sub(r">-\n\s+(aws [^\n]+)\n\s+(--[^\n]+)", r"\1 \2", joined)
    return [
        match[0] for match in re.finditer(r"\baws [a-z0-9-]+ [a-z][a-z-]+(?: (?:(?!\$\()[^\n|`)])+)?", joined)
    ]


def options(command: str) -> set[str]:
    """The names after `--`."""
    return set(re.findall(r" --([a-z-]+)", command)) - GLOBAL


def known_options(service: str, operation: str) -> set[str]:
    model = SESSION.get_service_model(service)
    names = {xform_name(name, "-"): name for name in model.operation_names}
    assert operation in names, f"aws {service} has no {operation}"
    shape = model.operation_model(names[operation]).input_shape
    return {xform_name(name, "-") for name in shape.members} if shape else set()


ALL = [
    (path.stem, command) for path in sorted(LIBRARY.glob("*.md")) for command in commands(path.read_text())
]


def test_commands_are_found_in_every_kind_of_place() -> None:
    assert len(ALL) > 40
    assert any("--min-capacity N" in command for _, command in ALL)


@pytest.mark.parametrize(("name", "command"), ALL, ids=[f"{n}-{i}" for i, (n, _) in enumerate(ALL)])
def test_an_aws_command_is_one_that_aws_knows(name: str, command: str) -> None:
    _, service, operation = command.split()[:3]
    known = CUSTOM.get((service, operation)) or known_options(service, operation)
    assert options(command) <= known | {"force-new-deployment"}, f"{name}: {command}"


@pytest.mark.parametrize("path", sorted(LIBRARY.glob("*.md")), ids=lambda path: str(path.stem))
def test_a_command_of_ours_exists(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    code = "\n".join([*re.findall(r"```bash\n(.*?)```", text, re.DOTALL), *re.findall(r"`([^`\n]+)`", text)])
    used = set(re.findall(r"^\s*fournines ([a-z]+)", code + text.split("---")[1], re.MULTILINE))
    assert used <= set(COMMANDS)
    assert used or "curl" in code
