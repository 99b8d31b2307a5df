"""Random choices that can be repeated: one seed for a whole run, and exhaustive tests of which `make test` runs a sample.

The seed is `EDGED_SEED`; `tests/conftest.py` chooses and prints one if it is not set.
"""

import os
import random
from collections.abc import Callable, Hashable, Iterable
from typing import Literal, TypeVar

import pytest

Extent = Literal["sample", "full"]
SEED_VARIABLE = "EDGED_SEED"

_Item = TypeVar("_Item")

sampled = pytest.mark.parametrize(
    "extent", ["sample", pytest.param("full", marks=pytest.mark.campaign)]
)
"""Runs a test twice: on a sample, and on everything in `make campaign`. The test takes the fixture `sampler`."""


def seeded_random(*purpose: object) -> random.Random:
    """Return a generator for one purpose: the run's seed decides its numbers.

    Args:
        purpose: what the numbers are for; each purpose has numbers of its own.
    """
    words = ":".join(map(str, purpose))
    return random.Random(f"{os.environ[SEED_VARIABLE]}:{words}")


class Sampler:
    """Takes a random part of what an exhaustive test goes through, or all of it.

    Args:
        extent: "sample" or "full".
        purpose: what the choice is for, as in `seeded_random`.
    """

    def __init__(self, extent: Extent, *purpose: object) -> None:
        self._rng = None if extent == "full" else seeded_random(*purpose)

    def pick(self, items: Iterable[_Item], count: int) -> list[_Item]:
        """Return so many of the items in their order, or all."""
        everything = list(items)
        if self._rng is None or len(everything) <= count:
            return everything
        return [everything[at] for at in sorted(self._rng.sample(range(len(everything)), count))]

    def pick_each(
        self, items: Iterable[_Item], kind: Callable[[_Item], Hashable], count: int = 1
    ) -> list[_Item]:
        """Return so many items of every kind, or all.

        Args:
            items: the items.
            kind: returns the kind of an item.
            count: how many items of each kind.
        """
        groups: dict[Hashable, list[_Item]] = {}
        for item in items:
            groups.setdefault(kind(item), []).append(item)
        return [item for group in groups.values() for item in self.pick(group, count)]
