"""A summary read: whether fournines was right, which cause it named, and the table that says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from rich import box
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Summary = dict[str, Any]


def passed(summary: Summary) -> bool:
    """Whether each fault got the right answer, nothing else was touched, and no alert was lost."""
    right = all(fault["right"] for fault in summary["faults"])
    return right and not summary["wrong_actions"] and summary["alerts"]["lost"] == 0


def name_causes(summary: Summary, incidents: Iterable[Mapping[str, Any]]) -> None:
    """Add to each fault the cause that fournines named: that of the incident which it brought about."""
    told = list(incidents)
    harmful = [fault for fault in summary["faults"] if fault["budget_minutes"] is not None]
    for incident in sorted(told, key=lambda one: str(one["opened_at"])):
        before = [fault for fault in harmful if _brought_about(fault, incident)]
        if before and incident["cause"]:
            max(before, key=lambda fault: str(fault["started_at"]))["cause"] = str(incident["cause"])


def _brought_about(fault: Mapping[str, Any], incident: Mapping[str, Any]) -> bool:
    """Whether a fault began at a placement of the incident before that was opened; no schedule is at one."""
    where = fault["where"]
    if "schedule" in where:
        return False
    at = {tuple(str(placement).split("/")) for placement in incident["placements"]}
    hit = any(
        (where.get("account", account), where.get("region", region), where.get("service", service))
        == (account, region, service)
        for account, region, _, service in at
    )
    opened = str(incident["opened_at"]).replace("+00:00", "Z")
    return hit and fault["started_at"] is not None and str(fault["started_at"]) <= opened


def table(summary: Summary, console: Console) -> None:
    """Print what was right and what it cost, as one table."""
    shown = Table(
        title=f"{summary['scenario']}, seed {summary['seed']}", title_justify="left", box=box.SIMPLE
    )
    for name, justify in COLUMNS:
        shown.add_column(name, justify=justify, overflow="fold", no_wrap=name == "where")
    for fault in summary["faults"]:
        if fault["budget_minutes"] is not None:
            shown.add_row(*_row(fault))
    console.print(shown)
    console.print(_verdict(summary), highlight=False)


def wide_console() -> Console:
    """Return the terminal, or paper that is wide enough for the table."""
    console = Console()
    return console if console.is_terminal else Console(width=PAPER_WIDTH)


PAPER_WIDTH = 132
COLUMNS: tuple[tuple[str, Literal["left", "right"]], ...] = (
    ("", "left"),
    ("fault", "left"),
    ("where", "left"),
    ("detected", "right"),
    ("cause named", "left"),
    ("action", "left"),
    ("recovered", "right"),
    ("budget spent", "right"),
    ("without us", "right"),
)

#: What the recorded calls are called by people, by operation and what they set.
CALLS = {
    "StopServiceDeployment": "rolled back",
    "ContinueServiceDeployment": "rolled back",
    "UpdateService taskDefinition": "rolled back",
    "UpdateService capacityProviderStrategy": "Spot strategy",
    "RegisterScalableTarget MinCapacity": "minimum",
}


def _row(fault: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        "[green]right[/]" if fault["right"] else "[red]wrong[/]",
        fault["kind"].replace("_", " "),
        "\n".join(fault["where"].values()) or "everywhere",
        _seconds(fault["detected_after_s"]),
        (fault["cause"] or "-").replace("_", " "),
        "\n".join(_action(action) for action in fault["actions"]) or _no_action(fault),
        _seconds(fault["recovered_after_s"]),
        _minutes(fault["budget_minutes"]),
        _minutes(fault["budget_minutes_without"]),
    )


def _action(action: Mapping[str, Any]) -> str:
    """Return a recorded call as people say it."""
    what = str(action["what"])
    operation = str(action["operation"])
    name = CALLS.get(f"{operation} {what.partition('=')[0]}") or CALLS.get(operation, operation)
    return f"{name} {what.partition('=')[2]}".strip()


def _no_action(fault: Mapping[str, Any]) -> str:
    return "none" if fault["called_after_s"] is None else "none: escalated"


def _minutes(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f} min"


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f} s"


def _verdict(summary: Summary) -> str:
    ours, without = summary["availability_with"], summary["availability_without"]
    alerts = summary["alerts"]
    worst, alone = ours["worst"]["availability"], without["worst"]["availability"]
    lines = [
        f"Pooled availability {ours['pooled']:.5%}, without fournines {without['pooled']:.5%}.",
        f"Worst placement {worst:.3%}, without fournines {alone:.3%}.",
        (
            f"Wrong actions: {len(summary['wrong_actions'])}. Alerts: {alerts['delivered']} delivered, "
            f"{alerts['lost']} lost, {alerts['duplicated']} duplicated, {alerts['needless']} needless."
        ),
        f"CloudWatch metrics billed: {summary['metrics_billed']:,}.",
    ]
    return "\n".join(lines)
