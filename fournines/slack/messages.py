"""What Slack is told: one parent per incident, edited in place, and a reply for what needs attention."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fournines.slack import blocks
from remediation.incidents import Phase, Severity
from remediation.journal import EntryKind

if TYPE_CHECKING:
    from datetime import datetime

    from fournines.slack.blocks import Block, Message
    from fournines.views.incident import IncidentView
    from remediation.journal import Entry

#: State by sign and by word, never by colour alone.
SIGNS = {
    Phase.OPEN: ":red_circle:",
    Phase.PENDING: ":raised_hand:",
    Phase.ACTING: ":arrows_counterclockwise:",
    Phase.VERIFYING: ":mag:",
    Phase.ESCALATED: ":sos:",
    Phase.RESOLVED: ":large_green_circle:",
}

#: What is said in the thread.  The parent tells the rest.
TOLD = {
    EntryKind.DIAGNOSED: ":stethoscope:",
    EntryKind.DECIDED: ":compass:",
    EntryKind.ASKED: ":raised_hand:",
    EntryKind.ANSWERED: ":speech_balloon:",
    EntryKind.APPLIED: ":arrows_counterclockwise:",
    EntryKind.NOT_APPLIED: ":warning:",
    EntryKind.RECOVERED: ":white_check_mark:",
    EntryKind.ESCALATED: ":sos:",
    EntryKind.RESTORED: ":leftwards_arrow_with_hook:",
    EntryKind.RESOLVED: ":large_green_circle:",
}

#: What the channel sees too, since edits and replies notify nobody.
BROADCAST = frozenset({EntryKind.ASKED, EntryKind.ESCALATED, EntryKind.RESOLVED})

SYMPTOMS_MAX = 6


def parent(view: IncidentView) -> Message:
    """Return the incident's one message, as things stand."""
    incident = view.incident
    level = "PAGE" if incident.severity is Severity.PAGE else "TICKET"
    title = f"{level} · {incident.service} · {view.regions} · {incident.phase}"
    text = f"{title}: {view.gist}"
    return blocks.message(
        blocks.escape(text),
        [
            blocks.header(f"{SIGNS[incident.phase]} {title}"),
            blocks.section(blocks.escape(view.gist)),
            blocks.fields(_facts(view)),
            blocks.section(_symptoms(view)),
            blocks.section(f":robot_face: {blocks.escape(view.automation)}"),
            blocks.context(_links(view)),
        ],
    )


def reply(entry: Entry) -> Message | None:
    """Return what the thread is told of a journal entry, or None for what only the journal keeps."""
    sign = TOLD.get(entry.kind)
    if sign is None:
        return None
    body: list[Block] = [blocks.section(f"{sign} {blocks.escape(entry.sentence)}")]
    details = _details(entry)
    if details:
        body.append(blocks.context(details))
    return blocks.message(blocks.escape(entry.sentence), body, broadcast=entry.kind in BROADCAST)


def date(moment: datetime) -> str:
    """Return the moment for Slack to print in the reader's own zone, with UTC where it cannot."""
    fallback = moment.strftime("%Y-%m-%d %H:%M UTC")
    return f"<!date^{int(moment.timestamp())}^{{date_short_pretty}} {{time}}|{fallback}>"


def _facts(view: IncidentView) -> dict[str, str]:
    incident = view.incident
    facts = {
        "Since": date(incident.opened_at),
        "State": blocks.escape(incident.phase.sentence),
        "Likely cause": blocks.escape(incident.cause.sentence if incident.cause else "Not known yet."),
    }
    if incident.resolved_at is not None:
        facts["Over since"] = date(incident.resolved_at)
    if incident.acknowledged_by:
        facts["Acknowledged by"] = blocks.escape(incident.acknowledged_by)
    return facts


def _symptoms(view: IncidentView) -> str:
    symptoms = view.incident.symptoms
    lines = [f"• {blocks.escape(s.sentence)}" for s in symptoms[:SYMPTOMS_MAX]]
    if len(symptoms) > SYMPTOMS_MAX:
        lines.append(f"• and {len(symptoms) - SYMPTOMS_MAX} more")
    return "\n".join(lines) or "No symptoms are known any more."


def _links(view: IncidentView) -> str:
    links = [f"<{url}|{blocks.escape(name)}>" for name, url in view.links.items()]
    return " · ".join([f"`{blocks.escape(view.incident.id)}`", *links])


def _details(entry: Entry) -> str:
    """Return the evidence or the guards behind an entry, a line each."""
    rows = [*entry.data.get("findings", ()), *entry.data.get("checks", ())]
    marks = {"yes": "✓", "no": "✗", "unknown": "?"}
    return "\n".join(
        f"{marks.get(str(row['holds']), '·')} {blocks.escape(str(row['sentence']))}" for row in rows
    )
