"""Demos played by the real command, in a process group of their own, so that an orphan is seen."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMAND = (sys.executable, "-m", "fournines.cli", "demo")


class Stage:
    """A folder, and the demo that plays in it."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self._demo: subprocess.Popen[str] | None = None

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a demo; its output is read by who asks for it."""
        self._demo = subprocess.Popen(
            [*COMMAND, "--out", str(self.out), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        return self._demo

    def play(self, *arguments: str) -> tuple[int, str, str]:
        """Play a demo to its end; return its status and what it said."""
        demo = self.begin(*arguments)
        out, err = demo.communicate()
        return demo.returncode, out, err

    def members(self) -> list[int]:
        """Return the processes of the demo's group that live, the demo itself included."""
        assert self._demo is not None
        return [pid for pid in _processes() if _group(pid) == self._demo.pid]

    def clear(self) -> None:
        """End whatever is left, for a test that failed."""
        if self._demo is not None:
            for pid in self.members():
                os.kill(pid, signal.SIGKILL)
            self._demo.communicate()


def _processes() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _group(pid: int) -> int | None:
    """Return the process group of a process that lives; a zombie does not."""
    try:
        state, _, group = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:3]
    except OSError:
        return None
    return None if state == "Z" else int(group)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """A stage of the test's own; nothing outlives the test."""
    made = Stage(tmp_path / "demo")
    yield made
    made.clear()


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A stage that the tests of a module share, for a demo that is played once."""
    made = Stage(tmp_path_factory.mktemp("hall") / "demo")
    yield made
    made.clear()
