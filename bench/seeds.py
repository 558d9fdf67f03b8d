"""Whether fournines is right whatever the seed draws: the whole estate's story, five times anew."""

from collections.abc import Iterator
from time import perf_counter

from bench.figure import Figure
from fournines.rehearsal import scenarios
from fournines.rehearsal.rehearse import rehearse
from fournines.rehearsal.score import passed

SCENARIO = "mylearning"
SEEDS = (2, 3, 5, 7, 11)
#: 75 simulated minutes of 105 placements, lived through twice: with fournines and without.
EACH_S = 60.0


def figures() -> Iterator[Figure]:
    """Rehearse the story under each seed, and judge by the world's own truth."""
    began = perf_counter()
    right = [seed for seed in SEEDS if passed(rehearse(scenarios.read(SCENARIO, seed)))]
    how = f"`fournines rehearse {SCENARIO} --seed N` for N in {', '.join(map(str, SEEDS))}"
    yield Figure(
        name="rehearsal.seeds_right",
        value=len(right),
        unit=f"of {len(SEEDS)}",
        goal=len(SEEDS),
        better="higher",
        how=f"{how}; right: {', '.join(map(str, right)) or 'none'}",
    )
    yield Figure(
        name="rehearsal.seed_s",
        value=(perf_counter() - began) / len(SEEDS),
        unit="s",
        goal=EACH_S,
        better="lower",
        how=f"{how}: wall time of one",
    )
