"""Rules as files that Prometheus and its kin load, each of which says what it cannot know."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

from slo import rules
from slo.rules import Alarm, Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from slo.objectives import Objective
    from slo.rules import Group

#: The first words of every file of ours: what does not begin so is somebody else's.
MARK = "# Written by `fournines rules`"

_CANNOT = """\
# A window is a sum of whole minutes, each the exact difference of two counts; ratios are compared with the
# exact threshold of the tier. What these rules cannot know, and fournines' own alerts do:
# - Late minutes: a minute is exported when it is ten minutes old, and never corrected. Those of a quiet
#   service come several at once, those of an outage all at once, and a restart of fournines may lose one.
# - Exclusions: maintenance and corrections that are entered afterwards do not change what was exported.
# - Evidence: that few failures are no chance is judged by a normal curve with one failure added, not by the
#   binomial tail; and how much traffic there is by three days instead of thirty.
# - What has passed: windows fill from the first evaluation on, and what passes while Prometheus does not
#   evaluate is missing.
"""
_SCALED = """\
# Latency is counted in thousandths of a request, since CloudWatch estimates: slo:good and slo:total too.
"""


def files(objectives: Iterable[Objective], source: str, now: datetime) -> Mapping[str, str]:
    """Return a file for each objective that Prometheus can judge, by its name."""
    return {
        f"fournines-{re.sub(r'[^A-Za-z0-9_-]', '-', one.name)}.yaml": text(one, source, now)
        for one in objectives
        if rules.unwritten(one) is None
    }


def text(objective: Objective, source: str, now: datetime) -> str:
    """Return the file of one objective; `source` names the configuration that it follows from."""
    document = {"groups": [_group(group) for group in rules.groups(objective, now)]}
    written = yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=10**6, allow_unicode=True)
    return "".join([*_head(objective, source, now), written])


def _head(objective: Objective, source: str, now: datetime) -> Iterator[str]:
    yield f"{MARK} from {source}: change the objective there, and write this file anew.\n#\n"
    yield (
        f"# {objective.name}: {rules.exact(objective.budget)} of {objective.indicator.counted} may be bad "
        f"({objective.indicator}), over\n# {rules.period_of(objective, now)}.\n"
    )
    for rule, why in rules.left_out(objective, now).items():
        yield f"# {rule.tier} is left out: {why}.\n"
    yield "#\n" + _CANNOT
    if objective.indicator.scale > 1:
        yield _SCALED


def _group(group: Group) -> dict[str, Any]:
    return {"name": group.name, "interval": "1m", "rules": [_rule(rule) for rule in group.rules]}


def _rule(rule: Record | Alarm) -> dict[str, Any]:
    match rule:
        case Record():
            return {"record": rule.record, "expr": rule.expr, "labels": dict(rule.labels)}
        case Alarm():
            return {
                "alert": rule.alert,
                "expr": rule.expr,
                "for": rule.lasts,
                "labels": dict(rule.labels),
                "annotations": {"summary": rule.summary},
            }


class _Dumper(yaml.SafeDumper):
    """Writes expressions of several lines as they are read, and no anchors."""

    def ignore_aliases(self, data: object) -> bool:
        del data
        return True


def _string(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _string)
