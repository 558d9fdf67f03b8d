"""The journal's chain: nothing can be changed, left out or put in unseen."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from remediation.journal import GENESIS, Entry, EntryKind, canonical, chain_hash, first_break
from tests.remediation.stage import at

ENTRIES = tuple(
    Entry(EntryKind.DECIDED, at(number), f"Number {number}.", data={"n": number}) for number in range(6)
)


def chained(entries: tuple[Entry, ...]) -> list[tuple[Entry, str]]:
    previous, chain = GENESIS, []
    for entry in entries:
        previous = chain_hash(previous, entry)
        chain.append((entry, previous))
    return chain


def test_an_untouched_chain_holds() -> None:
    assert first_break(chained(ENTRIES)) is None
    assert first_break([]) is None


@given(st.integers(0, 5))
def test_a_changed_entry_is_found_where_it_is(position: int) -> None:
    chain = chained(ENTRIES)
    entry, digest = chain[position]
    chain[position] = (replace(entry, sentence="Nothing happened."), digest)
    assert first_break(chain) == position


@given(st.integers(0, 4))
def test_an_entry_that_is_left_out_is_found_at_the_next(position: int) -> None:
    chain = chained(ENTRIES)
    del chain[position]
    assert first_break(chain) == position


def test_the_hashed_text_does_not_depend_on_the_order_of_data() -> None:
    entry = replace(ENTRIES[0], data={"b": 1, "a": 2})
    assert canonical(entry) == canonical(replace(entry, data={"a": 2, "b": 1}))
