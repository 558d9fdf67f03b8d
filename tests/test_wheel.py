"""What a user installs: the wheel and what it declares, without our tools, folder or simulator extra."""

import json
import re
import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def pip(*arguments: str | Path) -> str:
    return run(sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments)


def needed(name: str, extras: frozenset[str] = frozenset()) -> set[str]:
    """Follow what distributions declare, as an installer does, down to the last one."""
    reached: set[tuple[str, frozenset[str]]] = set()
    asked = [(name, extras)]
    while asked:
        name, extras = one = asked.pop()
        if one in reached:
            continue
        reached.add(one)
        for wanted in map(Requirement, requires(name) or ()):
            contexts = [{"extra": extra} for extra in extras | {""}]
            if wanted.marker is None or any(map(wanted.marker.evaluate, contexts)):
                asked.append((canonicalize_name(wanted.name), frozenset(wanted.extras)))
    return {name for name, _ in reached}


def locked(names: set[str]) -> str:
    """Those blocks of the lock file, hashes and all."""
    lock = (ROOT / "requirements" / "runtime.lock").read_text(encoding="utf-8")
    blocks = re.split(r"^(?=[a-z])", lock, flags=re.MULTILINE)
    return "".join(block for block in blocks if re.split(r"[\[=]", block, maxsplit=1)[0] in names)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, ROOT)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def clean(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clean")
    requirements = folder / "runtime.lock"
    requirements.write_text(locked(needed("fournines")), encoding="utf-8")
    run(sys.executable, "-m", "venv", "--without-pip", folder / "venv")
    python = folder / "venv" / "bin" / "python"
    pip("--python", python, "install", "--require-hashes", "--requirement", requirements)
    pip("--python", python, "install", "--no-deps", wheel)
    return python.parent


def test_the_wheel_holds_the_seven_rooms_and_nothing_else(wheel: Path) -> None:
    run(Path(sys.executable).with_name("check-wheel-contents"), wheel)


def test_the_wheel_declares_all_that_it_installs(clean: Path) -> None:
    pip("--python", clean / "python", "check")


def test_help_needs_nothing_but_the_wheel(clean: Path) -> None:
    assert "rehearse" in run(clean / "fournines", "--help", cwd=Path("/"))


def test_a_shipped_scenario_is_rehearsed_by_its_name_without_the_simulator_s_extra(clean: Path) -> None:
    told = json.loads(run(clean / "fournines", "rehearse", "bad-deployment", "--json", cwd=Path("/")))
    assert told["scenario"] == "bad-deployment"
    assert told["faults"]
    assert all(fault["right"] for fault in told["faults"])
