"""One of the demo's processes: started, known to be ready, killed, started again, stopped."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
from typing import IO, TYPE_CHECKING, Any

from fournines.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

READY_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 15.0


class Process:
    """A `fournines` command in a process of its own; what it says goes to a log file.

    When it is ready it prints one JSON line, `{"ready": true, "port": N}`.
    """

    def __init__(self, name: str, arguments: Sequence[str], log: Path) -> None:
        self.name = name
        self._arguments = (sys.executable, "-m", "fournines.cli", *arguments)
        self._log = log
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> dict[str, Any]:
        """Start it, and return what it says of itself once it is ready.  Raises Trouble if it does not."""
        with self._log.open("a", encoding="utf-8") as errors:
            self._process = subprocess.Popen(  # noqa: S603 - our own command
                self._arguments, stdout=subprocess.PIPE, stderr=errors, text=True
            )
        assert self._process.stdout is not None
        lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=_drain, args=(self._process.stdout, lines, self._log), daemon=True).start()
        try:
            while (line := lines.get(timeout=READY_TIMEOUT_S)) is not None:
                if line.startswith('{"ready"'):
                    ready: dict[str, Any] = json.loads(line)
                    return ready
        except queue.Empty:
            self.stop()
        raise Trouble(f"the {self.name} did not come up: {self._last_words()}")

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    def must_live(self) -> None:
        """Raise Trouble if it has ended by itself."""
        if not self.alive:
            raise Trouble(f"the {self.name} ended in the middle of the story: {self._last_words()}")

    def kill(self) -> None:
        """End it as a crash would: SIGKILL, no farewell."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """Ask it to end; what does not end in time, or before a second Ctrl-C, is killed."""
        if self._process is None or not self.alive:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill()
        except KeyboardInterrupt:
            self.kill()
            raise

    def _last_words(self) -> str:
        words = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        return f"{words[-1].strip() if words else 'it said nothing'} (all its words are in {self._log})"


def _drain(stream: IO[str], lines: queue.Queue[str | None], log: Path) -> None:
    """Hand lines on and keep them, so that a full pipe never holds the process up."""
    with stream, log.open("a", encoding="utf-8") as kept:
        for line in stream:
            kept.write(line)
            lines.put(line)
    lines.put(None)
