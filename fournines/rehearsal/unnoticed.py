"""Faults that nobody noticed: what the burn tiers answered meanwhile, and by which numbers."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from fournines.views.budget import rows
from slo.burn import RULES, Answer, firing, judge
from slo.cells import Sli, minute_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from fournines.rehearsal.score import Summary
    from fournines.store.books import Books
    from slo.burn import Judgement
    from slo.objectives import Objective

#: When the tiers are asked about a fault: its metrics are there by the first, most are over by the last.
ASKED_AFTER = tuple(timedelta(minutes=minutes) for minutes in (5, 10, 15))

#: What a sentence says of where a fault was.
WHERE = ("service", "region", "account")

#: The more an answer says of a fault the earlier it stands here; what is missing says nothing of it.
TELLING = (Answer.INSUFFICIENT_VOLUME, Answer.TOO_FEW_FAILURES, Answer.WITHIN_BUDGET, Answer.NO_TRAFFIC)


def unnoticed(summary: Summary, books: Books, objectives: Sequence[Objective]) -> Iterator[str]:
    """Say of each wrong fault without any message what the quickest page answered at its placements."""
    told = False
    for fault in summary["faults"]:
        if fault["right"] or fault["detected_after_s"] is not None or fault["started_at"] is None:
            continue
        given = _given(fault, books, objectives)
        found = next((answer for answer in TELLING if answer in given), None)
        if found is None or Answer.FIRING in given:
            continue
        told = True
        judged, region, at = given[found]
        where = " in ".join(fault["where"][key] for key in WHERE if key in fault["where"])
        yield (
            f"{fault['kind'].replace('_', ' ')} of {where}: nobody was told. "
            f"{found.sentence if judged.bad else 'Nothing showed.'} At {at:%H:%M} "
            f"{judged.bad:,} of the last hour's {judged.total:,} requests were bad in {region}."
        )
    if told:
        yield "What nobody could measure is not right."


def states(books: Books, objectives: Sequence[Objective], at: datetime) -> Counter[str]:
    """Count the objectives at all placements by the state that `fournines budget` shows."""
    ledger = books.ledger_as_of(minute_of(at))
    return Counter(row.state for row in rows(objectives, ledger, firing(objectives, ledger, at), at))


def _given(
    fault: Mapping[str, Any], books: Books, objectives: Sequence[Objective]
) -> dict[Answer, tuple[Judgement, str, datetime]]:
    """Return each answer that the quickest page gave, with the region and time of the most bad requests."""
    given: dict[Answer, tuple[Judgement, str, datetime]] = {}
    for at in (datetime.fromisoformat(str(fault["started_at"])) + after for after in ASKED_AFTER):
        ledger = books.ledger_as_of(minute_of(at))
        for sli in (one for one in ledger.slis if _befallen(fault["where"], one)):
            for objective in (one for one in objectives if one.indicator is sli.indicator):
                judged = judge(objective, sli, RULES[0], ledger, at)
                known = given.get(judged.answer)
                if objective.covers(sli.placement) and (known is None or judged.bad > known[0].bad):
                    given[judged.answer] = judged, sli.placement.region, at
    return given


def _befallen(where: Mapping[str, Any], sli: Sli) -> bool:
    """Return whether a fault was to hurt a placement; one of a schedule hurts none."""
    place = sli.placement
    named = {"service": place.service, "region": place.region, "account": place.account, "schedule": None}
    return all(where.get(key) in {None, value} for key, value in named.items())
