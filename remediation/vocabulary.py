"""The words of remediation, each with the sentence that people read in Slack, journal, metrics and pages."""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class Word(StrEnum):
    """A word with its sentence."""

    sentence: str

    def __new__(cls, value: str, sentence: str) -> Self:
        """Make a member whose value is the word."""
        word = str.__new__(cls, value)
        word._value_ = value
        word.sentence = sentence
        return word


class Cause(Word):
    """What a diagnosis names."""

    DEPLOYMENT = "deployment", "A deployment of this service made it fail."
    SPOT_SHORTAGE = "spot_shortage", "Fargate Spot takes tasks away and does not give them back."
    SURGE = "surge", "More requests arrive than the running tasks can serve."
    DEPENDENCY = "dependency", "Something that the service depends on fails, also where nothing was deployed."
    CRASH_LOOP = "crash_loop", "Tasks start and stop again and again."
    OUT_OF_MEMORY = "out_of_memory", "Tasks fill their memory until they are killed."
    STUCK_TASKS = "stuck_tasks", "Some tasks run and fail what they get, and ECS leaves them."
    ZONE = "zone", "It fails in one availability zone, and only there."
    UNKNOWN = "unknown", "The evidence names no cause."


class ActionName(Word):
    """What may be done without a person."""

    ROLLBACK = "rollback", "Return to the last revision that served within its objective."
    SCALE_OUT = "scale_out", "Raise the minimum number of tasks for a while."
    SPOT_FALLBACK = "spot_fallback", "Place new tasks on demand until Spot returns."
    REPLACE_TASKS = "replace_tasks", "Stop sick tasks a few at a time, so that ECS replaces them."
    SHIFT_ZONE = "shift_zone", "Turn the load balancer away from a zone for a while."


class Mode(Word):
    """What a policy allows."""

    OBSERVE = "observe", "Only record what would have been done."
    PROPOSE = "propose", "Ask a person in Slack, then act."
    ACT = "act", "Act at once."


class Verdict(Word):
    """What a decision comes to."""

    ACT = "act", "Do it now."
    PROPOSE = "propose", "Ask first."
    OBSERVE = "observe", "Record what would have been done."
    WAIT = "wait", "The evidence is not complete yet; look again."
    ESCALATE = "escalate", "A person is needed."


class Reason(Word):
    """Why a decision is what it is; the first guard that refuses names it."""

    ALLOWED = "allowed", "Every guard agreed."
    NO_POLICY = "no_policy", "No policy covers this cause here, so it is only observed."
    OBSERVE_ONLY = "observe_only", "It is only recorded what would have been done."
    NEEDS_APPROVAL = "needs_approval", "The policy asks a person first."
    PAUSED = "paused", "Automation is paused by the kill switch."
    FROZEN = "frozen", "The freeze calendar forbids actions now."
    STALE_DATA = "stale_data", "What is known is too old to act on."
    ALREADY_ACTING = "already_acting", "Another action on this placement is under way."
    COOLING_DOWN = "cooling_down", "An action on this placement ended too recently."
    TRIED_BEFORE = "tried_before", "This action did not help this incident; it is escalated, not repeated."
    TOO_MANY_ACTIONS = "too_many_actions", "The limit of actions per day is reached."
    BLAST_RADIUS = "blast_radius", "Too large a part of the estate is being changed already."
    NATIVE_ROLLBACK = "native_rollback", "ECS itself is already rolling back."
    NEWER_DEPLOYMENT = "newer_deployment", "A newer deployment has started since."
    NO_KNOWN_GOOD = "no_known_good", "No earlier revision is known to be good."
    SEVERAL_SOURCES = "several_sources", "Several revisions serve, so that the way back is ambiguous."
    BELOW_FLOOR = "below_floor", "The way back lies below the declared floor, or cannot be compared with it."
    TARGET_GONE = "target_gone", "What the earlier revision is made of is gone."
    TARGET_NOT_KNOWN = "target_not_known", "Whether the earlier revision can still be started is not known."
    REDEPLOYED = (
        "redeployed",
        "It was turned back before and deployed all the same; that is not undone twice.",
    )
    MORE_CHANGED = "more_changed", "The deployment changed more than a new task definition puts back."
    NO_HEADROOM = "no_headroom", "There is no room for it: what is left could not carry the load."
    PROTECTED = "protected", "What is sick protects itself from being stopped."
    NOT_APPLICABLE = "not_applicable", "The action does not fit the service as it is now."
    LOW_CONFIDENCE = "low_confidence", "The evidence is too thin to act on."
    NO_ACTION_FOR_CAUSE = "no_action_for_cause", "No action of ours undoes this cause."
    GATHERING_EVIDENCE = "gathering_evidence", "The evidence is still arriving."


class Outcome(Word):
    """How a run ended."""

    RECOVERED = "recovered", "The objective recovered after the action."
    RESTORED = "restored", "The temporary change was undone."
    NOT_RECOVERED = "not_recovered", "The action was carried out and did not help."
    REFUSED = "refused", "AWS refused the change, or the situation had changed."
    PAUSED = "paused", "The way back waits at a pause hook: a person must let it go on."
    UNCERTAIN = "uncertain", "It cannot be known whether the change took effect."
    REJECTED = "rejected", "A person said no."
    UNANSWERED = "unanswered", "Nobody answered in time."
    CANCELLED = "cancelled", "It was no longer needed."
