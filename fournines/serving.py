"""`fournines serve`: books, outside, jobs, pages and metrics in one process, until it is told to stop."""

from __future__ import annotations

import json
import logging
import signal
import threading
from datetime import timedelta
from importlib.metadata import version
from typing import TYPE_CHECKING

from collector.probes import Probes
from fournines import otlp, telemetry, wire
from fournines.clock import run
from fournines.jobs.statements import Issuance
from fournines.reach import greeted
from fournines.service import Charter, Pace, Setting, build
from fournines.store.books import Books
from fournines.store.leading import Role
from fournines.store.place import on_server
from fournines.trouble import Trouble
from fournines.web.app import app
from fournines.web.server import Server

if TYPE_CHECKING:
    from collections.abc import Collection

    from fournines.config import Config

_log = logging.getLogger(__name__)


def charter(config: Config) -> Charter:
    """Return what the documents say."""
    threshold_s = config.settings.collect.latency_threshold
    return Charter(
        config.objectives,
        config.policies,
        config.contracts,
        config.shelf,
        threshold_s,
        config.budget_policies,
        config.exclusions,
        config.composites,
    )


def serve(config: Config, roles: Collection[Role] = tuple(Role)) -> None:
    """Run the service until SIGTERM or SIGINT.  Raises what the user can mend before anything has started."""
    settings, clock = config.settings, config.settings.clock.clock()
    if {*roles} != {*Role} and not on_server(settings.store):
        raise Trouble("a store that is a file is served by one process: roles need a store on PostgreSQL")
    sessions = wire.sessions(settings)
    for sentence in greeted(wire.knocks(settings, sessions)):
        _log.warning("%s; all that answers is watched meanwhile", sentence)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with Books.open(settings.books) as books:
        books.share(roles)
        outside = wire.outside(settings, sessions, clock.now, books.leads_work)
        real_s = timedelta(seconds=1 / clock.real_seconds(timedelta(seconds=1)))
        service = build(charter(config), _setting(config, real_s), books, outside, clock)
        server = Server(
            app(service.board, telemetry.registry(service.samples)), settings.web.host, settings.web.port
        )
        endpoint = settings.telemetry.otlp_endpoint
        exported = otlp.export(service.samples, endpoint, version("fournines")) if endpoint else None
        server.start()
        print(json.dumps({"ready": True, "port": server.port, "host": settings.web.host}), flush=True)
        if service.replica is not None:
            service.replica.ask(clock.now())
        run(service.jobs, clock, stop, service.record)
        _log.info("stopping: what is under way is in the store and goes on at the next start")
        if service.replica is not None:
            service.replica.resign()
        if exported is not None:
            exported.shutdown()
        server.stop()


def _setting(config: Config, real_s: timedelta) -> Setting:
    settings = config.settings
    web, collect = settings.web, settings.collect
    return Setting(
        scopes=settings.aws.scopes,
        channel=settings.slack.channel if settings.slack else "",
        instance=settings.heartbeat.name,
        heartbeat_regions=settings.heartbeat_regions,
        base_url=(web.url or f"http://{web.host}:{web.port}").rstrip("/"),
        pace=Pace(
            real_s=real_s,
            discover=collect.discover_every,
        ),
        scheme=collect.scheme,
        probes=Probes(tuple(one.probe() for one in settings.probes), settings.probe_tags),
        schedules=settings.scheduled,
        issuance=Issuance(
            settle=settings.statements.settle,
            since=settings.statements.since,
            formats=settings.statements.formats,
            prices=settings.prices.listed,
            exclusions=config.exclusions,
        ),
    )
