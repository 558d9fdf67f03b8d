"""What changes rarely is read rarely: answers that are kept between two looks at a region."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Generic, TypeVar

from collector.estate import Entrance, Insights, TaskDefinition
from collector.source import CollectError
from slo.cells import Placement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Answer = TypeVar("Answer")

#: A target group moves to another load balancer only by hand, mostly together with a deployment.
BALANCERS_KEPT = timedelta(minutes=15)
#: A cluster's settings, a balancer's zones and a listener's rules are changed by hand, and only explain.
CLUSTERS_KEPT = timedelta(hours=1)
ZONES_KEPT = timedelta(hours=6)
ENTRANCES_KEPT = timedelta(hours=6)
#: How an account calls the zones of a region never changes.
ZONE_IDS_KEPT = timedelta.max
#: That a load balancer may not be shifted is asked again soon: somebody may have switched it on for now.
UNMANAGED_KEPT = timedelta(minutes=5)
#: A revision of a task definition never changes.
DEFINITIONS_KEPT = timedelta.max

_NEVER = datetime.min.replace(tzinfo=UTC)


class Kept(Generic[Answer]):
    """Answers by name, each fresh for a while, and still there after it.

    Threads may share it: two of them may ask the same thing twice, and nothing is ever half kept.
    """

    def __init__(self, fresh_for: timedelta) -> None:
        self._fresh_for = fresh_for
        self._answers: dict[str, tuple[datetime, Answer]] = {}

    def __getitem__(self, name: str) -> Answer | None:
        """Return what was answered last, however long ago."""
        found = self._answers.get(name)
        return None if found is None else found[1]

    def keep(self, answers: Mapping[str, Answer], now: datetime) -> None:
        """Keep answers that were just given."""
        self._answers.update({name: (now, answer) for name, answer in answers.items()})

    def due(self, names: Iterable[str], now: datetime) -> list[str]:
        """Return those that are to be asked for: first what nobody has asked, then the oldest."""
        asked = {name: self._answers.get(name, (_NEVER, None))[0] for name in names}
        old = (name for name, at in asked.items() if at is _NEVER or now - at >= self._fresh_for)
        return sorted(old, key=lambda name: asked[name])

    def doubt(self, names: Iterable[str]) -> None:
        """Have them asked for again, and serve meanwhile."""
        self._answers.update({n: (_NEVER, self._answers[n][1]) for n in names if n in self._answers})

    def retain(self, names: Iterable[str]) -> None:
        """Forget all others, so that what is gone does not pile up."""
        wanted = frozenset(names)
        self._answers = {name: kept for name, kept in tuple(self._answers.items()) if name in wanted}


@dataclass(frozen=True, slots=True)
class Memory:
    """What is kept of one account and region: balancers by target group, entrances and zones by balancer.

    `zone_ids` are those of the region; `unmanaged` are load balancers that ARC may not shift.

    `stale` are services that were deployed since: what is kept of them is asked for again.
    """

    balancers: Kept[str] = field(default_factory=lambda: Kept(BALANCERS_KEPT))
    entrances: Kept[tuple[Entrance, ...]] = field(default_factory=lambda: Kept(ENTRANCES_KEPT))
    zones: Kept[tuple[str, ...]] = field(default_factory=lambda: Kept(ZONES_KEPT))
    definitions: Kept[TaskDefinition | None] = field(default_factory=lambda: Kept(DEFINITIONS_KEPT))
    clusters: Kept[Insights | None] = field(default_factory=lambda: Kept(CLUSTERS_KEPT))
    zone_ids: Kept[Mapping[str, str]] = field(default_factory=lambda: Kept(ZONE_IDS_KEPT))
    unmanaged: Kept[bool] = field(default_factory=lambda: Kept(UNMANAGED_KEPT))
    stale: set[Placement] = field(default_factory=set)


def refresh(
    kept: Kept[Answer], due: Iterable[str], read: Callable[[str], Answer], now: datetime
) -> tuple[str, ...]:
    """Ask one after the other; end with the first that cannot be read, and return why."""
    try:
        for name in due:
            kept.keep({name: read(name)}, now)
    except CollectError as problem:
        return (str(problem),)
    return ()
