"""The tree that Grafana mounts: pages, and the provisioning that finds them.  Nothing is written here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from dashboards import lint
from dashboards.mend import finalise, text
from dashboards.page import Page, build
from dashboards.pages import capacity, changes, error_budget, global_sla, service

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PAGES: Mapping[str, Callable[[str], Page]] = {
    "global-sla": global_sla.page,
    "service": service.page,
    "error-budget": error_budget.page,
    "changes": changes.page,
    "capacity": capacity.page,
}


class PageError(ValueError):
    """Pages that Grafana would not show as meant, with every fault."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """Where things are, as Grafana sees them.

    `web_url` is fournines' own web page, for links to runbooks and incidents; `folder` is where `dashboards/`
    of the tree is mounted.
    """

    web_url: str = "http://localhost:8080"
    prometheus_url: str = "http://prometheus:9090"
    cloudwatch_region: str = "us-east-1"
    folder: str = "/etc/grafana/dashboards"


def tree(mount: Mount | None = None, pages: Mapping[str, Callable[[str], Page]] = PAGES) -> Mapping[str, str]:
    """Return the whole tree.  Raises PageError: a page of a user is linted like ours."""
    mount = mount or Mount()
    documents = {
        f"dashboards/fournines/{name}.json": finalise(build(make(mount.web_url)))
        for name, make in pages.items()
    }
    if found := lint.problems(documents):
        raise PageError("\n".join(found))
    return {
        "README.md": _readme(mount),
        "provisioning/dashboards/fournines.yaml": _yaml(_provider(mount)),
        "provisioning/datasources/fournines.yaml": _yaml(_sources(mount)),
        **{path: text(document) for path, document in documents.items()},
    }


def _provider(mount: Mount) -> dict[str, Any]:
    """Return Grafana's file provider: the folder is read every minute, and files win over its database."""
    return {
        "apiVersion": 1,
        "providers": [
            {
                "name": "fournines",
                "folder": "fournines",
                "type": "file",
                "disableDeletion": False,
                "allowUiUpdates": False,
                "updateIntervalSeconds": 60,
                "options": {"path": f"{mount.folder}/fournines"},
            }
        ],
    }


def _sources(mount: Mount) -> dict[str, Any]:
    """Return the two data sources; CloudWatch takes its credentials from where Grafana runs."""
    return {
        "apiVersion": 1,
        "datasources": [
            {
                "name": "fournines Prometheus",
                "uid": "fournines-prometheus",
                "type": "prometheus",
                "access": "proxy",
                "url": mount.prometheus_url,
                "jsonData": {"httpMethod": "POST", "timeInterval": "60s"},
            },
            {
                "name": "fournines CloudWatch",
                "uid": "fournines-cloudwatch",
                "type": "cloudwatch",
                "access": "proxy",
                "jsonData": {"authType": "default", "defaultRegion": mount.cloudwatch_region},
            },
        ],
    }


def _yaml(document: dict[str, Any]) -> str:
    return yaml.safe_dump(document, sort_keys=False)


def _readme(mount: Mount) -> str:
    return f"""\
# Grafana pages of fournines

Mount the two folders, and Grafana shows the pages in its folder *fournines*:

    docker run -p 3000:3000 \\
      -v "$PWD/provisioning:/etc/grafana/provisioning" -v "$PWD/dashboards:{mount.folder}" grafana/grafana

Prometheus at {mount.prometheus_url} must scrape {mount.web_url}/metrics every 60 seconds.
For the panels that ask CloudWatch, Grafana needs `cloudwatch:GetMetricData` and `cloudwatch:ListMetrics`;
each look at them is billed.

These files were written by `fournines dashboards`; change them there, not here.
"""
