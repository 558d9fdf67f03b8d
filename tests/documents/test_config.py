from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from collector.probes import Check, Probe
from collector.schedules import Schedule
from collector.timetable import Calendar, Every
from fournines import wire
from fournines.clock import Fast, Wall
from fournines.config import READERS, Config, counted_otherwise, read
from fournines.documents import DocumentError, parse
from fournines.jobs.statements import Issuance
from fournines.paper.formats import CONTENT_TYPES
from fournines.settings import Settings
from remediation.wire.webhook import HttpHook
from slo.cells import Indicator, Placement
from slo.contracts import Contract, Quickness
from slo.months import Month
from slo.objectives import CalendarMonth, Objective

OBJECTIVES = """\
apiVersion: openslo/v1
kind: SLO
metadata: {name: search-availability}
spec:
  service: search
  description: Requests that were answered
  indicator:
    metadata: {name: search-good}
    spec:
      ratioMetric:
        counter: true
        good: {metricSource: {type: fournines, spec: {service: search, indicator: availability}}}
        total: {metricSource: {type: fournines, spec: {service: search, indicator: availability}}}
  timeWindow: [{duration: 30d, isRolling: true}]
  budgetingMethod: Occurrences
  objectives: [{target: 0.9999}]
"""
POLICIES = """\
policies:
  - {name: rollback, cause: deployment, mode: act}
"""
CONTRACTS = """\
id: gold
tenant: acme
services: ['*']
regions: ['*']
indicator: availability
target: 0.9999
zone: Europe/Berlin
"""
CONFIG = """\
store: var/books.db
clock: {kind: fast, start: 2026-10-01T00:00:00Z, epoch: 2026-11-23T22:00:00Z, speed: 60.5}
aws:
  regions: [eu-west-1, us-east-1]
  accounts: [{id: 012345678901}]
  endpoint_url: http://127.0.0.1:4566
  credentials: {access_key_id: fournines, secret_access_key: {env: AWS_SECRET}}
  queues: [{region: eu-west-1, url: "http://127.0.0.1:4566/1/events"}]
objectives: [objectives.yaml]
policies: [policies.yaml]
contracts: [contracts.yaml]
slack: {channel: "#slo", token: {file: token.txt}, base_url: http://127.0.0.1:8081/api/}
web: {port: 0}
collect: {sli_every: 2m, latency_threshold: 0.8}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AWS_SECRET", "hush")
    (tmp_path / "objectives.yaml").write_text(OBJECTIVES, encoding="utf-8")
    (tmp_path / "policies.yaml").write_text(POLICIES, encoding="utf-8")
    (tmp_path / "contracts.yaml").write_text(CONTRACTS, encoding="utf-8")
    (tmp_path / "token.txt").write_text("xoxb-hush\n", encoding="utf-8")
    return tmp_path


def config(folder: Path, text: str) -> Config:
    (folder / "fournines.yaml").write_text(text, encoding="utf-8")
    return read(folder / "fournines.yaml")


def faults(folder: Path, text: str) -> list[str]:
    with pytest.raises(DocumentError) as error:
        config(folder, text)
    return [str(fault).replace(f"{folder}/", "") for fault in error.value.faults]


def test_a_config_names_everything_and_all_of_it_is_read(folder: Path) -> None:
    found = config(folder, CONFIG)
    settings = found.settings
    assert settings.store == str(folder / "var/books.db")
    assert isinstance(settings.clock.clock(), Fast)
    assert settings.aws.accounts[0].id == "012345678901"
    assert settings.collect.scheme.cadence.sli_every == 2
    assert settings.collect.discover_every == timedelta(minutes=5)
    assert [objective.target for objective in found.objectives] == [Decimal("0.9999")]
    assert [one.name for one in found.policies.policies] == ["rollback"]
    assert [one.target for one in found.contracts] == [Decimal("0.9999")]


def test_a_short_config_is_enough(folder: Path) -> None:
    settings = config(
        folder,
        "aws: {regions: [eu-west-1], accounts: [{id: 123456789012}]}\nobjectives: [objectives.yaml]\nstore: sqlite://\n",
    ).settings
    assert isinstance(settings.clock.clock(), Wall)
    assert (settings.store, settings.web.host, settings.web.port) == ("sqlite://", "127.0.0.1", 8080)
    assert settings.slack is None


def test_a_webhook_has_an_address_and_a_secret_by_reference(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = SERVER.replace("postgresql://ann@db.internal/books?sslmode=require", "sqlite://")
    assert wire.hook(config(folder, short).settings) is None
    monkeypatch.setenv("HUSH", "p@ss")
    named = config(folder, short + "webhook: {url: http://ci.internal/hook, secret: {env: HUSH}}\n").settings
    assert isinstance(wire.hook(named), HttpHook)
    assert "p@ss" not in repr(named)
    with pytest.raises(DocumentError, match=r"webhook.secret: expected \{env: NAME\}"):
        config(folder, short + "webhook: {url: http://ci.internal/hook, secret: hush}\n")


SERVER = """
aws: {regions: [eu-west-1], accounts: [{id: 123456789012}]}
objectives: [objectives.yaml]
store: postgresql://ann@db.internal/books?sslmode=require
"""


def test_a_store_on_a_server_takes_its_password_by_reference(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert config(folder, SERVER).settings.books == "postgresql://ann@db.internal/books?sslmode=require"
    monkeypatch.setenv("HUSH", "p@ss/word")
    settings = config(folder, SERVER + "store_password: {env: HUSH}\n").settings
    assert settings.books == "postgresql://ann:p%40ss%2Fword@db.internal/books?sslmode=require"
    assert "p%40ss" not in repr(settings)
    assert "p@ss" not in repr(settings)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (SERVER.replace("ann@", "ann:hush@"), "expected no password here: name it under store_password"),
        (SERVER + "store_password: hush\n", "expected {env: NAME} or {file: PATH}"),
        (SERVER + "store_password: {env: NOT_SET}\n", "the environment variable NOT_SET is not set"),
        (
            SERVER.replace("postgresql://ann@db.internal/books", "books.db")
            + "store_password: {env: HOME}\n",
            "expected store_password only where `store` is on a server",
        ),
    ],
)
def test_a_password_that_stands_where_it_should_not_is_refused_unseen(
    folder: Path, text: str, told: str
) -> None:
    (fault,) = faults(folder, text)
    assert told in fault
    assert "hush" not in fault


def test_secrets_are_looked_up_and_never_printed(folder: Path) -> None:
    found = config(folder, CONFIG)
    assert found.settings.slack is not None
    assert found.settings.slack.token.get_secret_value() == "xoxb-hush"
    assert "hush" not in repr(found)


def test_a_secret_in_the_document_is_refused_without_repeating_it(folder: Path) -> None:
    told = faults(folder, CONFIG.replace("{file: token.txt}", "xoxb-very-secret"))
    (fault,) = told
    assert fault.startswith("fournines.yaml:12: slack.token: expected {env: NAME} or {file: PATH}")
    assert "very-secret" not in fault


def test_every_fault_of_every_document_is_told_at_once_with_its_line(folder: Path) -> None:
    (folder / "objectives.yaml").write_text(
        OBJECTIVES.replace("target: 0.9999", "target: 99.99"), encoding="utf-8"
    )
    (folder / "policies.yaml").write_text("policies:\n  - name: x\n    cause: gremlins\n", encoding="utf-8")
    (folder / "contracts.yaml").write_text(CONTRACTS.replace("tenant: acme\n", ""), encoding="utf-8")
    told = faults(
        folder,
        """\
clock: {kind: sundial}
aws:
  regions: [eu-west-1, Ireland]
  accounts:
    - {id: 1234}
    - {role_arn: admin}
  credentials: {access_key_id: x, secret_access_key: {env: NOT_SET}}
objectives: [objectives.yaml, nowhere.yaml]
policies: [policies.yaml]
contracts: [contracts.yaml]
web: {port: 80800, hots: localhost}
collect: {sli_every: 90s, slow_every: often}
telemetry: {otlp_endpoint: collector}
""",
    )
    assert [fault for fault in told if fault.startswith("fournines.yaml")] == [
        "fournines.yaml:1: clock: expected one of the kinds 'wall', 'fast'",
        "fournines.yaml:3: aws.regions[1]: expected a region such as eu-west-1",
        "fournines.yaml:5: aws.accounts[0].id: expected the 12 digits of an AWS account",
        "fournines.yaml:6: aws.accounts[1].id: is missing",
        "fournines.yaml:6: aws.accounts[1].role_arn: expected arn:aws:iam::ACCOUNT:role/NAME",
        "fournines.yaml:7: aws.credentials.secret_access_key: the environment variable NOT_SET is not set",
        "fournines.yaml:8: objectives[1]: there is no file nowhere.yaml",
        "fournines.yaml:11: web.hots: is not known here; expected one of host, port, url",
        "fournines.yaml:11: web.port: input should be less than or equal to 65535, got 80800",
        "fournines.yaml:12: collect.sli_every: expected whole minutes, since CloudWatch counts by the minute",
        "fournines.yaml:12: collect.slow_every: expected a duration such as 30s, 5m, 2h or 1d",
        "fournines.yaml:13: telemetry.otlp_endpoint: expected an address such as https://host:port",
    ]
    assert [fault.split(": ")[:2] for fault in told if not fault.startswith("fournines.yaml")] == [
        ["contracts.yaml:1", "tenant"],
        ["objectives.yaml:16", "spec.objectives[0].target"],
        ["policies.yaml:3", "policies[0].cause"],
    ]


def test_a_configuration_that_promises_nothing_is_refused(folder: Path) -> None:
    (folder / "objectives.yaml").write_text(
        OBJECTIVES.replace("kind: SLO", "kind: Service"), encoding="utf-8"
    )
    assert faults(folder, CONFIG) == [
        "fournines.yaml:9: objectives: no SLO is in these files; expected at least one"
    ]


def test_a_region_that_nobody_watches_is_told_and_no_fault(folder: Path) -> None:
    (folder / "policies.yaml").write_text(POLICIES.replace("mode", "regions: [us-*, eu-east-1], mode"))
    (folder / "contracts.yaml").write_text(CONTRACTS.replace("regions: ['*']", "regions: [eu-west-9]"))
    assert config(folder, CONFIG).notes == (
        "policy rollback names eu-east-1, none of the regions that are watched: eu-west-1, us-east-1",
        "contract gold names eu-west-9, none of the regions that are watched: eu-west-1, us-east-1",
    )


def test_what_must_be_there_is_named(folder: Path) -> None:
    assert faults(folder, "store: x.db\n") == [
        "fournines.yaml:1: aws: is missing",
        "fournines.yaml:1: objectives: is missing",
    ]
    assert faults(folder, "aws: {regions: [], accounts: [{}]}\nobjectives: [objectives.yaml]\n") == [
        "fournines.yaml:1: aws.accounts[0].id: is missing",
        "fournines.yaml:1: aws.regions: is empty; expected at least 1",
    ]
    assert faults(
        folder, "clock: {speed: 2}\naws: {regions: [eu-west-1], accounts: [{id: 123456789012}]}\n"
    ) == [
        "fournines.yaml:1: clock: needs a kind, since it has several forms",
        "fournines.yaml:1: objectives: is missing",
    ]
    assert faults(folder, "") == ["fournines.yaml: expected one document, got 0"]
    assert faults(folder, "- a\n")[0].startswith("fournines.yaml:1: ")


def test_unknown_properties_name_those_that_exist_however_deep() -> None:
    (document,) = parse("aws: {queues: [{regoin: x}]}", "a.yaml")
    assert document.locate(("aws", "queues", 0, "regoin")) == 1
    assert set(READERS) < set(Settings.model_fields)


PROBED = """\
aws: {regions: [eu-west-1], accounts: [{id: 123456789012}]}
objectives: [objectives.yaml]
probe_tags: true
probes:
  - {service: web, region: eu-west-1, url: "https://web.example/health?deep=1"}
  - service: web
    region: eu-west-1
    account: 123456789012
    cluster: blue
    url: https://blue.example/
    every: 5s
    timeout: 2s
    expect: [204, 301-303]
    contains: fine
    allow_private: true
"""


def test_a_probe_says_what_is_checked_and_the_rest_has_defaults(folder: Path) -> None:
    settings = config(folder, PROBED).settings
    short, full = (one.probe() for one in settings.probes)
    assert settings.probe_tags
    assert short == Probe(
        check=Check(url="https://web.example/health?deep=1"), service="web", region="eu-west-1"
    )
    assert (full.account, full.cluster) == ("123456789012", "blue")
    assert full.check == Check(
        url="https://blue.example/",
        every=timedelta(seconds=5),
        timeout=timedelta(seconds=2),
        expect=frozenset({204, 301, 302, 303}),
        contains="fine",
        allow_private=True,
    )


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("url: ftp://x", "url: expected an address such as https://host/path, in ASCII"),
        ("url: 'https://me:hush@x'", "url: expected no credentials in the address"),
        ("url: 'https://x', every: 1s", "every: expected 5s to 60s"),
        ("url: 'https://x', every: 2m", "every: expected 5s to 60s"),
        ("url: 'https://x', timeout: 11s", "timeout: expected no more than `every`: a check ends before"),
        ("url: 'https://x', expect: []", "expect: expected a list of statuses such as 204 or 200-299"),
        ("url: 'https://x', expect: 200", "expect: expected a list of statuses"),
        ("url: 'https://x', expect: [2xx]", "expect: expected a list of statuses"),
        ("url: 'https://x', expect: [299-200]", "expect: expected a list of statuses"),
        ("url: 'https://x', expect: [200-700]", "expect: expected a list of statuses"),
    ],
    ids=str,
)
def test_a_wrong_probe_is_told_with_what_was_expected(folder: Path, line: str, told: str) -> None:
    text = PROBED.partition("  - ")[0] + f"  - {{service: web, region: eu-west-1, {line}}}\n"
    (fault,) = faults(folder, text)
    assert f"fournines.yaml:5: probes[0].{told}" in fault
    assert "hush" not in fault


def test_a_probe_that_stands_twice_is_told(folder: Path) -> None:
    one = '  - {service: web, region: eu-west-1, url: "https://web.example/health"}\n'
    (fault,) = faults(folder, PROBED.partition("  - ")[0] + one + one.replace("health", "health?again"))
    assert "expected each probe once, whatever its query; https://web.example/health" in fault


def test_a_probe_in_a_region_that_nobody_watches_is_noted(folder: Path) -> None:
    text = PROBED.partition("  - ")[0] + "  - {service: web, region: us-east-1, url: 'https://x'}\n"
    note, _ = config(folder, text).notes
    assert note.startswith("probe https://x of us-east-1/web names us-east-1, none of the regions")


SCHEDULED = """\
aws: {regions: [eu-west-1], accounts: [{id: 123456789012}]}
objectives: [objectives.yaml]
schedules:
  - {name: reports, region: eu-west-1, cluster: prod, family: nightly-reports, every: 6h}
  - name: backup
    account: 123456789012
    region: eu-west-1
    cluster: prod
    family: db-backup
    rrule: FREQ=DAILY;BYHOUR=2;BYMINUTE=30
    zone: Europe/Berlin
    within: 10m
    lasts_max: 3h
    container: backup
"""
ONE_SCHEDULE = SCHEDULED.partition("  - ")[0] + "  - {name: reports, region: eu-west-1, cluster: prod"


def test_a_schedule_says_what_runs_when_and_the_rest_has_defaults(folder: Path) -> None:
    short, full = config(folder, SCHEDULED).settings.scheduled
    where = Placement("123456789012", "eu-west-1", "prod", "reports")
    assert short == Schedule(placement=where, family="nightly-reports", timetable=Every(timedelta(hours=6)))
    assert full == Schedule(
        placement=replace(where, service="backup"),
        family="db-backup",
        timetable=Calendar("FREQ=DAILY;BYHOUR=2;BYMINUTE=30", "Europe/Berlin"),
        within=timedelta(minutes=10),
        lasts_max=timedelta(hours=3),
        container="backup",
    )


def test_a_pace_may_be_counted_from_another_minute(folder: Path) -> None:
    text = f"{ONE_SCHEDULE}, family: f, every: 1h, offset: 20m}}\n"
    (schedule,) = config(folder, text).settings.scheduled
    assert schedule.timetable == Every(timedelta(hours=1), timedelta(minutes=20))


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("family: f", "expected either `every` or `rrule`"),
        ("family: f, every: 1h, rrule: FREQ=DAILY", "expected either `every` or `rrule`"),
        ("family: f, every: 90s", "every: expected whole minutes"),
        ("family: f, every: 1h, offset: 2h", "an offset is shorter than 1:00:00"),
        ("family: f, every: 1h, zone: UTC", "expected no `zone` beside `every`"),
        ("family: f, rrule: FREQ=DAILY, offset: 5m", "expected no `offset` beside `rrule`"),
        ("family: f, rrule: nightly", "rrule: expected an RRULE such as"),
        ("family: f, rrule: FREQ=DAILY, zone: Mars", "zone: expected a time zone such as Europe/Berlin"),
        ("family: 'f:7', every: 1h", "family: expected the family of a task definition"),
        ("family: f, every: 1h, within: 50m", "within is at most 0:45:00"),
        ("family: f, every: 1h, lasts_max: 1m", "within is at most 0:45:00 and at most lasts_max"),
        ("family: f, every: 1h, lasts_max: 5d", "lasts_max is at most 2 days"),
        ("family: f, every: 1h, account: 210987654321", "to name one of the accounts under aws.accounts"),
    ],
    ids=str,
)
def test_a_wrong_schedule_is_told_with_what_was_expected(folder: Path, line: str, told: str) -> None:
    (fault,) = faults(folder, f"{ONE_SCHEDULE}, {line}}}\n")
    assert "schedules" in fault
    assert told in fault


def test_a_schedule_in_one_of_several_accounts_says_in_which(folder: Path) -> None:
    accounts = ONE_SCHEDULE.replace("[{id: 123456789012}]", "[{id: 123456789012}, {id: 210987654321}]")
    (fault,) = faults(folder, f"{accounts}, family: f, every: 1h}}\n")
    assert "expected schedule reports to name one of the accounts" in fault


def test_a_schedule_that_stands_twice_is_told(folder: Path) -> None:
    again = "  - " + ONE_SCHEDULE.partition("  - ")[2]
    (fault,) = faults(folder, f"{ONE_SCHEDULE}, family: f, every: 1h}}\n{again}, family: g, every: 2h}}\n")
    assert "expected each schedule once; 123456789012/eu-west-1/prod/reports stands here again" in fault


def test_a_schedule_in_a_region_that_nobody_watches_is_noted(folder: Path) -> None:
    elsewhere = ONE_SCHEDULE.replace("region: eu-west-1", "region: us-east-1")
    note, _ = config(folder, f"{elsewhere}, family: f, every: 1h}}\n").notes
    assert note.startswith("schedule reports names us-east-1, none of the regions")


@pytest.mark.parametrize(
    ("written", "regions", "note"),
    [
        ("", ("eu-west-1", "us-east-1"), None),
        ("heartbeat: {regions: [eu-west-1]}", ("eu-west-1",), "the heartbeat is written in eu-west-1 alone"),
        (
            "heartbeat: {name: blue, regions: [sa-east-1, sa-east-1, eu-west-1]}",
            ("sa-east-1", "eu-west-1"),
            None,
        ),
        ("heartbeat: {regions: []}", (), "the heartbeat is off"),
    ],
)
def test_a_heartbeat_that_nobody_would_miss_is_noted(
    folder: Path, written: str, regions: tuple[str, ...], note: str | None
) -> None:
    (folder / "fournines.yaml").write_text(CONFIG + written + "\n", encoding="utf-8")
    config = read(folder / "fournines.yaml")
    assert config.settings.heartbeat_regions == regions
    assert [one.startswith(str(note)) for one in config.notes if "heartbeat" in one] == (
        [True] if note else []
    )


def test_whoever_means_another_limit_of_latency_than_is_counted_is_noted() -> None:
    fast = Objective(
        name="fast",
        display_name="Fast",
        service="search",
        indicator=Indicator.LATENCY,
        target=Decimal("0.99"),
        window=CalendarMonth("UTC"),
        threshold_s=Decimal("0.3"),
    )
    slower = replace(fast, name="slower", threshold_s=Decimal("0.80"))
    contract = Contract(
        id="acme",
        tenant="acme",
        display_name="Acme",
        services=("search", "payment"),
        regions=("*",),
        indicator=Indicator.AVAILABILITY,
        target=Decimal("0.9999"),
        zone="UTC",
        latency=Quickness(Decimal(1), Decimal("0.99")),
    )
    noted = list(counted_otherwise([fast, slower], [contract], Decimal(1)))
    assert [one.partition(" are counted")[0] for one in noted] == [
        "objective slower means answers within 0.8 s, and of search those within 0.3 s",
        "contract acme means answers within 1 s, and of search those within 0.3 s",
    ]
    everywhere = replace(contract, services=("*",), latency=Quickness(Decimal("0.3"), Decimal("0.99")))
    (other,) = counted_otherwise([fast], [everywhere], Decimal(1))
    assert "within 0.3 s, and of other services those within 1 s" in other
    assert not list(counted_otherwise([fast], [replace(contract, services=("payment",))], Decimal(1)))


STATEMENTS = """\
statements:
  settle: 2d
  since: 2026-10
  formats: [pdf, json]
  folder: out/statements
  s3: {bucket: acme-sla, region: eu-west-1, prefix: sla/}
prices:
  currency: EUR
  fargate:
    - {regions: ["eu-*"], vcpu_hour: 0.04, gb_hour: 0.004, spot_vcpu_hour: 0.012, spot_gb_hour: 0.001}
    - {vcpu_hour: 0.05, gb_hour: 0.005, spot_discount: 0.7}
"""


def test_where_statements_go_and_what_tasks_cost(folder: Path) -> None:
    settings = config(folder, CONFIG + STATEMENTS).settings
    assert (settings.statements.settle, settings.statements.since) == (timedelta(days=2), Month(2026, 10))
    kept = wire.archives(settings, wire.sessions(settings))
    assert [archive.where("a.pdf") for archive in kept.values()] == [
        str(folder / "out/statements/a.pdf"),
        "s3://acme-sla/sla/a.pdf",
    ]
    here, elsewhere = settings.prices.listed
    assert here.saved == (Fraction(28, 1000), Fraction(3, 1000))
    assert elsewhere.saved == (Fraction(35, 1000), Fraction(35, 10_000))
    assert {price.currency for price in settings.prices.listed} == {"EUR"}


def test_without_a_word_statements_stay_in_the_store_and_nothing_is_priced(folder: Path) -> None:
    settings = config(folder, CONFIG).settings
    assert wire.archives(settings, wire.sessions(settings)) == {}
    assert settings.prices.listed == ()
    assert Issuance().settle == settings.statements.settle
    assert Issuance().formats == settings.statements.formats == tuple(CONTENT_TYPES)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("settle: 2d", "settle: 30m", "statements.settle: expected 1h or more"),
        ("since: 2026-10", "since: 2026-13", "statements.since: a month is YYYY-MM"),
        ("formats: [pdf, json]", "formats: [docx]", "statements.formats[0]"),
        ("bucket: acme-sla", "bucket: Acme_SLA", "statements.s3.bucket: expected the name of an S3 bucket"),
        ("prefix: sla/", "prefix: /sla", "statements.s3.prefix: expected a prefix such as sla/"),
        ("prefix: sla/", "kms_key: arn:aws:kms:eu-west-1:1:key/a", "statements.s3: expected sse: aws:kms"),
        ("currency: EUR", "currency: euro", "prices.currency: expected a currency such as USD"),
        ("spot_discount: 0.7", "spot_discount: 70", "prices.fargate[1].spot_discount"),
        (", spot_discount: 0.7", "", "prices.fargate[1]: expected either spot_discount or both"),
        (", spot_gb_hour: 0.001", "", "prices.fargate[0]: expected either spot_discount or both"),
        ("spot_vcpu_hour: 0.012", "spot_vcpu_hour: 0.12", "prices.fargate[0]: expected Spot to cost no more"),
    ],
)
def test_what_is_wrong_about_statements_and_prices_is_told_with_its_place(
    folder: Path, before: str, after: str, said: str
) -> None:
    assert before in STATEMENTS
    with pytest.raises(DocumentError) as error:
        config(folder, CONFIG + STATEMENTS.replace(before, after))
    assert said in str(error.value)
