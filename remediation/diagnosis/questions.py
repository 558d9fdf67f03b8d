"""Every question that a situation is asked, in the order in which people read the answers."""

from __future__ import annotations

from remediation.diagnosis import ailing, evidence, zones

QUESTIONS = (*evidence.FINDINGS, *ailing.QUESTIONS, *zones.QUESTIONS)
