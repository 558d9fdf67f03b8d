"""Faults that nobody noticed: what the burn tiers answered meanwhile, and by which numbers."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from fournines.views.budget import rows
from slo.burn import RULES, Answer, Severity, firing, judge
from slo.cells import Sli, minute_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from fournines.rehearsal.score import Summary
    from fournines.store.books import Books
    from slo.burn import Judgement
    from slo.ledger import Ledger
    from slo.objectives import Objective

#: When the tiers are asked about a fault: its metrics are there by then, and it fills the shortest window.
ASKED_AFTER = timedelta(minutes=10)

#: The more an answer says of a fault the earlier it stands here; what is missing says nothing of it.
TELLING = (Answer.INSUFFICIENT_VOLUME, Answer.TOO_FEW_FAILURES, Answer.WITHIN_BUDGET, Answer.NO_TRAFFIC)


def unnoticed(summary: Summary, books: Books, objectives: Sequence[Objective]) -> Iterator[str]:
    """Say of each wrong fault without any message what the paging tiers answered at its placements."""
    for fault in summary["faults"]:
        if fault["right"] or fault["detected_after_s"] is not None or fault["started_at"] is None:
            continue
        at = datetime.fromisoformat(str(fault["started_at"])) + ASKED_AFTER
        answered = _answers(fault["where"], books.ledger_as_of(minute_of(at)), objectives, at)
        found = next((answer for answer in TELLING if answer in answered), None)
        if found is None or Answer.FIRING in answered:
            continue
        judged, region = answered[found]
        where = " in ".join(fault["where"][key] for key in ("service", "region") if key in fault["where"])
        yield (
            f"{fault['kind'].replace('_', ' ')} of {where}: nobody was told. At {at:%H:%M} the burn tiers "
            f"answered {found!r}: {judged.bad:,} of {judged.total:,} requests were bad in {region}. "
            f"{found.sentence}"
        )


def states(books: Books, objectives: Sequence[Objective], at: datetime) -> Counter[str]:
    """Count the objectives at all placements by the state that `fournines budget` shows."""
    ledger = books.ledger_as_of(minute_of(at))
    return Counter(row.state for row in rows(objectives, ledger, firing(objectives, ledger, at), at))


def _answers(
    where: Mapping[str, Any], ledger: Ledger, objectives: Sequence[Objective], at: datetime
) -> dict[Answer, tuple[Judgement, str]]:
    """Return each answer that a paging tier gave there, with the placement where most requests were bad."""
    given: dict[Answer, tuple[Judgement, str]] = {}
    for sli in ledger.slis:
        if not _befallen(where, sli):
            continue
        for objective in objectives:
            if objective.indicator is not sli.indicator or not objective.covers(sli.placement):
                continue
            for rule in RULES:
                if rule.tier.severity is not Severity.PAGE:
                    continue
                judged = judge(objective, sli, rule, ledger, at)
                known = given.get(judged.answer)
                if known is None or judged.bad > known[0].bad:
                    given[judged.answer] = judged, sli.placement.region
    return given


def _befallen(where: Mapping[str, Any], sli: Sli) -> bool:
    place = sli.placement
    return where.get("service") in {None, place.service} and where.get("region") in {None, place.region}
