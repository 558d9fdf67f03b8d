"""Every PromQL and CloudWatch expression of the pages.  Names come from the families, never from memory.

Counts are pooled, ratios never averaged.  Exact figures of objectives are the ledger's own gauges; ratios of
counters are for looking at.  A ratio is cut off where it would flatter: 99.98999 % must not read 99.99 %.
"""

from __future__ import annotations

from collector import families
from collector.metric import BY_SERVICE, Metric
from dashboards.targets import CloudWatch, PromQL
from remediation import metrics as told
from slo import metrics as slo

#: What the variables of a page select.
INDICATOR = 'indicator="$indicator"'
SERVICE = f'service="$service",{INDICATOR}'
HERE = f'{SERVICE},region="$region"'
OBJECTIVE = 'objective="$objective"'
SPENT_WHERE = 'service=~"$service",indicator="$indicator"'

#: The period of the contract's objectives, for counters; gauges follow each objective's own.
PERIOD = "30d"


def cut(ratio: str) -> str:
    """Cut a ratio after six places."""
    return f"floor(1e6 * ({ratio})) / 1e6"


def bad_share(where: str, window: str, by: str = "") -> str:
    """Bad requests of all in a window, pooled; nothing where there was no traffic."""
    bad, every = increase(slo.BAD, where, window, by), increase(slo.ALL, where, window, by)
    return f"{bad} / ({every} > 0)"


def increase(family: slo.Family, where: str, window: str, by: str = "") -> str:
    """Say how much a counter grew in a window, summed by labels."""
    return f"{_sum(by)}(increase({gauge(family, where)}[{window}]))"


def grown(family: slo.Family, where: str, window: str, by: str = "") -> str:
    """Say how much a counter of events grew, where it did.

    Its first value is an event too, which `increase` misses.  For counters that survive restarts, as those of
    the journal do.
    """
    current = total(family, where, by)
    before = f"{_sum(by)}({gauge(family, where)} offset {window})"
    return f"({current} - ({before} or 0 * {current}) > 0)"


def rate(family: slo.Family, where: str, by: str) -> str:
    """Say how fast a counter grows, per second, summed by labels."""
    return f"{_sum(by)}(rate({gauge(family, where)}[$__rate_interval]))"


def gauge(family: slo.Family, where: str) -> str:
    """Select a gauge."""
    return f"{family.name}{{{where}}}"


def age_s(where: str, by: str) -> str:
    """Seconds since the end of the newest known minute, of the service that is furthest behind."""
    return f"time() - min by ({by}) ({gauge(slo.LAST_INGEST, where)})"


def reading_age_s(by: str) -> str:
    """Say how old the newest wholly read minute is: a region that cannot be read falls behind alone."""
    marks = families.WATERMARK.name
    return f"time() - min by ({by}) ({marks})"


def total(family: slo.Family, where: str, by: str = "") -> str:
    """Sum a gauge by labels."""
    return f"{_sum(by)}({gauge(family, where)})"


def _sum(by: str) -> str:
    return f"sum by ({by}) " if by else "sum"


def per(labels: str, expr: str) -> str:
    """Keep these labels alone: a table has a column for each label that is left."""
    return f"max by ({labels}) ({expr})"


def burn(where: str, window: str) -> str:
    """Burn rates of a window."""
    return gauge(slo.BURN_RATE, f'{where},window="{window}"')


def state(where: str, by: str) -> str:
    """0 within the objective, 1 a ticket's tier fires, 2 a page's."""
    page = gauge(slo.ALERT_FIRING, f'{where},severity="page"')
    ticket = gauge(slo.ALERT_FIRING, f'{where},severity="ticket"')
    quiet = f"0 * {gauge(slo.BUDGET_REMAINING_RATIO, where)}"
    return f"max by ({by}) (2 * {page} or {ticket} or {quiet})"


def firing(where: str, severity: str) -> str:
    """How many tiers fire; 0 while nothing does, nothing while nobody measures."""
    fires = gauge(slo.ALERT_FIRING, f'{where},severity="{severity}"')
    return f"sum({fires}) or 0 * count({gauge(slo.BUDGET_REMAINING_RATIO, where)})"


def open_incidents() -> str:
    """Incidents that are not resolved; 0 only when the service says so."""
    return or_zero(f"sum({told.INCIDENTS_OPEN.name})")


def or_zero(expr: str) -> str:
    """0 where there is nothing, but only while somebody tells; otherwise nothing remains nothing."""
    return f"{expr} or 0 * sum({told.PAUSED.name})"


def decisions(where: str, window: str, by: str) -> str:
    """Decisions in a window, by labels; those that were taken at all."""
    return grown(told.DECISIONS, where, window, by)


def actions(window: str, by: str, where: str = "") -> str:
    """Actions that ended in a window, by labels."""
    return grown(told.ACTIONS, where, window, by)


def helped(window: str) -> str:
    """Share of ended actions after which the objective recovered, or the temporary change was undone."""
    good = grown(told.ACTIONS, 'outcome=~"recovered|restored"', window)
    return f"({or_zero(good)}) / {grown(told.ACTIONS, '', window)}"


def mitigated_s(quantile: str, window: str) -> str:
    """Say in how many seconds a share of the incidents recovered after an action."""
    buckets = f"sum by (le, action) (increase({told.MITIGATE_SECONDS.name}_bucket[{window}]))"
    return f"histogram_quantile({quantile}, {buckets})"


def repeated_actions() -> str:
    """Actions that one placement saw more than once within an hour: the loop guard should have stepped in."""
    acted = grown(told.ACTIONS, 'outcome!="restored"', "1h", "region, service, action")
    return f"{acted} > 1"


def spent_share(by: str) -> str:
    """Which share of the whole budget each part has spent, over the contract's period."""
    total = f"scalar({increase(slo.ALL, SPENT_WHERE, PERIOD)})"
    allowed = f"(1 - scalar(max({gauge(slo.OBJECTIVE_RATIO, OBJECTIVE)})))"
    return f"{increase(slo.BAD, SPENT_WHERE, PERIOD, by)} / {total} / {allowed}"


def even_pace() -> str:
    """Say what would be left of a calendar month's budget (UTC) if it were spent evenly."""
    return "1 - ((day_of_month() - 1) * 24 + hour()) / (days_in_month() * 24)"


def headroom(by: str) -> str:
    """Divide running tasks by those that should run; with no labels, over all of them."""
    return f"{total(families.RUNNING_TASKS, SCOPE, by)} / ({total(families.DESIRED_TASKS, SCOPE, by)} > 0)"


def tasks_missing() -> str:
    """Desired tasks that do not run."""
    return f"{total(families.DESIRED_TASKS, SCOPE)} - {total(families.RUNNING_TASKS, SCOPE)}"


def vcpus(ahead: str = "") -> str:
    """Say how many vCPUs are in use, or will be after a time if the last week goes on."""
    units = gauge(families.CPU_UNITS, SCOPE)
    return f"sum({f'predict_linear({units}[7d], {ahead})' if ahead else units}) / 1024"


#: What the capacity page selects.
SCOPE = 'region=~"$region",service=~"$service"'


def survives_a_region() -> str:
    """Divide what remains when the busiest region is lost by what all carry now: 1 is just enough.

    A region's capacity is its running tasks at 85 % of CPU, as if services could share them: an upper bound.
    """
    used = f"sum by (region) ({gauge(families.RUNNING_TASKS, SCOPE)} * {gauge(families.CPU_RATIO, SCOPE)})"
    room = f"0.85 * {total(families.RUNNING_TASKS, SCOPE, 'region')}"
    return f"(sum({room}) - max({room})) / sum({used})"


def calls_price_usd(window: str, by: str) -> str:
    """Price what was asked, at most: 0.01 USD per 1,000 [aws.amazon.com/cloudwatch/pricing]."""
    return f"{increase(families.METRICS_REQUESTED, '', window, by)} * 0.01 / 1000"


def now(expr: str, legend: str = "") -> PromQL:
    """One value at the end of the time range."""
    return PromQL(expr, legend, instant=True)


def cell(expr: str) -> PromQL:
    """One value per label set, for a table."""
    return PromQL(expr, instant=True, table=True)


#: CloudWatch's own dimensions of an ECS service, filled from variables.
_TASKS = {"ClusterName": "$cluster", "ServiceName": "$service"}
_BALANCER = {"LoadBalancer": "$load_balancer"}


def watch(metric: Metric, label: str, stat: str = "") -> CloudWatch:
    """Ask CloudWatch itself for a metric of the catalogue, in the chosen region."""
    tasks = metric.dimensions == BY_SERVICE
    return CloudWatch(
        namespace=metric.namespace,
        name=metric.name,
        stat=stat or metric.stat,
        dimensions=_TASKS if tasks else _BALANCER,
        label=label,
    )
