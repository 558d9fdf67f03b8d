"""What the demo changes of its own process while it plays, it puts back."""

from __future__ import annotations

import os
import signal

import pytest

from fournines.demo.demo import TERMINATED, leaving_on_sigterm


def test_sigterm_ends_the_demo_like_an_error_and_afterwards_means_what_it_meant() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as left, leaving_on_sigterm():
        os.kill(os.getpid(), signal.SIGTERM)
    assert left.value.code == TERMINATED
    assert signal.getsignal(signal.SIGTERM) is before
