"""However a demo ends before its end, it leaves no process behind, and says why in a sentence."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import subprocess

    from tests.demo.conftest import Stage

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


def begun(stage: Stage) -> subprocess.Popen[str]:
    """Return a demo whose three processes stand."""
    demo = stage.begin("--speed", "30")
    assert demo.stdout is not None
    for line in demo.stdout:
        if line.startswith("Simulated AWS"):
            break
    assert len(stage.members()) == 4, "the demo, AWS, Slack and the service"
    return demo


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "SIGTERM"]
)
def test_a_demo_that_is_told_to_end_takes_its_processes_along(
    stage: Stage, number: signal.Signals, status: int
) -> None:
    demo = begun(stage)
    demo.send_signal(number)
    _, err = demo.communicate()
    assert demo.returncode == status
    assert "Traceback" not in err
    assert stage.members() == []


@pytest.mark.parametrize(("name", "word"), [("service", "serve"), ("simulated AWS", "--epoch")])
def test_a_process_that_dies_ends_the_demo_with_a_sentence(stage: Stage, name: str, word: str) -> None:
    demo = begun(stage)
    (part,) = (pid for pid in stage.members() if word in command(pid))
    os.kill(part, signal.SIGKILL)
    _, err = demo.communicate()
    assert demo.returncode == 1
    (said,) = err.splitlines()
    assert said.startswith(f"the {name} ended in the middle of the story: ")
    assert stage.members() == []


def command(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/cmdline").read_text().split("\0")


def test_a_folder_that_is_somebody_elses_is_left_alone(stage: Stage) -> None:
    stage.out.mkdir()
    (stage.out / "thesis.txt").write_text("years of work")
    status, _, err = stage.play()
    assert status == 1
    assert err == f"{stage.out} holds something that is no demo's: name another folder with --out\n"
    assert (stage.out / "thesis.txt").exists()


@pytest.mark.parametrize("where", ["file", "file/below"])
def test_a_folder_that_cannot_be_written_to_is_told(stage: Stage, where: str) -> None:
    (stage.out.parent / "file").write_text("")
    stage.out = stage.out.parent / where
    status, _, err = stage.play()
    assert status == 1
    (said,) = err.splitlines()
    assert said.startswith(f"{stage.out} cannot be written to: ")
    assert said.endswith("name another folder with --out")


def test_two_demos_do_not_play_in_one_folder(stage: Stage, tmp_path: Path) -> None:
    begun(stage)
    second = type(stage)(tmp_path / "demo")
    status, _, err = second.play()
    assert status == 1
    assert err == f"another demo plays in {stage.out}: name another folder with --out\n"
    assert len(stage.members()) == 4, "the first one plays on"
