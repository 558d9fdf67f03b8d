"""Scenarios by name or file, with every mistake at its line."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from fournines.documents import Document, DocumentError, Fault, load, misfits
from fournines.trouble import Trouble
from remediation.decision import policy
from simulator.scenario import Scenario, shipped, shipped_names


def read(name: str, seed: int | None = None) -> Scenario:
    """Return a shipped scenario by its name, or the one in a YAML file; under another seed if wanted."""
    scenario = _named(name)
    return scenario if seed is None else scenario.seeded(seed)


def _named(name: str) -> Scenario:
    if name in shipped_names():
        return shipped(name)
    path = Path(name)
    if not path.is_file():
        raise Trouble(
            f"there is no scenario {name!r}: name a YAML file, or one of {', '.join(shipped_names())}"
        )
    documents = load(path)
    if len(documents) != 1:
        raise DocumentError([Fault(name, 0, (), f"expected one scenario, got {len(documents)} documents")])
    return parsed(documents[0])


def parsed(document: Document) -> Scenario:
    """Return the scenario that a document is, its own policies checked too.  Raises DocumentError."""
    try:
        scenario = Scenario.model_validate(document.data)
    except ValidationError as problem:
        raise DocumentError(misfits(document, problem, Scenario)) from None
    if scenario.policies is not None and (problems := policy.read(scenario.policies).problems):
        raise DocumentError(document.fault(("policies", *one.path), one.message) for one in problems)
    return scenario
