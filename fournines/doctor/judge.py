"""What each thing that was looked at means: pure, from values to findings."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from collector.price import Thrift, saving
from fournines.doctor.finding import ok, warn, wrong

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from collector.checkup import AlarmLook, BucketLook, Identity, QueueLook
    from collector.scheme import Scheme
    from fournines.doctor.finding import Finding
    from fournines.store.dispatches import Dispatch

#: AWS refuses signatures that are 5 minutes off; events and minutes are told apart far more finely.
SKEW_MAX = timedelta(seconds=30)
#: A store grows by some hundred MB a month at a thousand placements; SQLite needs room beside it.
FREE_MIN_BYTES = 2**30
#: CloudWatch tells within three or four minutes; quiet minutes are fetched every five, or more seldom.
LAG_MAX, TARDY = timedelta(minutes=15), timedelta(minutes=5)
#: What the bot needs, and what for.
SCOPES: Mapping[str, str] = {
    "chat:write": "to tell anything",
    "channels:history": "to recognise its own message after an answer was lost",
}
ATTACH = "attach the policy that `fournines aws policy` prints to the role that fournines runs with"


def identity(account: str, found: Identity) -> Finding:
    """Judge who we are: credentials of another account would watch the wrong estate."""
    if f":{account}:" not in found.arn:
        fix = f"give the account {account} a role_arn under aws.accounts, or use credentials of it"
        return wrong("credentials", f"account {account} is asked for, but we are {found.arn}", fix)
    return ok("credentials", f"account {account}: we are {found.arn}")


def clock(skew: timedelta) -> Finding:
    """Judge how far this machine's clock is from AWS's."""
    if abs(skew) > SKEW_MAX:
        side = "behind" if skew > timedelta() else "ahead of"
        what = f"this machine's clock is {abs(skew).total_seconds():.0f} s {side} AWS's"
        return wrong("clock", what, "let chrony, ntpd or systemd-timesyncd set the clock")
    return ok("clock", f"this machine and AWS agree to within {SKEW_MAX.total_seconds():.0f} s")


def permissions(account: str, region: str, denied: Mapping[str, str]) -> Iterator[Finding]:
    """Name each action that is denied."""
    area = f"permissions {account}/{region}"
    for action in denied:
        yield wrong(area, f"{action} is denied", f"allow {action}: {ATTACH}")
    if not denied:
        yield ok(area, "everything that is read may be read")


def queue(region: str, found: QueueLook) -> Finding:
    """Judge a queue by what nobody could keep; what waits there is read by the service."""
    area = f"queue {region}"
    if found.dead is None:
        fix = "make the queue by `fournines aws template`, which gives it dead letters"
        return warn(area, f"reachable, {found.waiting} waiting; it has no dead letters", fix)
    if found.dead:
        age = "" if found.oldest_dead_s is None else f", the oldest {_span(found.oldest_dead_s)} old"
        what = f"reachable, {found.waiting} waiting; {found.dead} dead letters{age}"
        fix = "read them (aws sqs receive-message), see `fournines events parse`, then redrive or purge them"
        return warn(area, what, fix)
    return ok(area, f"reachable, {found.waiting} waiting, no dead letters")


def bucket(name: str, found: BucketLook) -> Finding:
    """Judge the bucket of statements; whether it may be written shows only when something is put."""
    if found.reachable is None:
        what = f"{name} cannot be looked at: {found.why}; whether it may be written is not known"
        return warn("statements s3", what, ATTACH)
    if not found.reachable:
        return wrong("statements s3", f"{name}: {found.why}", "make it there, or name another: statements.s3")
    return ok("statements s3", f"{name} is there")


def folder(path: str, *, may_write: bool) -> Finding:
    """Judge the folder of statements."""
    if not may_write:
        return wrong(
            "statements folder", f"{path} cannot be written", "let this user write it: statements.folder"
        )
    return ok("statements folder", f"{path} can be written")


def undelivered(found: Sequence[Dispatch]) -> Iterator[Finding]:
    """Name each statement that is not where it belongs."""
    for one in found:
        what = f"the statement of {one.contract} for {one.month} could not be laid up: {one.why}"
        yield warn(f"statements {one.place}", what, "mend what it says; the service tries again every hour")


def heartbeat(region: str, name: str, found: AlarmLook | None) -> Finding:
    """Judge the alarm that tells when fournines is silent."""
    area = f"heartbeat {region}"
    if found is None:
        fix = "deploy the template there with WatchHeartbeat=yes and AlarmEmail"
        return warn(area, f"there is no alarm {name}: nobody hears that fournines is silent", fix)
    if found.state == "ALARM":
        fix = "start `fournines serve`, or read its /healthz: `fournines runbook show fournines-silent`"
        return wrong(area, f"{name} rings: {found.reason}", fix)
    if not found.tells:
        fix = "give the alarm an action, as the template does, and enable its actions"
        return warn(area, f"{name} is {found.state}, but tells nobody", fix)
    if found.state != "OK":
        return warn(
            area, f"{name} is {found.state}", "wait some minutes after the first start, and look again"
        )
    return ok(area, f"{name} is OK and tells people when it rings")


def service(trouble: list[str] | None, url: str) -> Iterator[Finding]:
    """Say what the running service says of itself; None where none answers."""
    if trouble is None:
        yield warn(
            "service", f"nobody answers at {url}", "start `fournines serve`, if it is meant to run here"
        )
        return
    for one in trouble:
        yield wrong("service", one, "see `fournines runbook show fournines-silent`")
    if not trouble:
        yield ok("service", f"it answers at {url} and has no trouble")


def collecting(row: Mapping[str, Any]) -> Iterator[Finding]:
    """Judge how the running service reads a region, as it says itself."""
    area = f"collecting {row['account']}/{row['region']}"
    what = (
        f"{row['metrics']:,} metrics in {row['calls']:,} calls, {row['usd']:.2f} USD since it began; "
        f"{row['throttled']:,} throttled, {row['gaps']:,} not answered, {row['restated']:,} minutes restated"
    )
    if row["missing"]:
        fix = "allow what is denied, or raise the quota that is named; the rest is asked for again by itself"
        yield warn(area, f"{what}; since {row['missing_since']} something is missing: {row['missing']}", fix)
    elif row["behind"]:
        fix = "services without tasks or requests are read again for three hours: see that they are meant so"
        yield warn(area, f"{what}; {row['behind']} services are far behind the others", fix)
    else:
        yield ok(area, what)


def lag(account: str, region: str, newest: datetime | None, now: datetime, lag_max: timedelta) -> Finding:
    """Judge how old a region's newest minute is."""
    area = f"minutes {account}/{region}"
    fix = "see that `fournines serve` runs, and what the log says of this region"
    if newest is None:
        return warn(area, "no minute is known yet", fix)
    age = now - newest
    if age > lag_max:
        what = f"the newest minute ended {_span(age.total_seconds())} ago, at {newest:%Y-%m-%d %H:%M} UTC"
        return wrong(area, what, fix)
    return ok(area, f"the newest minute is less than {_span(lag_max.total_seconds())} old")


def lag_max(scheme: Scheme) -> timedelta:
    """Return how old the newest minute may be: near a month's budget what counts is read at its rarest."""
    cadence = scheme.cadence if scheme.budget_usd is None else saving(scheme.cadence, Thrift.SLI_RARELY)
    turn = timedelta(minutes=cadence.sli_every, seconds=scheme.settle_s)
    return max(LAG_MAX, turn + TARDY)


def disk(free: int, folder: str) -> Finding:
    """Judge the room that the store has to grow."""
    if free < FREE_MIN_BYTES:
        what = f"{free / 2**20:.0f} MiB are free in {folder}"
        return wrong(
            "store", what, "make room, or name a store on a larger disk: nothing is kept when it is full"
        )
    return ok("store", "at least 1 GiB is free")


def unborn(place: str, *, may_write: bool) -> Finding:
    """Judge where a store is to be, before the service made one."""
    if not may_write:
        return wrong(
            "store", f"{place} cannot be made", "let this user write the folder, or name another store"
        )
    return warn("store", f"there is no store at {place} yet", "start `fournines serve`, which makes it")


def journal(broken: int | None) -> Finding:
    """Judge the chain of the journal."""
    if broken is not None:
        what = f"journal entry {broken} is not what was written"
        return wrong("store", what, "restore the store from a backup, and find out who changed it")
    return ok("store", "it can be read and written, and its journal is as it was written")


def scopes(granted: frozenset[str]) -> Iterator[Finding]:
    """Name each scope that the Slack app lacks."""
    for scope, purpose in SCOPES.items():
        if scope not in granted:
            made = wrong if scope == "chat:write" else warn
            yield made(
                "slack", f"the app lacks the scope {scope}, {purpose}", f"add {scope} and reinstall the app"
            )


def _span(seconds: float) -> str:
    """Say a span in the largest unit of which there are two."""
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length:.0f} {unit}"
    return f"{seconds:.0f} s"
