"""The documents by kind and name, whatever their order: what refers to what, what is wrong or not used."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from slo.problem import Problem, Section, documents

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

VERSION = "openslo/v1"
KINDS = (
    "SLO", "SLI", "Service", "DataSource", "AlertPolicy", "AlertCondition", "AlertNotificationTarget",
)  # fmt: skip

#: [OpenSLO README, General Schema] and RFC 1123; some examples there are in CamelCase: lenient takes them.
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_LENIENT_NAME = re.compile(r"[A-Za-z0-9]([-._A-Za-z0-9]{0,61}[A-Za-z0-9])?")
_KEY = r"[a-zA-Z0-9]([-_.a-zA-Z0-9]{0,61}[a-zA-Z0-9])?"
_LABEL = re.compile(_KEY)
_ANNOTATION = re.compile(rf"(?=[^/]{{1,253}}/)[a-z0-9]([-.a-z0-9]*[a-z0-9])?/{_KEY}|{_KEY}")
RESERVED = "openslo.com/"

DESCRIPTION_MAX = 1050


class Register:
    """Every document under its kind and name; `lenient` forgives where the specification is at odds."""

    def __init__(self, written: Sequence[object], *, lenient: bool) -> None:
        self.lenient = lenient
        self.problems: list[Problem] = []
        self.remarks: list[Problem] = []
        self._sections: list[tuple[str, str | None, Section]] = []
        self._named: dict[tuple[str, str], Section] = {}
        self._misnamed: set[str] = set()
        for section in documents(written, self.problems):
            self._index(section)

    def of(self, kind: str) -> Iterator[tuple[str | None, Section]]:
        """Yield name and document of a kind; one whose name is wrong has none."""
        return ((name, section) for of, name, section in self._sections if of == kind)

    def find(self, section: Section, key: str, kind: str) -> Section | None:
        """Return what a property names; what is not among the documents is a problem.

        A document that is refused for its own kind or name is said there, and not once more here.
        """
        name = section.text(key, f"the name of a {kind}")
        if name is None:
            return None
        if (kind, name) not in self._named and name not in self._misnamed:
            section.refuse(key, f"no {kind} {name!r} is among the documents; expected {self._names(kind)}")
        return self._named.get((kind, name))

    def entry(self, item: Section, reference: str, kind: str) -> Section | None:
        """Return the document that an item of a list names, or the item itself where it stands inline."""
        if item.has(reference):
            self.leave(item, "stands beside a reference and is not used", keep=(reference,))
            return self.find(item, reference, kind)
        if item.text("kind", kind, needed=False) not in (None, kind):
            item.refuse("kind", f"expected {kind}, got {item.data['kind']!r}")
        return item

    def name(self, section: Section, *, needed: bool = True) -> str | None:
        """Read the metadata of a document or of an inline definition; return the name."""
        metadata = section.section("metadata", "a mapping with a name", needed=needed)
        if metadata is None:
            return None
        metadata.text("displayName", needed=False)
        self._labels(metadata)
        self._annotations(metadata)
        name = self._sound_name(metadata)
        self.leave(metadata)
        return name

    def described(self, section: Section) -> None:
        """Check a description, which nothing else is made of."""
        text = section.text("description", needed=False)
        if text is not None and len(text) > DESCRIPTION_MAX:
            section.refuse("description", f"expected at most {DESCRIPTION_MAX} characters, got {len(text)}")

    def forgive(self, section: Section, key: str, expected: str, instead: str) -> bool:
        """Refuse a value, or in lenient reading remark what is taken instead; say whether it is forgiven."""
        if self.lenient:
            self.remark(section, key, instead)
        else:
            section.refuse(key, f"{expected} (lenient reading would go on: {instead})")
        return self.lenient

    def remark(self, section: Section, key: str, message: str) -> None:
        """Tell what is accepted and not used, or used otherwise than one might think."""
        section.read.add(key)
        self.remarks.append(Problem((*section.path, key), message))

    def leave(self, section: Section, why: str = "not used", *, keep: Sequence[str] = ()) -> None:
        """Tell what stands in a section and nobody asked for."""
        for key in section.unread():
            if key not in keep:
                self.remark(section, key, why)

    def _index(self, section: Section) -> None:
        if section.text("apiVersion", VERSION) not in (VERSION, None):
            section.refuse("apiVersion", f"expected {VERSION}, got {section.data['apiVersion']!r}")
        kind = section.text("kind", f"one of {', '.join(KINDS)}")
        if kind is not None and kind not in KINDS:
            section.refuse("kind", f"expected one of {', '.join(KINDS)}, got {kind!r}")
        name = self.name(section)
        section.read.add("spec")
        self.leave(section)
        if kind in KINDS:
            self._keep(str(kind), name, section)
        if kind not in KINDS or name is None:
            metadata = section.data.get("metadata")
            self._misnamed.add(str(metadata.get("name") if isinstance(metadata, Mapping) else metadata))

    def _keep(self, kind: str, name: str | None, section: Section) -> None:
        self._sections.append((kind, name, section))
        if name is None:
            return
        if (kind, name) in self._named:
            section.refuse(
                "metadata",
                f"{kind} {name!r} is already defined in document {self._named[kind, name].path[0]}",
            )
        self._named.setdefault((kind, name), section)

    def _sound_name(self, metadata: Section) -> str | None:
        name = metadata.text("name", "a name as of RFC 1123")
        if name is None or _NAME.fullmatch(name):
            return name
        expected = f"expected at most 63 of a-z, 0-9 and '-', as in RFC 1123, got {name!r}"
        if not _LENIENT_NAME.fullmatch(name):
            metadata.refuse("name", expected)
            return None
        return name if self.forgive(metadata, "name", expected, f"{name!r} is taken as it is") else None

    def _labels(self, metadata: Section) -> None:
        labels = metadata.section("labels", "a mapping of texts or lists of texts", needed=False)
        for key, value in labels.data.items() if labels is not None else ():
            assert labels is not None, "it has items"
            if not _LABEL.fullmatch(str(key)):
                labels.refuse(str(key), "expected a key of at most 63 letters, digits, '-', '_' and '.'")
            if not isinstance(value, str):
                labels.texts(str(key), "a text or a list of texts")

    def _annotations(self, metadata: Section) -> None:
        annotations = metadata.section("annotations", "a mapping of texts", needed=False)
        for key in annotations.data if annotations is not None else ():
            assert annotations is not None, "it has keys"
            annotations.text(str(key), "a text")
            if not _ANNOTATION.fullmatch(str(key)):
                annotations.refuse(str(key), "expected a key such as example.com/name or name")
            if str(key).startswith(RESERVED):
                self.forgive(annotations, str(key), f"{RESERVED} is reserved for OpenSLO", "not used")

    def _names(self, kind: str) -> str:
        names = [name for of, name in self._named if of == kind]
        return f"one of {', '.join(names)}" if names else f"a document of kind {kind}"


def plain(value: Any) -> bool:  # noqa: ANN401 - as it was written
    """Whether a value is true or false as it was written."""
    return isinstance(value, bool)
