from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest
import yaml

from fournines.cli.main import COMMANDS, cli, main
from fournines.template import RULES
from simulator.scenario import shipped_names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cli.conftest import Command

COMMANDS_PAGE = Path(__file__).parents[2] / "docs" / "commands.md"


def every_command() -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, by the words that call it."""
    context = click.Context(cli)
    for name in COMMANDS:
        command = cli.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from ((f"{name} {below}", one) for below, one in command.commands.items())
        else:
            yield name, command


def sections() -> dict[str, str]:
    """The parts of the commands' page, by the command that each is about."""
    parts = COMMANDS_PAGE.read_text(encoding="utf-8").split("\n## `fournines ")[1:]
    return {part.partition("`")[0]: part for part in parts}


def test_every_command_is_documented_and_nothing_else() -> None:
    assert list(sections()) == [name for name, _ in every_command()]


@pytest.mark.parametrize("name", [name for name, _ in every_command()])
def test_the_page_names_every_option_an_example_and_the_exit_status(name: str) -> None:
    command, section = dict(every_command())[name], sections()[name]
    options = {
        option
        for parameter in command.params
        if isinstance(parameter, click.Option)
        for option in parameter.opts
        if option.startswith("--") and not parameter.hidden
    }
    assert {option for option in options if f"`{option}" not in section} == set()
    assert f"$ fournines {name}" in section
    assert "Exit status" in section


@pytest.mark.parametrize("name", [name for name, _ in every_command()])
def test_help_shows_an_example(fournines: Command, name: str) -> None:
    said = fournines(*name.split(), "--help")
    assert said.code == 0
    assert "Example: fournines" in said.out
    assert f"fournines {name}" in " ".join(said.out.split())


def test_who_rehearses_finds_every_shipped_scenario(fournines: Command) -> None:
    said = fournines("rehearse", "--help").out
    assert [name for name in shipped_names() if name not in said] == []
    assert [name for name in shipped_names() if f"| `{name}` |" not in sections()["rehearse"]] == []


def test_help_imports_nothing_heavy() -> None:
    watch = (
        "import sys; from fournines.cli.main import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted({'numpy', 'boto3', 'pydantic', 'sqlalchemy', 'rich', 'flask'} & set(sys.modules)))"
    )
    told = subprocess.run([sys.executable, "-c", watch], capture_output=True, text=True, check=True).stdout
    assert told.splitlines()[-1] == "[]"


@pytest.mark.parametrize("option", [("--port", "99999"), ("--speed", "0"), ("--epoch", "noon")])
def test_a_world_that_cannot_be_is_a_wrong_call(fournines: Command, option: tuple[str, str]) -> None:
    said = fournines("simulate", *option)
    assert said.code == 2
    assert f"Invalid value for '{option[0]}'" in said.err


@pytest.mark.usefixtures("kept")
def test_who_leaves_early_gets_no_traceback() -> None:
    """As with `fournines export | head -1`."""
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "fournines.cli", "export"]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.usefixtures("kept")
def test_a_terminal_gets_a_table() -> None:
    reading, writing = os.openpty()
    command = [sys.executable, "-m", "fournines.cli", "incidents"]
    environment = {**os.environ, "COLUMNS": "200", "TERM": "xterm"}
    subprocess.run(command, stdout=writing, check=True, env=environment)
    os.close(writing)
    told = os.read(reading, 10_000).decode()
    os.close(reading)
    assert "─" in told
    assert "course-catalog-20261123-1216" in told


def test_the_template_holds_every_rule(fournines: Command) -> None:
    said = fournines("aws", "template")
    assert said.code == 0
    assert all(f'"{rule}"' in said.out for rule in RULES)


def test_a_role_of_another_account_is_one_that_may_be_assumed(folder: Path, fournines: Command) -> None:
    role = "arn:aws:iam::210987654321:role/fournines"
    file = folder / "fournines.yaml"
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    document["aws"]["accounts"].append({"id": "210987654321", "role_arn": role})
    file.write_text(yaml.safe_dump(document), encoding="utf-8")
    said = json.loads(fournines("aws", "policy").out)
    assumed = {"Sid": "Assume", "Effect": "Allow", "Action": "sts:AssumeRole", "Resource": [role]}
    assert assumed in said["Statement"]


def test_a_queue_that_is_none_is_told(folder: Path, fournines: Command) -> None:
    file = folder / "fournines.yaml"
    file.write_text(
        file.read_text(encoding="utf-8").replace("/123456789012/fournines", "/x"), encoding="utf-8"
    )
    said = fournines("aws", "policy")
    assert said.code == 1
    assert "expected .../ACCOUNT/NAME" in said.err


def test_our_own_mistakes_show_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(COMMANDS, "budget", COMMANDS["budget"]._replace(name="no_such"))
    with pytest.raises(AttributeError):
        main(["budget"])
