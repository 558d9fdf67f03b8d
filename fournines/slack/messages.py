"""What Slack is told: one parent per incident, edited in place, and a reply for what needs attention."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fournines.slack import blocks
from fournines.slack.told import TOLD
from fournines.views import evidence
from remediation.incidents import Phase
from remediation.journal import EntryKind
from slo import figures
from slo.burn import Severity
from slo.cells import Placement

if TYPE_CHECKING:
    from datetime import datetime

    from fournines.slack.blocks import Block, Message
    from fournines.views.impact import Impact
    from fournines.views.incident import IncidentView
    from remediation.journal import Entry

#: State by sign and by word, never by colour alone.
SIGNS = {
    Phase.OPEN: ":red_circle:",
    Phase.PENDING: ":raised_hand:",
    Phase.ACTING: ":wrench:",
    Phase.VERIFYING: ":mag:",
    Phase.ESCALATED: ":rotating_light:",
    Phase.RESOLVED: ":large_green_circle:",
}
_MARKS = {"yes": "✓", "no": "✗", "unknown": "?"}

#: The windows whose burn rates are told.
RATES = {"5m": "5 min", "1h": "1 h", "6h": "6 h"}

#: More would push what matters out of sight; the page has them all.
REGIONS_MAX = 2
IMPACTS_MAX = 5
SIGNS_MAX = 4


def parent(view: IncidentView) -> Message:
    """Return the incident's one message, as things stand."""
    title = _title(view)
    worst = f" {view.impacts[0].sentence}" if view.impacts else ""
    return blocks.message(
        blocks.escape(f"{title}. {view.gist}{worst}"),
        [
            blocks.header(f"{SIGNS[view.incident.phase]} {title}"),
            blocks.section(_what(view)),
            blocks.fields(_facts(view)),
            *([blocks.section(_signs(view))] if view.signs else []),
            blocks.section(f":zap: *Automation*  {blocks.escape(view.automation)}"),
            blocks.context(_links(view)),
        ],
    )


def reply(entry: Entry) -> Message:
    """Return what the thread is told of a journal entry."""
    if entry.kind is EntryKind.STATED and entry.data:
        return stated(entry)
    manner = TOLD[entry.kind]
    sign = f"{manner.sign} " if manner else ""
    sentence = _placed(entry, _said(entry))
    body: list[Block] = [blocks.section(f"{sign}{blocks.escape(sentence)}")]
    details = _details(entry)
    if details:
        body.append(blocks.context(details))
    return blocks.message(blocks.escape(sentence), body, broadcast=bool(manner and manner.broadcast))


def stated(entry: Entry) -> Message:
    """Return what the channel is told of a statement: the verdict, its numbers, and where the files are."""
    manner, title = TOLD[entry.kind], str(entry.data["title"])
    files = "\n".join(blocks.escape(line) for line in entry.data["files"])
    facts = {label: blocks.escape(text) for label, text in entry.data["facts"].items()}
    return blocks.message(
        blocks.escape(f"{title}. {entry.sentence}"),
        [
            blocks.header(f"{manner.sign} {title}" if manner else title),
            blocks.section(blocks.escape(entry.sentence)),
            blocks.fields(facts),
            *([blocks.context(files)] if files else []),
        ],
        broadcast=bool(manner and manner.broadcast),
    )


def _said(entry: Entry) -> str:
    """Say first that a person is needed, where one is: on a lock screen the rest may be cut off."""
    called = entry.kind is EntryKind.ESCALATED and entry.sentence
    return f"{entry.kind.sentence} {entry.sentence}" if called else evidence.said(entry)


def _placed(entry: Entry, sentence: str) -> str:
    """Say where, for what does not say it itself: a thread may tell of several regions."""
    if entry.placement is None:
        return sentence
    place = Placement.parse(entry.placement)
    return sentence if place.service in sentence else f"{place.service} in {place.region}: {sentence}"


def plain(entry: Entry) -> Message:
    """Return nothing but what an entry says: an alert may be ugly, never absent."""
    return blocks.message(blocks.escape(f"{entry.incident}: {entry.sentence}"), ())


def date(moment: datetime) -> str:
    """Return the moment for Slack to print in the reader's own zone, with UTC where it cannot."""
    fallback = moment.strftime("%Y-%m-%d %H:%M UTC")
    return f"<!date^{int(moment.timestamp())}^{{date_short_pretty}} {{time}}|{fallback}>"


def _title(view: IncidentView) -> str:
    """Say how urgent it is, of what, where, and where it stands."""
    level = "PAGE" if view.incident.severity is Severity.PAGE else "TICKET"
    regions = list(dict.fromkeys(placement.region for placement in view.incident.placements))
    more = len(regions) - REGIONS_MAX
    where = f"{', '.join(regions[:REGIONS_MAX])} and {more} more" if more > 0 else ", ".join(regions)
    return f"{level} · {view.incident.service} · {where} · {view.state}"


def _what(view: IncidentView) -> str:
    """Say what is wrong, and below it what users feel, region by region."""
    lines = [f"*{blocks.escape(view.gist)}*"]
    lines += [blocks.escape(impact.sentence) for impact in view.impacts[:IMPACTS_MAX]]
    if len(view.impacts) > IMPACTS_MAX:
        lines.append(f"And {len(view.impacts) - IMPACTS_MAX} more regions.")
    return "\n".join(lines)


def _facts(view: IncidentView) -> dict[str, str]:
    incident = view.incident
    facts = {"Since": date(incident.opened_at)}
    if incident.resolved_at is not None:
        facts["Over since"] = date(incident.resolved_at)
    facts["Likely cause"] = view.cause
    if view.impacts:
        facts |= _promise(view.impacts[0])
    if incident.acknowledged_by:
        facts["Taken over by"] = incident.acknowledged_by
    return {
        label: value if label in ("Since", "Over since") else blocks.escape(value)
        for label, value in facts.items()
    }


def _promise(impact: Impact) -> dict[str, str]:
    """Say what the worst burning objective asks, how fast its budget goes, and what is left of it."""
    row = impact.row
    rates = [
        f"{figures.burn(rate)} in {said}"
        for window, said in RATES.items()
        if (rate := row.burn_rates.get(window)) is not None
    ]
    return {
        "Objective": f"{figures.target(row.budget.target)} {row.objective} in {row.where}",
        "Budget left": impact.left,
        "Burn rate (1 is sustainable)": ", ".join(rates) or figures.NOTHING,
    }


def _signs(view: IncidentView) -> str:
    lines = [f"• {blocks.escape(sign)}" for sign in view.signs[:SIGNS_MAX]]
    if len(view.signs) > SIGNS_MAX:
        lines.append(f"• and {len(view.signs) - SIGNS_MAX} more")
    return "\n".join(lines)


def _links(view: IncidentView) -> str:
    links = [f"<{url}|{blocks.escape(name)}>" for name, url in view.links.items()]
    return " · ".join([*links, f"`{blocks.escape(view.incident.id)}`"])


def _details(entry: Entry) -> str:
    """Return the evidence or the guards behind an entry, a line each."""
    rows = evidence.in_short(entry)
    return "\n".join(f"{_MARKS.get(row.holds, '·')} {blocks.escape(row.sentence)}" for row in rows)
