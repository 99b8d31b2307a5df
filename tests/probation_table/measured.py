"""What `probation_table.measure` measured, and draws from it."""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

_FILE = Path(__file__).with_name("measured.json")
_BLOCK = 10
"""Neighbours are drawn together, so that what lasts for a while in a trial does so in the simulation."""
_EVERY = 5
"""The boxes were compared on every second frame; a trial compares on every tenth."""

T = TypeVar("T")


@dataclass(frozen=True)
class Measured:
    """What was measured beside one number of busy processes.

    Attributes:
        pairs_us: net times of candidate and shadow on consecutive frames, microseconds; which came first alternates, and began with the shadow.
        invoke_us: net times of the candidate's invocations, microseconds.
        samples: seconds, seconds of waiting for a processor, captured and inferred frames, for consecutive quarters of a second.
    """

    pairs_us: list[tuple[int, int]]
    invoke_us: list[int]
    samples: list[tuple[float, float, float, float]]

    @property
    def alone_us(self) -> list[int]:
        """The net times of the model that came first, as if the other did not run."""
        return [pair[0] if k % 2 else pair[1] for k, pair in enumerate(self.pairs_us)]


def read_measured() -> tuple[dict[int, Measured], dict[str, list[tuple[int, int, int]]]]:
    """Return what was measured by load, and the boxes of both models (both, only new, only old) on consecutive frames by candidate."""
    content = json.loads(_FILE.read_text())
    loads = {int(load): Measured(**measured) for load, measured in content["loads"].items()}
    return loads, {name: boxes[::_EVERY] for name, boxes in content["boxes"].items()}


def draw(rng: random.Random, items: Sequence[T], count: int) -> list[T]:
    """Return so many items, in blocks of neighbours (block bootstrap; Künsch, 1989)."""
    drawn: list[T] = []
    while len(drawn) < count:
        start = 2 * rng.randrange(
            max((len(items) - _BLOCK) // 2, 1)
        )  # which model came first alternates
        drawn.extend(items[start : start + _BLOCK])
    return drawn[:count]
