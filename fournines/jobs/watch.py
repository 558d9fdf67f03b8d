"""Whether we ourselves can see and work: being blind is an incident, since silence looks like health."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from collector.bundle import Area
from fournines.board import Board
from fournines.known import Known
from fournines.store.books import Books
from remediation.incidents import Change, Incident, Phase, Symptom
from remediation.journal import Entry, EntryKind
from slo.burn import Severity
from slo.cells import Indicator, Placement, minute_of, moment_of

if TYPE_CHECKING:
    from collections.abc import Mapping

#: A region that told no minute for so long is dark.  Where all is quiet, a minute is told when it has settled
#: and the next turn of reading has come; CloudWatch may take so much longer.
BLIND_AFTER, TARDY = timedelta(minutes=12), timedelta(minutes=5)
#: Our own checks, and what ECS tells of scheduled runs, are no sign that CloudWatch tells.
NOT_CLOUDWATCH = frozenset({Indicator.PROBE, Indicator.SCHEDULE})
#: What an incident about ourselves is filed under; no ECS service is remediated under this name.
OURSELVES = "fournines"
EVERYWHERE = "all-regions"


@dataclass(frozen=True, slots=True)
class Watch:
    """Opens an incident for each region that cannot be seen, and one when our own jobs fail; closes them."""

    books: Books
    known: Known
    board: Board
    _since: dict[Placement, datetime] = field(default_factory=dict, init=False)
    _watched: dict[Area, datetime] = field(default_factory=dict, init=False)

    def run(self, now: datetime) -> None:
        """Compare what is wrong with us now with the incidents that say so."""
        wrong = self._lasting({**self._dark(now), **self._failing()}, now)
        told = {
            incident.placement: incident
            for incident in self.books.open_incidents()
            if incident.placement and incident.placement.cluster == incident.service == OURSELVES
        }
        opened = [_opened(place, why, now) for place, why in wrong.items() if place not in told]
        closed = [_closed(incident, now) for place, incident in told.items() if place not in wrong]
        self.books.save([*opened, *closed])

    def _dark(self, now: datetime) -> dict[Placement, str]:
        """Return the regions whose minutes have not been told for long, or never were."""
        dark, patience = {}, self._patience()
        for area in self.known.counted:
            seen = self._watched.setdefault(area, now)
            if now - seen > patience and not self._told_since(area, now - patience, now):
                dark[_ours(area.account, area.region)] = self._unheard_of(area)
        for (account, region), why in self.known.unreadable.copy().items():
            dark[_ours(account, region)] = f"its services cannot be read: {why}"
        return dark

    def _patience(self) -> timedelta:
        """For how long no minute may be told: what is read seldom, or saved, is no darkness."""
        turn = timedelta(minutes=self.known.cadence.sli_every)
        return max(BLIND_AFTER, turn + timedelta(seconds=self.known.scheme.settle_s) + TARDY)

    def _unheard_of(self, area: Area) -> str:
        """Say until when minutes came from a region, and what CloudWatch said instead."""
        arrived = self.known.arrived(area)
        told = (
            "no minute has ever arrived from CloudWatch"
            if arrived is None
            else f"no minute later than {moment_of(arrived):%H:%M} UTC has arrived from CloudWatch"
        )
        lasting = self.known.gaps.oldest(area)
        return f"{told}: {lasting.gap.detail}" if lasting else told

    def _told_since(self, area: Area, since: datetime, now: datetime) -> bool:
        """Whether any newer minute is known: a hole that is still waited for is no darkness."""
        with self.books.ledger() as ledger:
            here = [
                sli
                for sli in ledger.slis
                if (sli.placement.account, sli.placement.region) == (area.account, area.region)
                and sli.indicator not in NOT_CLOUDWATCH
            ]
            return ledger.raw().counts(here, minute_of(since), minute_of(now)).known > 0

    def _failing(self) -> dict[Placement, str]:
        """Return what keeps our own jobs from their work; a region that cannot be read is told by itself."""
        account = next((place.account for place in self.known.services), "all-accounts")
        trouble = "; ".join(self.board.failing())
        return {_ours(account, EVERYWHERE): trouble} if trouble else {}

    def _lasting(self, wrong: Mapping[Placement, str], now: datetime) -> dict[Placement, str]:
        """Keep what has been wrong for longer than a passing failure."""
        for place in [place for place in self._since if place not in wrong]:
            del self._since[place]
        began = {place: self._since.setdefault(place, now) for place in wrong}
        return {place: why for place, why in wrong.items() if now - began[place] >= PASSING}


#: One failed answer is no news.
PASSING = timedelta(minutes=2)


def about_us(incident: Incident) -> bool:
    """Whether the incident is about fournines itself: nothing is diagnosed or done about it."""
    return incident.service == OURSELVES


def _ours(account: str, region: str) -> Placement:
    return Placement(account, region, OURSELVES, OURSELVES)


def _opened(place: Placement, why: str, now: datetime) -> Change:
    where = f"in {place.region} of account {place.account}"
    sentence = f"fournines is blind {where}: {why}. What happens there is neither measured nor mended."
    if place.region == EVERYWHERE:
        sentence = f"fournines itself is in trouble: {why}."
    symptom = Symptom(
        placement=place,
        name="blind",
        severity=Severity.PAGE,
        sentence=sentence,
        first_seen=now,
        last_seen=now,
    )
    incident = Incident(
        id=f"{OURSELVES}-{place.account}-{place.region}-{now:%Y%m%d-%H%M}",
        service=OURSELVES,
        opened_at=now,
        phase=Phase.ESCALATED,
        symptoms=(symptom,),
        placement=place,
        sentence=sentence,
    )
    entry = Entry(EntryKind.ESCALATED, now, sentence, incident=incident.id, placement=str(place))
    return Change(incident, (entry,))


def _closed(incident: Incident, now: datetime) -> Change:
    sentence = "fournines sees and works again; what it missed is fetched from CloudWatch."
    over = replace(incident, phase=Phase.RESOLVED, resolved_at=now, sentence=sentence)
    return Change(over, (Entry(EntryKind.RESOLVED, now, sentence, incident=incident.id),))
