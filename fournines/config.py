"""The document that names all others: what is watched, what was promised, what may be done, and whom to tell.

Everything that it names is read with it, so that every fault of every document is told at once.
This is the only module that reads the environment.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from fournines.documents import Document, DocumentError, Fault, load, located, misfits
from fournines.forms import Context
from fournines.settings import Settings
from remediation.decision import policy
from remediation.decision.policy import Policies
from runbooks import shelf as runbooks
from runbooks.front import RunbookError
from runbooks.shelf import Shelf
from slo import budget_policies, contracts, exclusions
from slo.budget_policies import BudgetPolicy
from slo.composites import Composite
from slo.contracts import Contract
from slo.exclusions import Exclusions
from slo.objectives import EVERY_SERVICE, Objective, slow_after
from slo.openslo import reader as openslo
from slo.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Parsed:
    """What the documents of one kind came to.  `remarks` tell what is accepted and not used, and where."""

    values: tuple[Any, ...]
    problems: tuple[Problem, ...]
    remarks: tuple[Problem, ...] = ()
    composites: tuple[Composite, ...] = ()


def _objectives(documents: Sequence[Any], *, lenient: bool = False) -> Parsed:
    reading = openslo.read(documents, lenient=lenient)
    return Parsed(reading.objectives, reading.problems, reading.remarks, reading.composites)


def _contracts(documents: Sequence[Any]) -> Parsed:
    reading = contracts.read(documents)
    return Parsed(reading.contracts, reading.problems)


def _policies(documents: Sequence[Any]) -> Parsed:
    readings = [policy.read(document) for document in documents]
    problems = [replace(p, path=(n, *p.path)) for n, reading in enumerate(readings) for p in reading.problems]
    return Parsed(tuple(reading.policies for reading in readings), tuple(problems))


def _budget_policies(documents: Sequence[Any]) -> Parsed:
    reading = budget_policies.read(documents)
    return Parsed(reading.policies, reading.problems)


def _exclusions(documents: Sequence[Any]) -> Parsed:
    reading = exclusions.read(documents)
    return Parsed(reading.exclusions, reading.problems)


#: What each list of files in the document holds, and who reads it.
READERS: Mapping[str, Callable[[Sequence[Any]], Parsed]] = {
    "objectives": _objectives,
    "policies": _policies,
    "contracts": _contracts,
    "budget_policies": _budget_policies,
    "exclusions": _exclusions,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The document and everything that it names, all of it sound."""

    file: Path
    settings: Settings
    objectives: tuple[Objective, ...]
    policies: Policies
    contracts: tuple[Contract, ...] = ()
    budget_policies: tuple[BudgetPolicy, ...] = ()
    composites: tuple[Composite, ...] = ()
    exclusions: Exclusions = field(default_factory=Exclusions)
    shelf: Shelf
    notes: tuple[str, ...] = ()


def read(path: Path, *, secrets: bool = True) -> Config:
    """Read the configuration and what it names.  Raises DocumentError with every fault of every document.

    Without `secrets` none is looked up: who asks the store at night has the document, not its tokens.
    """
    documents = load(path)
    if len(documents) != 1:
        raise DocumentError([Fault(str(path), 0, (), f"expected one document, got {len(documents)}")])
    document = documents[0]
    faults: list[Fault] = []
    settings = None
    try:
        settings = Settings.model_validate(document.data, context=Context(path.parent, os.environ, secrets))
    except ValidationError as error:
        faults += misfits(document, error, Settings)
    parsed, notes = {}, list[str]()
    for kind in READERS:
        parsed[kind], told, more = read_files(
            kind, _named(document, kind, path.parent), lenient=_lenient(document)
        )
        notes += told
        faults += more
    shelf, more = shelve(settings.runbooks if settings is not None else ())
    faults += more
    if not faults and not parsed["objectives"].values:
        faults.append(document.fault(("objectives",), "no SLO is in these files; expected at least one"))
    if faults or settings is None:
        raise DocumentError(faults)
    policies = Policies(
        tuple(one for policies in parsed["policies"].values for one in policies.policies),
        tuple(one for policies in parsed["policies"].values for one in policies.freezes),
        tuple(one for policies in parsed["policies"].values for one in policies.floors),
    )
    promised: tuple[Contract, ...] = parsed["contracts"].values
    spending: tuple[BudgetPolicy, ...] = parsed["budget_policies"].values
    excluded = Exclusions(parsed["exclusions"].values)
    default_s = Decimal(str(settings.collect.latency_threshold))
    return Config(
        file=path,
        settings=settings,
        objectives=parsed["objectives"].values,
        policies=policies,
        contracts=promised,
        budget_policies=spending,
        composites=parsed["objectives"].composites,
        exclusions=excluded,
        shelf=shelf,
        notes=(
            *notes,
            *_unwatched(settings, policies, promised, spending, excluded),
            *_unaimed(spending, parsed["objectives"].values),
            *counted_otherwise(parsed["objectives"].values, promised, default_s),
            *_hardly_heard(settings.heartbeat_regions),
        ),
    )


def _unwatched(
    settings: Settings,
    policies: Policies,
    promised: Sequence[Contract],
    spending: Sequence[BudgetPolicy],
    excluded: Exclusions,
) -> Iterator[str]:
    """Say which regions the documents name that nobody watches: most often a slip of the pen."""
    watched = settings.aws.regions
    named = [(f"policy {one.name}", one.regions) for one in policies.policies]
    named += [(f"contract {one.id}", one.regions) for one in promised]
    named += [(f"budget policy {one.name}", one.regions) for one in spending]
    named += [(f"exclusion {one.id}", one.regions) for one in excluded.each]
    named += [(f"probe {one.probe()}", (one.region,)) for one in settings.probes]
    named += [(f"schedule {one.name}", (one.region,)) for one in settings.schedules]
    for who, globs in named:
        for glob in globs:
            if not any(fnmatchcase(region, glob) for region in watched):
                yield f"{who} names {glob}, none of the regions that are watched: {', '.join(watched)}"


def _unaimed(spending: Sequence[BudgetPolicy], objectives: Sequence[Objective]) -> Iterator[str]:
    """Say which objectives budget policies name that there are not: the default would count unseen."""
    names = [objective.name for objective in objectives]
    for one in spending:
        for glob in one.objectives:
            if not any(fnmatchcase(name, glob) for name in names):
                yield f"budget policy {one.name} names {glob}, none of the objectives: {', '.join(names)}"


def counted_otherwise(
    objectives: Sequence[Objective], promised: Sequence[Contract], default: Decimal
) -> Iterator[str]:
    """Say who means another limit of latency than the one by which a service's responses are counted."""
    timed = [(one, one.threshold_s) for one in objectives if one.threshold_s]
    bound = [(one, one.latency.threshold_s) for one in promised if one.latency]
    limits = [
        *((f"objective {one.name}", {one.service}, limit) for one, limit in timed),
        *((f"contract {one.id}", set(one.services), limit) for one, limit in bound),
    ]
    for who, services, limit in limits:
        every = {one.service for one, _ in timed} if EVERY_SERVICE in services else set()
        for service in sorted(services | every):
            if (counted := slow_after(objectives, service, default)) != limit:
                named = "other services" if service == EVERY_SERVICE else service
                yield (
                    f"{who} means answers within {limit.normalize():f} s, and of {named} those within "
                    f"{counted.normalize():f} s are counted as fast: a service has one limit, the shortest "
                    "threshold_s of its latency objectives"
                )


def _hardly_heard(regions: Sequence[str]) -> Iterator[str]:
    """Say where the death of fournines, or of one region, would be heard by nobody."""
    if not regions:
        yield "the heartbeat is off: no alarm tells that fournines itself is silent"
    elif len(regions) == 1:
        yield (
            f"the heartbeat is written in {regions[0]} alone: while that region fails, nobody hears whether "
            "fournines lives; name a second one under heartbeat.regions"
        )


def read_files(
    kind: str, paths: Sequence[Path], *, lenient: bool = False
) -> tuple[Parsed, tuple[str, ...], tuple[Fault, ...]]:
    """Read all files of a kind together, since they may name each other; return notes and faults as well."""
    documents: list[Document] = []
    faults: list[Fault] = []
    for path in paths:
        try:
            documents += load(path)
        except DocumentError as error:
            faults += error.faults
    parsed, notes, more = parse(kind, documents, lenient=lenient)
    return parsed, notes, (*faults, *more)


def parse(
    kind: str, documents: Sequence[Document], *, lenient: bool = False
) -> tuple[Parsed, tuple[str, ...], tuple[Fault, ...]]:
    """Parse documents of a kind; what is told and what is wrong comes with file and line."""
    plain = [document.data for document in documents]
    parsed = _objectives(plain, lenient=lenient) if kind == "objectives" else READERS[kind](plain)
    notes = tuple(map(str, located(documents, parsed.remarks)))
    return parsed, notes, tuple(located(documents, parsed.problems))


def _lenient(document: Document) -> bool:
    """Whether OpenSLO is read leniently, even when the rest of the document is wrong."""
    return isinstance(document.data, dict) and document.data.get("openslo") == "lenient"


def shelve(folders: Sequence[Path]) -> tuple[Shelf, tuple[Fault, ...]]:
    """Read folders of runbooks and lay them over ours, the last on top; what is wrong comes as faults."""
    shelf = runbooks.shipped()
    faults: list[Fault] = []
    for folder in folders:
        try:
            shelf = runbooks.read(folder).over(shelf)
        except RunbookError as error:
            faults += [Fault(str(folder / one.file), one.line, (), one.message) for one in error.problems]
    return shelf, tuple(faults)


def _named(document: Document, kind: str, folder: Path) -> list[Path]:
    """Return the files of a kind that exist, even when the rest of the document is wrong."""
    listed = document.data.get(kind) if isinstance(document.data, dict) else None
    names = [name for name in listed if isinstance(name, str)] if isinstance(listed, list) else []
    return [folder / name for name in dict.fromkeys(names) if (folder / name).is_file()]
