"""Documents of any kind, checked together: each is known by its content, and every fault is told at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from fournines import config
from fournines.documents import Document, DocumentError, Fault, load
from fournines.rehearsal import scenarios
from remediation.decision.policy import Policy
from remediation.vocabulary import ActionName, Cause
from runbooks.front import RunbookError
from runbooks.runbook import parse as parse_runbook
from runbooks.shelf import Shelf
from slo.budget_policies import BudgetPolicy
from slo.composites import Composite
from slo.contracts import Contract
from slo.exclusions import Exclusion
from slo.objectives import Objective

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


class Kind(StrEnum):
    """What a document is."""

    CONFIG = "config"
    OBJECTIVES = "objectives"
    POLICIES = "policies"
    CONTRACTS = "contracts"
    BUDGET_POLICIES = "budget_policies"
    EXCLUSIONS = "exclusions"
    SCENARIO = "scenario"
    RUNBOOK = "runbook"


#: A document is of the first kind that one of these keys speaks of.
SIGNS = (
    (Kind.OBJECTIVES, {"apiVersion"}),
    (Kind.SCENARIO, {"estate", "faults"}),
    (Kind.CONFIG, {"aws", "objectives", "store", "slack", "contracts"}),
    (Kind.CONTRACTS, {"tenant", "tiers"}),
    (Kind.POLICIES, {"policies", "freezes", "floors"}),
    (Kind.BUDGET_POLICIES, {"budget_policies"}),
    (Kind.EXCLUSIONS, {"exclusions"}),
)
_UNKNOWN = (
    "not a document of ours: expected a configuration (with `aws`), OpenSLO (`apiVersion`), "
    "a contract (`tenant`), policies (`policies`), budget policies (`budget_policies`), "
    "exclusions (`exclusions`), a scenario (`estate`), or a runbook in Markdown"
)


@dataclass(slots=True)
class Findings:
    """What the files came to: what is sound, and every fault."""

    kinds: dict[str, set[Kind]] = field(default_factory=dict)
    objectives: list[Objective] = field(default_factory=list)
    composites: list[Composite] = field(default_factory=list)
    contracts: list[Contract] = field(default_factory=list)
    policies: list[Policy] = field(default_factory=list)
    budget_policies: list[BudgetPolicy] = field(default_factory=list)
    exclusions: list[Exclusion] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


def check(files: Sequence[Path], *, lenient: bool = False) -> Findings:
    """Check files together, since they may name each other; OpenSLO strictly unless `lenient`."""
    found = Findings()
    documents: dict[Kind, list[Document]] = {kind: [] for kind in Kind}
    for file in files:
        try:
            for kind, document in _sorted(file, found):
                documents[kind].append(document)
        except DocumentError as error:
            found.faults += error.faults
    _read(documents, found, lenient=lenient)
    found.faults = list(DocumentError(found.faults).faults)
    return found


def _sorted(file: Path, found: Findings) -> Iterator[tuple[Kind, Document]]:
    """Yield the YAML documents of a file with their kinds; configurations and runbooks are read at once."""
    if file.suffix.lower() in {".md", ".markdown"}:
        found.kinds[str(file)] = {Kind.RUNBOOK}
        found.faults += _runbook(file)
        return
    documents = load(file)
    if not documents:
        found.faults.append(Fault(str(file), 0, (), "is empty"))
    for document in documents:
        kind = _kind(document)
        if kind is None:
            found.faults.append(document.fault((), _UNKNOWN))
            continue
        found.kinds.setdefault(str(file), set()).add(kind)
        if kind is Kind.CONFIG:
            _config(file, found)
        else:
            yield kind, document


def _kind(document: Document) -> Kind | None:
    keys = set(document.data) if isinstance(document.data, dict) else set()
    if document.data and keys and document.data.get("kind") == "Contract" and "apiVersion" not in keys:
        return Kind.CONTRACTS
    return next((kind for kind, signs in SIGNS if keys & signs), None)


def _config(file: Path, found: Findings) -> None:
    """Read a configuration with all that it names; secrets belong to where it runs, not to the document."""
    try:
        read = config.read(file, secrets=False)
    except DocumentError as error:
        found.faults += error.faults
        return
    found.objectives += read.objectives
    found.composites += read.composites
    found.contracts += read.contracts
    found.policies += read.policies.policies
    found.budget_policies += read.budget_policies
    found.exclusions += read.exclusions.each
    found.notes += read.notes


def _read(documents: dict[Kind, list[Document]], found: Findings, *, lenient: bool) -> None:
    for kind in (Kind.OBJECTIVES, Kind.CONTRACTS, Kind.POLICIES, Kind.BUDGET_POLICIES, Kind.EXCLUSIONS):
        parsed, notes, faults = config.parse(kind, documents[kind], lenient=lenient)
        found.faults += faults
        found.notes += notes
        if kind is Kind.OBJECTIVES:
            found.objectives += parsed.values
            found.composites += parsed.composites
        elif kind is Kind.CONTRACTS:
            found.contracts += parsed.values
        elif kind is Kind.BUDGET_POLICIES:
            found.budget_policies += parsed.values
        elif kind is Kind.EXCLUSIONS:
            found.exclusions += parsed.values
        else:
            found.policies += [one for policies in parsed.values for one in policies.policies]
    for document in documents[Kind.SCENARIO]:
        found.faults += _scenario(document)


def _scenario(document: Document) -> Iterator[Fault]:
    try:
        scenarios.parsed(document)
    except DocumentError as error:
        yield from error.faults


def _runbook(file: Path) -> Iterator[Fault]:
    """Check a runbook by itself: its form, its name, and the causes and actions that it names."""
    try:
        book = parse_runbook(file.read_text(encoding="utf-8"), str(file))
    except RunbookError as error:
        yield from (Fault(one.file, one.line, (), one.message) for one in error.problems)
        return
    except UnicodeDecodeError as error:
        yield Fault(str(file), 0, (), f"not UTF-8 text: {error.reason}")
        return
    except OSError as error:
        yield Fault(str(file), 0, (), f"cannot be read: {error.strerror}")
        return
    if file.stem != book.id:
        yield Fault(
            str(file), 2, (), f"the runbook {book.id!r} belongs in {book.id}.md, where it is looked for"
        )
    for problem in Shelf({book.id: book}).check(map(str, Cause), map(str, ActionName)):
        if problem.file == book.file:
            yield Fault(problem.file, problem.line, (), problem.message)
