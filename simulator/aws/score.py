"""The judge behind a door: the asker brings what reached the fake Slack, the world knows the rest."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from simulator.judge import OPERATOR, Message, judge
from simulator.without import live_without

if TYPE_CHECKING:
    from collections.abc import Mapping

    from simulator.aws.stage import Stage
    from simulator.clock import FastClock
    from simulator.recording import Recording
    from simulator.world import World


class Score:
    """Judges a world by its own truth; life without the operator is lived through once, when first asked."""

    def __init__(self, stage: Stage, recording: Recording | None) -> None:
        self._stage = stage
        self._recording = recording
        self._without: World | None = None

    def tell(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """Judge.

        `document` may hold `messages` (as the fake Slack lists them at `/_slack/messages`), `causes` (by
        fault index, as the operator named them), `operator` and `without` (false leaves that life out).
        Raises ValueError saying what is wrong with it.
        """
        messages = [_message(each, self._stage.clock) for each in _list(document, "messages")]
        causes = {int(index): str(cause) for index, cause in document.get("causes", {}).items()}
        operator = str(document.get("operator", OPERATOR))
        without = self._lived() if document.get("without", True) else None
        verdict: dict[str, Any] = self._stage.locked(
            lambda world: judge(world, without=without, messages=messages, causes=causes, operator=operator)
        )
        return verdict

    def _lived(self) -> World:
        if self._without is None:
            self._without = live_without(self._stage.world.scenario, self._recording)
        return self._without


def _list(document: Mapping[str, Any], key: str) -> list[Any]:
    found = document.get(key, [])
    if not isinstance(found, list):
        raise ValueError(f"{key} must be a list, got {found!r}")  # noqa: TRY004 - one kind of error for one document
    return found


def _message(told: object, clock: FastClock) -> Message:
    """Put a message of the fake Slack on the world's clock: it counts when it arrived."""
    match told:
        case {"posted_at": str(posted), "text": str(text), **rest}:
            arrived = clock.at(datetime.fromisoformat(posted))
            return Message(arrived, text, str(rest.get("thread", "")))
        case _:
            raise ValueError(f"a message has posted_at (ISO 8601) and text, got {told!r}")
