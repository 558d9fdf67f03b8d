"""The document that names all others: what is watched, what was promised, what may be done, and whom to tell.

Everything that it names is read with it, so that every fault of every document is told at once.
This is the only module that reads the environment.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from fournines.documents import Document, DocumentError, Fault, Where, load, located, misfits
from fournines.settings import Context, Settings
from remediation.decision import policy
from remediation.decision.policy import Policies
from slo import contracts, openslo
from slo.contracts import Contract
from slo.objectives import Objective

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Parsed:
    """What the documents of one kind came to.  `notes` tell what is accepted and not used."""

    values: tuple[Any, ...]
    problems: tuple[tuple[Where, str], ...]
    notes: tuple[str, ...] = ()


def _objectives(documents: Sequence[Any]) -> Parsed:
    reading = openslo.read(documents)
    return Parsed(reading.objectives, tuple((p.path, p.message) for p in reading.problems), reading.unmapped)


def _contracts(documents: Sequence[Any]) -> Parsed:
    reading = contracts.read(documents)
    return Parsed(reading.contracts, tuple((p.path, p.message) for p in reading.problems))


def _policies(documents: Sequence[Any]) -> Parsed:
    readings = [policy.read(document) for document in documents]
    problems = [((n, *p.path), p.message) for n, reading in enumerate(readings) for p in reading.problems]
    return Parsed(tuple(reading.policies for reading in readings), tuple(problems))


#: What each list of files in the document holds, and who reads it.
READERS: Mapping[str, Callable[[Sequence[Any]], Parsed]] = {
    "objectives": _objectives,
    "policies": _policies,
    "contracts": _contracts,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The document and everything that it names, all of it sound."""

    file: Path
    settings: Settings
    objectives: tuple[Objective, ...]
    policies: Policies
    contracts: tuple[Contract, ...] = ()
    notes: tuple[str, ...] = field(default=())


def read(path: Path) -> Config:
    """Read the configuration and what it names.  Raises DocumentError with every fault of every document."""
    documents = load(path)
    if len(documents) != 1:
        raise DocumentError([Fault(str(path), 0, (), f"expected one document, got {len(documents)}")])
    document = documents[0]
    faults: list[Fault] = []
    settings = None
    try:
        settings = Settings.model_validate(document.data, context=Context(path.parent, os.environ))
    except ValidationError as error:
        faults += misfits(document, error, Settings)
    parsed = {}
    for kind in READERS:
        parsed[kind], more = read_files(kind, _named(document, kind, path.parent))
        faults += more
    if faults or settings is None:
        raise DocumentError(faults)
    return Config(
        file=path,
        settings=settings,
        objectives=parsed["objectives"].values,
        policies=Policies(
            tuple(one for policies in parsed["policies"].values for one in policies.policies),
            tuple(one for policies in parsed["policies"].values for one in policies.freezes),
        ),
        contracts=parsed["contracts"].values,
        notes=tuple(note for kind in READERS for note in parsed[kind].notes),
    )


def read_files(kind: str, paths: Sequence[Path]) -> tuple[Parsed, tuple[Fault, ...]]:
    """Read all files of a kind together, since they may name each other; what is wrong comes as faults."""
    documents: list[Document] = []
    faults: list[Fault] = []
    for path in paths:
        try:
            documents += load(path)
        except DocumentError as error:
            faults += error.faults
    parsed = READERS[kind]([document.data for document in documents])
    return parsed, (*faults, *located(documents, parsed.problems))


def _named(document: Document, kind: str, folder: Path) -> list[Path]:
    """Return the files of a kind that exist, even when the rest of the document is wrong."""
    listed = document.data.get(kind) if isinstance(document.data, dict) else None
    names = [name for name in listed if isinstance(name, str)] if isinstance(listed, list) else []
    return [folder / name for name in dict.fromkeys(names) if (folder / name).is_file()]
