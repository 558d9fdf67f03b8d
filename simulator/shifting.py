"""Zonal shifts of ARC: a load balancer turns away from a zone until the shift expires or is cancelled.

Only load balancers are managed that have the integration switched on; there is one shift on each at a time
[ARC API reference; guide of ARC, resources].  Clients follow some time after: connections last, names are
kept.  `call` takes and returns what boto3 would; it raises `simulator.refusal.Refusal`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Any

from simulator import fate
from simulator.balancing import fronts
from simulator.estate import Site, zone_ids
from simulator.moment import moment
from simulator.paging import page
from simulator.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator.agenda import Agenda
    from simulator.calls import Desk, Params
    from simulator.ecs.fleet import Fleet
    from simulator.estate import Place
    from simulator.pulse import Pulse

Shape = dict[str, Any]
EXPIRES = re.compile(r"([1-9][0-9]*)(m|h)")
SECONDS = {"m": 60, "h": 3600}
EXPIRES_MAX_S = 72 * 3600
COMMENT_MAX = 128


class Status(StrEnum):
    """Where a shift stands [ARC API, ZonalShiftStatus]."""

    ACTIVE = "ACTIVE"
    EXPIRED = "EXPIRED"
    CANCELED = "CANCELED"


@dataclass(slots=True, eq=False)
class Shift:
    """One zonal shift.  Times are seconds since 1970."""

    id: str
    arn: str
    zone: str
    zone_id: str
    started: int
    expires: int
    comment: str
    cancelled: bool = False

    def status(self, at: float) -> Status:
        """Where it stands."""
        return Status.CANCELED if self.cancelled else Status.ACTIVE if at < self.expires else Status.EXPIRED


class Shifting:
    """ARC's zonal shift for the load balancers of the estate."""

    def __init__(self, fleet: Fleet, desk: Desk, agenda: Agenda, pulse: Pulse) -> None:
        self._fleet, self._desk, self._agenda, self._pulse = fleet, desk, agenda, pulse
        self.shifts: list[Shift] = []
        self._operations: dict[str, Callable[[Site, Params], Shape]] = {
            "StartZonalShift": self._start,
            "UpdateZonalShift": self._update,
            "CancelZonalShift": self._cancel,
            "GetManagedResource": self._managed_resource,
            "ListManagedResources": self._managed_resources,
            "ListZonalShifts": self._list,
        }

    def call(self, operation: str, params: Params, *, region: str, account: str, caller: str) -> Shape:
        """Answer an operation.  Raises Refusal."""
        site = Site(account, region)
        return self._desk.answer(
            "arc-zonal-shift",
            operation,
            params,
            lambda: self._answer(operation, site, params),
            account=account,
            region=region,
            caller=caller,
            placement=lambda: self._placement(site, params),
        )

    def active(self, arn: str) -> Shift | None:
        """Return the shift of a load balancer that is in force."""
        return next((s for s in self.shifts if s.arn == arn and s.status(self._at) is Status.ACTIVE), None)

    @property
    def _at(self) -> int:
        return int(self._desk.now)

    def _answer(self, operation: str, site: Site, params: Params) -> Shape:
        self._desk.admit(site.region)
        if operation not in self._operations:
            raise Refusal("UnknownOperationException", f"arc-zonal-shift:{operation} is not simulated yet.")
        return self._operations[operation](site, params)

    def _managed(self, site: Site) -> dict[str, list[Place]]:
        behind = fronts(self._fleet.estate.places, site)
        return {arn: places for arn, places in behind.items() if any(p.spec.zonal_shift for p in places)}

    def _known(self, site: Site, arn: str) -> list[Place]:
        managed = self._managed(site)
        if arn not in managed:
            raise Refusal("ResourceNotFoundException", f"No managed resource: {arn}", 404)
        return managed[arn]

    def _find(self, site: Site, identity: str) -> Shift:
        managed = self._managed(site)
        for shift in self.shifts:
            if shift.id == identity and shift.arn in managed:
                return shift
        raise Refusal("ResourceNotFoundException", f"No zonal shift: {identity}", 404)

    def _placement(self, site: Site, params: Params) -> int | None:
        arn = params.get("resourceIdentifier")
        shift = next((s for s in self.shifts if s.id == params.get("zonalShiftId")), None)
        behind = fronts(self._fleet.estate.places, site).get(shift.arn if shift else str(arn))
        return behind[0].index if behind else None

    def _start(self, site: Site, params: Params) -> Shape:
        arn, names = params["resourceIdentifier"], zone_ids(*site)
        places = self._known(site, arn)
        zone = next((name for name in places[0].zones if names[name] == params["awayFrom"]), None)
        if zone is None:
            raise _invalid("InvalidAz", f"The resource is not in {params['awayFrom']}.")
        lasts = _lasts(params["expiresIn"])
        if len(params["comment"]) > COMMENT_MAX:
            raise _invalid("MissingValue", f"comment holds at most {COMMENT_MAX} characters.")
        if (other := self.active(arn)) is not None:
            told = "There is already an active zonal shift for that resource."
            details = {"reason": "ZonalShiftAlreadyExists", "zonalShiftId": other.id}
            raise Refusal("ConflictException", told, 409, **details)
        at = self._at
        identity = fate.uuid("shift", arn, len(self.shifts))
        shift = Shift(identity, arn, zone, params["awayFrom"], at, at + lasts, params["comment"])
        self.shifts.append(shift)
        self._settle_later(shift)
        return self._told(shift)

    def _update(self, site: Site, params: Params) -> Shape:
        shift = self._in_force(site, params["zonalShiftId"])
        if expires_in := params.get("expiresIn"):
            shift.expires = self._at + _lasts(expires_in)
            self._settle_later(shift)
        shift.comment = params.get("comment", shift.comment)
        return self._told(shift)

    def _cancel(self, site: Site, params: Params) -> Shape:
        shift = self._in_force(site, params["zonalShiftId"])
        shift.cancelled = True
        self._settle_later(shift)
        return self._told(shift)

    def _in_force(self, site: Site, identity: str) -> Shift:
        shift = self._find(site, identity)
        if shift.status(self._at) is not Status.ACTIVE:
            told = f"The zonal shift is {shift.status(self._at)}."
            details = {"reason": "ZonalShiftStatusNotActive", "zonalShiftId": shift.id}
            raise Refusal("ConflictException", told, 409, **details)
        return shift

    def _settle_later(self, shift: Shift) -> None:
        """Let clients follow the change, and the end that is to come."""
        lag = int(self._fleet.yard.aws.zonal_shift_lag.total_seconds())
        for at in {self._at + lag, shift.expires}:
            self._agenda.enter(at, partial(self._settle, shift.arn))

    def _settle(self, arn: str, at: int) -> None:
        yard, shift = self._fleet.yard, self.active(arn)
        before = yard.away.pop(arn, None)
        if shift is not None:
            yard.away[arn] = shift.zone
        if before != yard.away.get(arn):
            for service in self._fleet.services:
                if service.place.balanced and service.place.load_balancer_arn == arn:
                    self._pulse.take(service, yard, at)

    def _managed_resource(self, site: Site, params: Params) -> Shape:
        arn = params["resourceIdentifier"]
        return self._resource(site, arn, self._known(site, arn)) | {"zonalAutoshiftStatus": "DISABLED"}

    def _resource(self, site: Site, arn: str, places: list[Place]) -> Shape:
        shift, names = self.active(arn), zone_ids(*site)
        away = shift.zone_id if shift else None
        weights = {names[zone]: 0.0 if names[zone] == away else 1.0 for zone in places[0].zones}
        summary = [] if shift is None else [self._summed(shift) | {"appliedStatus": "APPLIED"}]
        return {
            "arn": arn,
            "name": places[0].load_balancer.split("/")[1],
            "appliedWeights": weights,
            "zonalShifts": summary,
            "autoshifts": [],
        }

    def _managed_resources(self, site: Site, params: Params) -> Shape:
        names = zone_ids(*site)
        found = [
            self._resource(site, arn, places)
            | {"availabilityZones": [names[zone] for zone in places[0].zones]}
            for arn, places in self._managed(site).items()
        ]
        items, rest = page(found, params)
        return {"items": items, **rest}

    def _list(self, site: Site, params: Params) -> Shape:
        managed, at = self._managed(site), self._at
        found = [
            self._told(shift)
            for shift in reversed(self.shifts)
            if shift.arn in managed
            and params.get("resourceIdentifier") in {None, shift.arn}
            and params.get("status") in {None, shift.status(at)}
        ]
        items, rest = page(found, params)
        return {"items": items, **rest}

    def _summed(self, shift: Shift) -> Shape:
        return {
            "zonalShiftId": shift.id,
            "resourceIdentifier": shift.arn,
            "awayFrom": shift.zone_id,
            "expiryTime": moment(shift.expires),
            "startTime": moment(shift.started),
            "comment": shift.comment,
        }

    def _told(self, shift: Shift) -> Shape:
        return self._summed(shift) | {"status": shift.status(self._at).value}


def _lasts(expires_in: str) -> int:
    """Read how long a shift is to last, in seconds.  Raises Refusal."""
    found = EXPIRES.fullmatch(expires_in)
    lasts = int(found[1]) * SECONDS[found[2]] if found else 0
    if not 0 < lasts <= EXPIRES_MAX_S:
        raise _invalid("InvalidExpiresIn", f"expiresIn is 1m to 72h, got {expires_in}.")
    return lasts


def _invalid(reason: str, told: str) -> Refusal:
    return Refusal("ValidationException", told, 400, reason=reason)
