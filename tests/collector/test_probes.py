"""What is checked, when, what it counts, and from when it is told."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from collector.addresses import may_connect
from collector.estate import ServiceView
from collector.probes import (
    OURS,
    TAG,
    TARGETS_MAX,
    Answer,
    Check,
    Probe,
    Probes,
    Reason,
    Result,
    Target,
    aim,
    answered,
    url_problem,
)
from collector.probing import ANSWERED_WITHIN_S, HELD_MINUTES_MAX, Seen, count, due, in_a_row, settled
from slo.cells import Indicator, Placement, Sli, State, minute_of

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
WEB, AUTH = (Placement("1", "eu-west-1", "prod", name) for name in ("web-app", "user-auth"))
URL = "https://shop.example/health"
CHECK = Check(url=URL)


def view(placement: Placement, **tags: str) -> ServiceView:
    return ServiceView(
        placement=placement, seen_at=NOON, status="ACTIVE", desired=1, running=1, pending=0,
        task_definition="t", tags=tags,
    )  # fmt: skip


def services(*placements: Placement) -> dict[Placement, ServiceView]:
    return {placement: view(placement) for placement in placements}


def probe(**changes: Any) -> Probe:  # noqa: ANN401 - a probe's fields
    return Probe(**{"check": CHECK, "service": "web-app", "region": "eu-west-1", **changes})


def result(reason: Reason | None = None, after: float = 0, placement: Placement = WEB) -> Result:
    return Result(Target(placement, CHECK), NOON + after * SECOND, Answer(0.2, reason, "so it is"))


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("https://shop.example", ""),
        ("http://[2001:db8::1]:8080/health?deep=1", ""),
        ("ftp://shop.example", "expected an address such as"),
        ("https://shop.example/a b", "in ASCII"),
        ("https://bücher.example", "in ASCII"),
        ("https:///health", "expected a host"),
        ("https://shop.example:70000", "a port from 1 to 65535"),
        ("https://shop.example:0", "a port from 1 to 65535"),
        ("https://me:hush@shop.example", "no credentials"),
        ("https://shop.example/#top", "no fragment"),
        ("https://shop.example/" + "a" * 2048, "expected an address"),
    ],
    ids=str,
)
def test_an_address_is_sound_or_says_what_is_wrong(url: str, problem: str) -> None:
    assert problem in url_problem(url)
    assert bool(url_problem(url)) is bool(problem)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"url": "shop"}, "such as https://host/path"),
        ({"every": 4 * SECOND}, "every 5s to 60s"),
        ({"every": 61 * SECOND}, "every 5s to 60s"),
        ({"timeout": 11 * SECOND}, "at most 0:00:10"),
        ({"timeout": timedelta(0)}, "longer than nothing"),
        ({"expect": frozenset()}, "at least one"),
        ({"expect": frozenset({99})}, "from 100 to 599"),
    ],
    ids=str,
)
def test_a_wrong_check_cannot_be_made(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Check(**{"url": URL, **wrong})


@pytest.mark.parametrize(
    ("address", "always", "when_allowed"),
    [
        ("192.0.32.7", True, True),
        ("2620:0:2d0:200::7", True, True),
        ("64:ff9b::c000:2007", True, True),
        ("10.1.2.3", False, True),
        ("172.31.255.255", False, True),
        ("192.168.0.1", False, True),
        ("100.64.0.1", False, True),
        ("127.0.0.1", False, True),
        ("::1", False, True),
        ("fd12::1", False, True),
        ("::ffff:10.0.0.1", False, True),
        ("64:ff9b::a00:1", False, True),
        ("2002:a00:1::", False, True),
        ("0.0.0.0", False, False),  # noqa: S104 - what may not be connected to
        ("::", False, False),
        ("169.254.169.254", False, False),
        ("169.254.170.2", False, False),
        ("::ffff:169.254.169.254", False, False),
        ("64:ff9b::a9fe:a9fe", False, False),
        ("64:ff9b:1::a9fe:a9fe", False, False),
        ("fd00:ec2::254", False, False),
        ("fe80::1%eth0", False, False),
        ("fec0::1", False, False),
        ("224.0.0.1", False, False),
        ("ff02::1", False, False),
        ("240.0.0.1", False, False),
        ("255.255.255.255", False, False),
    ],
)
def test_what_may_be_connected_to(address: str, *, always: bool, when_allowed: bool) -> None:
    assert may_connect(address, allow_private=False) is always
    assert may_connect(address, allow_private=True) is when_allowed


def test_a_probe_finds_its_placement() -> None:
    aimed = aim(Probes((probe(),)), services(WEB, AUTH))
    assert aimed.targets == (Target(WEB, CHECK),)
    assert aimed.problems == ()


def test_a_probe_that_means_several_placements_or_none_is_not_made_and_says_so() -> None:
    other = Placement("1", "eu-west-1", "blue", "web-app")
    aimed = aim(Probes((probe(), probe(service="gone"))), services(WEB, other))
    assert aimed.targets == ()
    assert aim(Probes((probe(),)), {}).problems == (), "it is yet to be discovered"
    assert ["2 of them" in aimed.problems[0], "no such service" in aimed.problems[1]] == [True, True]
    assert aim(Probes((probe(cluster="blue"),)), services(WEB, other)).targets == (Target(other, CHECK),)


def test_a_tag_names_an_address_only_when_tags_are_wanted_and_opens_nothing_private() -> None:
    tagged = {WEB: view(WEB, **{TAG: URL}), AUTH: view(AUTH, **{TAG: "no address"})}
    assert aim(Probes(), tagged).targets == ()
    aimed = aim(Probes(tagged=True), tagged)
    assert [(target.placement, target.check.allow_private) for target in aimed.targets] == [(WEB, False)]
    assert str(AUTH) in aimed.problems[0]


def test_what_the_document_says_goes_before_a_tag_with_the_same_address() -> None:
    mine = probe(check=Check(url=URL, every=5 * SECOND))
    aimed = aim(Probes((mine,), tagged=True), {WEB: view(WEB, **{TAG: URL})})
    assert [target.check.every for target in aimed.targets] == [5 * SECOND]


def test_no_more_is_checked_than_the_limit() -> None:
    many = tuple(probe(check=Check(url=f"{URL}/{n}")) for n in range(TARGETS_MAX + 1))
    aimed = aim(Probes(many), services(WEB))
    assert len(aimed.targets) == TARGETS_MAX
    assert aimed.problems == (f"only {TARGETS_MAX} of {TARGETS_MAX + 1} targets are checked",)


def test_a_query_is_nobody_elses_to_see() -> None:
    target = Target(WEB, Check(url=f"{URL}?token=hush"))
    assert target.name == URL
    failed = Result(target, NOON, Answer(0.2, Reason.STATUS, "it answers 503"))
    assert failed.sentence == (
        f"web-app in eu-west-1 fails its checks from outside: {URL}: it answers 503 (status)."
    )


def test_what_could_not_be_checked_is_not_said_to_fail() -> None:
    assert result(Reason.RESOLVER).sentence == (
        f"web-app in eu-west-1 cannot be checked from outside: {URL}: so it is (resolver)."
    )


def live(targets: list[Target], seconds: int) -> Counter[Target]:
    """Begin whatever is due, second by second; return how often each target was."""
    begun: dict[Target, datetime] = {}
    made: Counter[Target] = Counter()
    for second in range(seconds):
        now = NOON + second * SECOND
        for target in due(targets, begun, (), now):
            begun[target] = now
            made[target] += 1
    return made


def test_each_target_keeps_its_own_period() -> None:
    targets = [Target(WEB, Check(url=URL, every=every * SECOND)) for every in (5, 7, 60)]
    assert [int(n / 10) for n in live(targets, 600).values()] == [12, 8, 1]


def test_targets_are_spread_over_the_period() -> None:
    targets = [Target(WEB, Check(url=f"{URL}/{n}")) for n in range(100)]
    begun = {target: NOON - timedelta(seconds=10) for target in targets}
    at_once = []
    for second in range(20):
        now = NOON + second * SECOND
        ready = due(targets, begun, (), now)
        begun |= dict.fromkeys(ready, now)
        at_once.append(len(ready))
    assert sum(at_once[10:]) == 100
    assert max(at_once[10:]) < 25


def test_the_first_check_is_made_at_once_and_the_second_not_right_after_it() -> None:
    for n in range(20):
        target, begun = Target(WEB, Check(url=f"{URL}/{n}")), list[datetime]()
        for second in range(60):
            now = NOON + second * SECOND
            if due([target], dict.fromkeys([target], begun[-1]) if begun else {}, (), now):
                begun.append(now)
        assert begun[0] == NOON
        assert min(b - a for a, b in pairwise(begun)) >= 5 * SECOND


def test_a_check_that_runs_is_not_begun_again_and_who_waited_longest_is_first() -> None:
    one, two, new = (Target(WEB, Check(url=f"{URL}/{name}")) for name in ("one", "two", "new"))
    begun = {one: NOON - 30 * SECOND, two: NOON - 60 * SECOND}
    assert due([one, two, new], begun, (), NOON) == [new, two, one]
    assert due([one, two, new], begun, {two}, NOON) == [new, one]


def test_a_minute_is_settled_when_no_check_of_it_runs_but_none_waits_for_ever() -> None:
    minute = minute_of(NOON)
    assert settled([], NOON) == minute
    assert settled([NOON - SECOND, NOON], NOON) == minute - 1
    assert settled([NOON - 60 * MINUTE], NOON) == minute - HELD_MINUTES_MAX


def test_a_minute_counts_the_checks_that_began_in_it_by_placement() -> None:
    results = [
        result(),
        result(Reason.STATUS, after=30),
        result(after=60),
        result(Reason.TIMEOUT, placement=AUTH),
    ]
    block = count(results, minute_of(NOON))
    assert block.slis == (Sli(AUTH, Indicator.PROBE), Sli(WEB, Indicator.PROBE))
    assert (block.bad.tolist(), block.total.tolist()) == ([[1, 1]], [[1, 2]])
    assert (block.state == State.OBSERVED).all()


@pytest.mark.parametrize("reason", sorted(OURS))
def test_what_is_our_own_doing_counts_nothing_and_breaks_no_row(reason: Reason) -> None:
    ours = result(reason)
    assert (ours.counts, ours.failed) == (False, False)
    assert count([ours], minute_of(NOON)).slis == ()
    assert in_a_row(1, ours) == 1


def test_failures_in_a_row_end_with_a_success() -> None:
    row, rows = 0, []
    for reason in (Reason.DNS, Reason.TLS, None, Reason.BODY):
        row = in_a_row(row, result(reason))
        rows.append(row)
    assert rows == [1, 2, 0, 1]


def test_a_check_that_took_far_longer_than_its_time_says_that_we_were_held_up() -> None:
    assert answered(CHECK, 3.1, Reason.TIMEOUT, "late").reason is Reason.TIMEOUT
    assert answered(CHECK, 90, Reason.TIMEOUT, "late").reason is Reason.STARVED
    assert answered(CHECK, 90).reason is Reason.STARVED
    assert answered(CHECK, 90, Reason.RESOLVER, "slow").reason is Reason.RESOLVER


def test_what_was_seen_adds_up() -> None:
    seen = Seen().plus(result()).plus(result(Reason.DNS)).plus(result(Reason.DNS))
    assert (seen.checks, seen.failures) == (3, {Reason.DNS: 2})
    assert seen.within[ANSWERED_WITHIN_S.index(0.25)] == 3
    slow = Seen().plus(Result(Target(WEB, CHECK), NOON, Answer(90)))
    assert (slow.within[-1], slow.seconds) == (1, 90)
