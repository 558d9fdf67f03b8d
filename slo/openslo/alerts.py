"""Alert policies and conditions: what becomes an alert beside our own tiers, and what of it is not used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from slo.conditions import Condition, Op
from slo.openslo.register import plain
from slo.openslo.windows import minutes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from slo.openslo.register import Register
    from slo.problem import Section

#: OpenSLO leaves the words to its readers [OpenSLO README, AlertCondition: "sev1", "page", etc.]: what wakes
#: people, and what waits until the morning.
SEVERITIES: Mapping[str, Literal["page", "ticket"]] = {
    "page": "page", "critical": "page", "fatal": "page", "high": "page", "error": "page",
    "sev1": "page", "sev2": "page", "p1": "page", "p2": "page",
    "ticket": "ticket", "warning": "ticket", "warn": "ticket", "medium": "ticket", "low": "ticket",
    "info": "ticket", "sev3": "ticket", "sev4": "ticket", "sev5": "ticket", "p3": "ticket", "p4": "ticket",
    "p5": "ticket",
}  # fmt: skip

#: What a policy may ask for besides being told of a breach, and who does it here.
_BESIDES = {
    "alertWhenResolved": "covered: the end of every incident is told",
    "alertWhenNoData": "covered by region, not by objective: what tells nothing is told as blind",
}
_TARGETS = "not used: fournines tells whom its configuration names"


def conditions(register: Register, spec: Section) -> tuple[Condition, ...]:
    """Return the conditions that an SLO's policies ask for, each once."""
    found: dict[str, Condition] = {}
    for item in spec.sections("alertPolicies", "a list", needed=False):
        entry = register.entry(item, "alertPolicyRef", "AlertPolicy")
        asked = policy(register, entry) if entry is not None else None
        if asked is not None and found.setdefault(asked.name, asked) != asked:
            item.refuse(
                None, f"a condition {asked.name!r} asks for something else already; expected another name"
            )
    return tuple(found.values())


def policy(register: Register, document: Section) -> Condition | None:
    """Read a policy: it has one condition; what it never tells is no alert."""
    register.name(document)
    spec = document.section("spec")
    if spec is None:
        return None
    register.described(spec)
    for key in ("alertWhenBreaching", *_BESIDES):
        if not (spec.value(key, "true or false", needed=False) is None or plain(spec.data[key])):
            spec.refuse(key, f"expected true or false, got {spec.data[key]!r}")
    for key, told in _BESIDES.items():
        if spec.data.get(key) is True:
            register.remark(spec, key, told)
    asked = _one(register, spec)
    _targets(register, spec)
    register.leave(spec)
    if spec.data.get("alertWhenBreaching") is True:
        return asked
    register.remark(spec, "alertWhenBreaching", "is not true, so that its condition never alerts")
    return None


def condition(register: Register, document: Section) -> Condition | None:
    """Read a condition: a burn rate, compared over a window, for a while."""
    name = register.name(document)
    spec = document.section("spec")
    if spec is None:
        return None
    register.described(spec)
    severity = _severity(spec)
    asked = spec.section("condition", "kind, op, threshold and lookbackWindow")
    register.leave(spec)
    if asked is None:
        return None
    kind = asked.text("kind", "burnrate", needed=False)
    if kind not in ("burnrate", None):
        asked.refuse("kind", f"expected burnrate, got {kind!r}")
    op, threshold = _op(register, spec, asked), asked.number("threshold", "a burn rate such as 2")
    lookback, after = _lookback(asked), _after(register, asked)
    register.leave(asked)
    fields = {
        "name": name, "severity": severity, "op": op, "threshold": threshold, "lookback": lookback,
        "after": after,
    }  # fmt: skip
    if None in fields.values() or kind not in ("burnrate", None):
        return None
    return _made(asked, fields)


def target(register: Register, document: Section) -> None:
    """Check a notification target; whom to tell stands in the configuration."""
    register.name(document)
    spec = document.section("spec")
    if spec is None:
        return
    register.described(spec)
    spec.text("target", "such as slack or email")
    register.leave(spec)
    register.remark(document, "spec", _TARGETS)


def _made(asked: Section, fields: Mapping[str, Any]) -> Condition | None:
    try:
        return Condition(**fields)
    except ValueError as error:
        asked.refuse("threshold" if fields["threshold"] < 0 else "lookbackWindow", str(error))
        return None


def _one(register: Register, spec: Section) -> Condition | None:
    """Return the one condition of a policy."""
    entries = [
        register.entry(item, "conditionRef", "AlertCondition")
        for item in spec.sections("conditions", "a list of one condition")
    ]
    if len(entries) != 1 and spec.data.get("conditions") is not None:
        spec.refuse("conditions", f"expected exactly one condition, got {len(entries)}")
    found = [condition(register, entry) for entry in entries if entry is not None]
    return found[0] if len(entries) == len(found) == 1 else None


def _targets(register: Register, spec: Section) -> None:
    for item in spec.sections("notificationTargets", "a list", needed=False):
        entry = register.entry(item, "targetRef", "AlertNotificationTarget")
        if entry is not None:
            target(register, entry)
    if spec.data.get("notificationTargets"):
        register.remark(spec, "notificationTargets", _TARGETS)


def _severity(spec: Section) -> Literal["page", "ticket"] | None:
    written = spec.text("severity", "page or ticket")
    found = SEVERITIES.get(written.lower()) if written else None
    if written and found is None:
        spec.refuse("severity", f"expected one of {', '.join(SEVERITIES)}, got {written!r}")
    return found


def _op(register: Register, spec: Section, asked: Section) -> Op | None:
    """Read how the burn rate is compared; one that holds while all is well is remarked."""
    if asked.data.get("op") is None:
        asked.read.add("op")
        told = "gt is taken: above the threshold"
        return (
            Op.GT
            if register.forgive(asked, "op", f"is missing; expected one of {', '.join(Op)}", told)
            else None
        )
    op = asked.word("op", Op)
    if op is None or op.rises:
        return op
    literally = (
        f"{op} holds while little is spent: it alerts as long as the burn rate is {op.words} the threshold"
    )
    if "exceed" in str(spec.data.get("description", "")):
        expected = f"the description says that it exceeds, and {literally}; expected gt or gte"
        return op if register.forgive(asked, "op", expected, literally) else None
    register.remark(asked, "op", literally)
    return op


def _lookback(asked: Section) -> int | None:
    written = asked.value("lookbackWindow", "a duration such as 1h")
    found = minutes(written)
    if written is not None and found is None:
        asked.refuse(
            "lookbackWindow", f"expected a number with m, h, d or w, for example 1h, got {written!r}"
        )
    return found


def _after(register: Register, asked: Section) -> int | None:
    written = asked.value("alertAfter", "a duration such as 5m", needed=False)
    if written is None:
        return 0
    found = minutes(written)
    expected = f"expected a number of at least 1 with m, h, d or w, for example 5m, got {written!r}"
    if written == "0m":
        return 0 if register.forgive(asked, "alertAfter", expected, "it alerts at once") else None
    if found is None:
        asked.refuse("alertAfter", expected)
    return found
