"""Runs the benches, all or those that are named, and writes what they measured to var/bench/results.json.

A missed goal is a result like any other and said as such; only a bench that crashed makes the exit code 1.
"""

import json
import pkgutil
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from importlib import import_module
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bench.figure import Figure
from bench.remediation import PARTS

Bench = Callable[[], Iterable[Figure]]

HERE = Path(__file__).parent
#: What benches are made of.
PIECES = {"__main__", "figure", "letters", "month", "prometheus", "stand", *PARTS}
#: And what an ordeal is made of.
PIECES |= {"judging", "mortal", "ordeal", "server"}
RESULTS = HERE.parent / "var" / "bench" / "results.json"


def found() -> dict[str, Bench]:
    """Return the benches of this folder by name, imported only when run: a broken one is a crash like any."""
    names = {module.name for module in pkgutil.iter_modules([str(HERE)])} - PIECES
    return {name: partial(_figures, name) for name in sorted(names)}


def _figures(name: str) -> Iterator[Figure]:
    yield from import_module(f"bench.{name}").figures()


def main(only: Sequence[str], benches: Mapping[str, Bench], results: Path = RESULTS) -> int:
    """Measure, write, show; return the exit code."""
    console = Console(width=None if sys.stdout.isatty() else 160)
    if unknown := sorted(set(only) - set(benches)):
        console.print(f"no such bench: {', '.join(unknown)}; there are {', '.join(benches)}")
        return 2
    figures, crashed = _measure({name: benches[name] for name in only or benches}, console)
    _write(figures, results)
    missed = [figure.name for figure in figures if not figure.met]
    console.print(_table(figures))
    console.print(f"{len(figures) - len(missed)} of {len(figures)} goals met; written to {results}")
    for verdict, names in (("missed", missed), ("crashed", crashed)):
        if names:
            console.print(f"{verdict}: {', '.join(names)}", style="red")
    return 1 if crashed else 0


def _measure(benches: Mapping[str, Bench], console: Console) -> tuple[list[Figure], list[str]]:
    figures: list[Figure] = []
    crashed: list[str] = []
    for name, bench in benches.items():
        with console.status(f"measuring {name}"):
            try:
                figures.extend(bench())
            except Exception:  # noqa: BLE001  # whatever broke it, the other benches still count
                crashed.append(name)
                traceback.print_exc()
    return figures, crashed


def _write(figures: Iterable[Figure], results: Path) -> None:
    results.parent.mkdir(parents=True, exist_ok=True)
    rows = [asdict(figure) | {"met": figure.met} for figure in figures]
    results.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


def _table(figures: Iterable[Figure]) -> Table:
    table = Table("figure", "value", "goal", "", "how", title="What fournines promises of itself")
    for figure in figures:
        table.add_row(
            figure.name,
            f"{figure.value:.4g} {figure.unit}",
            f"{'≥' if figure.better == 'higher' else '≤'} {figure.goal:.4g} {figure.unit}",
            "[green]met[/]" if figure.met else "[red]missed[/]",
            escape(figure.how),
        )
    return table


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], found()))
