"""What the demo puts in place before the curtain: documents, history, queues and rules."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
import numpy as np
import yaml
from botocore.config import Config

from fournines import staging
from fournines.rehearsal.rehearse import KEEP_FOR, stories
from fournines.template import RULES
from remediation.vocabulary import Mode
from simulator.history import history
from slo import exchange
from slo.cells import Block, Indicator, Placement, Sli, State

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_sts import STSClient

    from simulator.history import History
    from simulator.recording import Recording
    from simulator.scenario import Scenario, Tenant

CHANNEL = "incidents"
QUEUE = "fournines-events"
#: The world stands still at the scenario's end.  The service's clock stops soon after, or it would take the
#: stillness for darkness while people look at its pages.
ENDS_AFTER = timedelta(minutes=3)
#: Secrets that open nothing, in files, since a config takes secrets by reference only.
SECRETS = {"slack-token": "xoxb-demo", "aws-secret": "demo"}


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the processes are, and the clock that they share."""

    aws: str
    slack: str
    start: datetime
    epoch: datetime
    speed: float


def star(scenario: Scenario) -> Tenant:
    """Return the tenant whose month is told: the one with the most to tell in the fewest placements."""
    return max(scenario.estate.tenants, key=lambda tenant: bool(tenant.services and tenant.regions))


def write_scenario(scenario: Scenario, folder: Path) -> Path:
    """Write the scenario for the simulator; the service never sees it."""
    path = folder / "scenario.yaml"
    document = json.loads(scenario.model_dump_json(by_alias=True, exclude_none=True))
    path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return path


def write_promises(scenario: Scenario, folder: Path, *, observe: bool) -> None:
    """Write objectives, policies and the star's contract."""
    tenant = star(scenario)
    mode = Mode.OBSERVE if observe else Mode.ACT
    _dump(folder / "objectives.yaml", *staging.objectives())
    _dump(folder / "policies.yaml", staging.policies(stories(scenario), keep_for=KEEP_FOR, mode=mode))
    _dump(folder / "contract.yaml", staging.contract(tenant.name, tenant.services, tenant.regions))


def write_config(
    scenario: Scenario, folder: Path, addresses: Addresses, queues: dict[str, str], port: int
) -> Path:
    """Write the service's configuration: endpoints and documents, never the scenario."""
    path = folder / "fournines.yaml"
    for name, secret in SECRETS.items():
        (folder / name).write_text(secret, encoding="utf-8")
    home, *others = scenario.estate.accounts
    clock = {
        "kind": "fast",
        "start": addresses.start.isoformat(),
        "epoch": addresses.epoch.isoformat(),
        "speed": addresses.speed,
        "until": (scenario.end + ENDS_AFTER).isoformat(),
    }
    aws = {
        "endpoint_url": addresses.aws,
        "credentials": {"access_key_id": "fournines", "secret_access_key": {"file": "aws-secret"}},
        "accounts": [{"id": home}, *({"id": other, "role_arn": role(other)} for other in others)],
        "regions": list(scenario.estate.regions),
        "queues": [{"region": region, "url": url} for region, url in queues.items()],
    }
    _dump(
        path,
        {
            "store": "fournines.db",
            "clock": clock,
            "aws": aws,
            "objectives": ["objectives.yaml"],
            "policies": ["policies.yaml"],
            "contracts": ["contract.yaml"],
            "slack": {
                "channel": CHANNEL,
                "token": {"file": "slack-token"},
                "base_url": f"{addresses.slack}/api/",
            },
            "web": {"port": port},
        },
    )
    return path


def listen_everywhere(scenario: Scenario, endpoint_url: str) -> dict[str, str]:
    """Make a queue in every region, and rules for it in every account; return the queues' URLs."""
    queues = {}
    options: dict[str, Any] = {
        "endpoint_url": endpoint_url,
        "config": Config(retries={"total_max_attempts": 1}),
    }
    home, *others = scenario.estate.accounts
    for region in scenario.estate.regions:
        session = boto3.Session("operator", "demo", region_name=region)
        queues[region] = session.client("sqs", **options).create_queue(QueueName=QUEUE)["QueueUrl"]
        sts = session.client("sts", **options)
        for each in (session, *(_assumed(sts, account, region) for account in others)):
            _send_events(each.client("events", **options), f"arn:aws:sqs:{region}:{home}:{QUEUE}")
    return queues


def role(account: str) -> str:
    """Return the role that is assumed in an account that is not the credentials' own."""
    return f"arn:aws:iam::{account}:role/fournines"


def _assumed(sts: STSClient, account: str, region: str) -> boto3.Session:
    keys = sts.assume_role(RoleArn=role(account), RoleSessionName="operator")["Credentials"]
    return boto3.Session(
        keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], region_name=region
    )


def _send_events(events: EventBridgeClient, queue_arn: str) -> None:
    for name, pattern in RULES.items():
        events.put_rule(Name=name, EventPattern=json.dumps(pattern))
        events.put_targets(Rule=name, Targets=[{"Id": "fournines", "Arn": queue_arn}])


def write_history(scenario: Scenario, folder: Path, recording: Recording | None) -> Path:
    """Write what the star's placements served since the month began, as cells that `import` reads."""
    path = folder / "history.csv"
    month = scenario.start.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    with path.open("w", encoding="utf-8") as file:
        file.writelines(
            exchange.write(_blocks(history(scenario, month, scenario.start, recording), star(scenario)))
        )
    return path


def _blocks(past: History, tenant: Tenant) -> Iterator[Block]:
    """Yield a day at a time; a minute that the recording lacks is unknown."""
    columns = [
        place.index
        for place in past.estate.places
        if (not tenant.services or place.service in tenant.services)
        and (not tenant.regions or place.region in tenant.regions)
    ]
    places = [past.estate.places[column] for column in columns]
    slis = tuple(
        Sli(Placement(p.account, p.region, p.cluster, p.service), Indicator.AVAILABILITY) for p in places
    )
    for start in range(0, past.end - past.start, exchange.BLOCK_MINUTES):
        rows = slice(start, min(start + exchange.BLOCK_MINUTES, past.end - past.start))
        total, bad = past.truth.total[rows, columns], past.truth.bad[rows, columns]
        known = past.truth.known[rows, None]
        state = np.where(known, np.where(total > 0, State.OBSERVED, State.NO_TRAFFIC), State.UNKNOWN)
        yield Block(
            slis=slis,
            start=past.start + start,
            bad=np.where(known, bad, 0),
            total=np.where(known, total, 0),
            state=state.astype(np.uint8),
        )


def _dump(path: Path, *documents: Any) -> None:  # noqa: ANN401 - plain values
    plain = [json.loads(json.dumps(document, default=str)) for document in documents]
    path.write_text(yaml.safe_dump_all(plain, sort_keys=False), encoding="utf-8")
