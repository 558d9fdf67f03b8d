"""A query as Grafana's data sources read it: the keys of their query editors, and no others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

#: Data sources are chosen by the reader, through variables of these names.
PROMETHEUS = {"type": "prometheus", "uid": "${prometheus}"}
CLOUDWATCH = {"type": "cloudwatch", "uid": "${cloudwatch}"}


@dataclass(frozen=True, slots=True)
class PromQL:
    """A PromQL expression; `legend` names its series; `instant` asks for one value instead of a curve."""

    expr: str
    legend: str = ""
    instant: bool = False
    table: bool = False

    @property
    def datasource(self) -> Mapping[str, str]:
        """The source that answers it."""
        return PROMETHEUS

    def target(self, ref_id: str) -> dict[str, Any]:
        """Return the query of a panel [@grafana/schema 13.2, prometheus]."""
        return {
            "refId": ref_id,
            "datasource": PROMETHEUS,
            "editorMode": "code",
            "expr": self.expr,
            "legendFormat": self.legend or "__auto",
            "format": "table" if self.table else "time_series",
            "instant": self.instant,
            "range": not self.instant,
            "exemplar": False,
            "interval": "",
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudWatch:
    """One statistic of one metric of the chosen region, asked when somebody looks: each look is billed."""

    namespace: str
    name: str
    stat: str
    dimensions: Mapping[str, str] = field(default_factory=dict)
    label: str

    @property
    def datasource(self) -> Mapping[str, str]:
        """The source that answers it."""
        return CLOUDWATCH

    def target(self, ref_id: str) -> dict[str, Any]:
        """Return the query of a panel [grafana/grafana cloudwatch types.ts: builder, search mode]."""
        return {
            "refId": ref_id,
            "id": f"m{ref_id.lower()}",
            "datasource": CLOUDWATCH,
            "queryMode": "Metrics",
            "metricQueryType": 0,
            "metricEditorMode": 0,
            "region": "$region",
            "namespace": self.namespace,
            "metricName": self.name,
            "dimensions": {name: [value] for name, value in self.dimensions.items()},
            "matchExact": True,
            "statistic": self.stat,
            "period": "60",
            "label": self.label,
            "expression": "",
            "sqlExpression": "",
        }


Query = PromQL | CloudWatch
