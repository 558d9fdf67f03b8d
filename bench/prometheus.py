"""A real Prometheus on loopback that holds the same minutes as counters, and answers increase()."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic, sleep
from typing import TYPE_CHECKING
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

import numpy as np

from slo.cells import MINUTE_S

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

PROGRAMS = ("prometheus", "promtool")
LOAD_S, START_S, ANSWER_S, STOP_S = 90, 60, 60, 10


def missing() -> tuple[str, ...]:
    """Return which of the programs are not installed."""
    return tuple(program for program in PROGRAMS if shutil.which(program) is None)


def load(folder: Path, name: str, first: int, counts: NDArray[np.int64]) -> None:
    """Write counts [minutes, series] as a counter from the minute `first` on, into blocks of Prometheus.

    Each series begins at zero as the first minute begins, and is scraped as each ends.
    """
    text = folder / f"{name}.om"
    reached = np.vstack([np.zeros_like(counts[:1]), counts.cumsum(axis=0)])
    with text.open("w", encoding="utf-8") as file:
        file.write(f"# TYPE {name.removesuffix('_total')} counter\n")
        for series, values in enumerate(reached.T.tolist()):
            file.writelines(
                f'{name}{{sli="{series}"}} {value} {(first + row) * MINUTE_S}\n'
                for row, value in enumerate(values)
            )
        file.write("# EOF\n")
    create = [
        "promtool",
        "tsdb",
        "create-blocks-from",
        "openmetrics",
        "--quiet",
        "--max-block-duration=1000h",
    ]
    subprocess.run([*create, text, folder / "data"], check=True, timeout=LOAD_S, stdout=subprocess.DEVNULL)
    text.unlink()


@dataclass(frozen=True, slots=True)
class Prometheus:
    """One that answers."""

    url: str

    def increase(self, name: str, window: str, at_s: float, count: int) -> NDArray[np.float64]:
        """Return what each series grew by; not a number where it says nothing."""
        query = urlencode({"query": f"increase({name}[{window}])", "time": at_s})
        with urlopen(f"{self.url}/api/v1/query?{query}", timeout=ANSWER_S) as answer:  # noqa: S310 - loopback
            results = json.load(answer)["data"]["result"]
        grown = np.full(count, np.nan)
        for one in results:
            grown[int(one["metric"]["sli"])] = float(one["value"][1])
        return grown


@contextmanager
def serving(folder: Path) -> Iterator[Prometheus]:
    """Serve what was loaded, as long as it is needed."""
    (folder / "prometheus.yml").write_text("{}", encoding="utf-8")
    port = _free_port()
    process = subprocess.Popen(
        [
            shutil.which("prometheus") or "prometheus",
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            "--storage.tsdb.retention.time=100y",
            f"--web.listen-address=127.0.0.1:{port}",
            "--log.level=error",
        ],
        stdout=subprocess.DEVNULL,
    )
    try:
        yield _ready(Prometheus(f"http://127.0.0.1:{port}"), process)
    finally:
        _stop(process)


def _ready(prometheus: Prometheus, process: subprocess.Popen[bytes]) -> Prometheus:
    until = monotonic() + START_S
    while monotonic() < until and process.poll() is None:
        try:
            urlopen(f"{prometheus.url}/-/ready", timeout=1).close()  # noqa: S310 - loopback
        except (URLError, TimeoutError):
            sleep(0.1)
        else:
            return prometheus
    raise RuntimeError(f"prometheus was not ready within {START_S} s (exit status {process.poll()})")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return int(door.getsockname()[1])


def exact(counts: NDArray[np.int64], windows: Sequence[int]) -> NDArray[np.int64]:
    """Return what each series really grew by [windows, series], up to the last minute."""
    return np.array([counts[len(counts) - window :].sum(axis=0) for window in windows])
