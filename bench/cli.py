"""How long a person waits for the command line."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from time import perf_counter

from bench.figure import Figure

RUNS = 7


def figures() -> Iterator[Figure]:
    """Time `fournines --help`, which only stays quick while commands are imported lazily."""
    yield Figure(
        name="cli.help_s",
        value=median(_seconds("--help") for _ in range(RUNS)),
        unit="s",
        goal=0.3,
        better="lower",
        how=f"median of {RUNS} runs of `fournines --help`, process start included",
    )


def _seconds(*arguments: str) -> float:
    started = perf_counter()
    command = Path(sys.executable).with_name("fournines")
    subprocess.run([command, *arguments], check=True, stdout=subprocess.DEVNULL)
    return perf_counter() - started
