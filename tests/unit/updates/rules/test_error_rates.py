"""How often a trial is wrong: the table in docs/updates.md keeps its promises, and a sample of its trials agrees with it."""

import re
from pathlib import Path

import pytest
from probation_table.simulation import Candidate
from probation_table.table import (
    BAD,
    BEGIN,
    END,
    GOOD,
    IDENTICAL,
    LOADS,
    count_errors,
    make_table,
)

from support.sampling import SEED_VARIABLE, seeded_random

_PAGE = Path(__file__).parents[4] / "docs" / "updates.md"
_SLOWER, _FEWER_FRAMES = BAD[0], next(one for one in BAD if one.lost_share)
MAX_DENIED_SHARE = 1 / 1000
"""Of byte-identical models."""
MAX_MISSED_SHARE = 1 / 100
"""Of models that take 1.5 times as long."""


def published_table() -> str:
    return _PAGE.read_text().split(BEGIN)[1].split(END)[0].strip()


def published_counts(candidate: Candidate) -> tuple[int, list[int], list[int]]:
    """Return the trials at each load, and by load how many ended wrongly and how many were flagged."""
    (row,) = (line for line in published_table().splitlines() if f"| {candidate.name}: " in line)
    cells = [cell.strip() for cell in row.strip("| ").split("|")]
    wrong = [int(re.match(r"\d+", cell)[0]) for cell in cells[2:]]  # type: ignore[index] # it begins with a number
    flagged = [
        int(found[1]) if (found := re.search(r"\+ (\d+)", cell)) else 0 for cell in cells[2:]
    ]
    return int(cells[1]), wrong, flagged


def test_the_table_has_every_model_at_every_load() -> None:
    header = published_table().splitlines()[0]
    assert all(f"load {load}" in header for load in LOADS)
    for candidate in (*GOOD, *BAD):
        assert len(published_counts(candidate)[1]) == len(LOADS)


def test_of_a_thousand_identical_models_at_most_one_is_rolled_back_at_any_load() -> None:
    trials, wrong, _ = published_counts(IDENTICAL)
    assert trials >= 3000, "fewer show nothing"
    assert max(wrong) <= MAX_DENIED_SHARE * trials / 3


def test_of_a_hundred_models_that_take_half_as_long_again_at_most_one_is_missed_at_any_load() -> (
    None
):
    trials, wrong, flagged = published_counts(_SLOWER)
    assert trials >= 400
    assert max(map(sum, zip(wrong, flagged, strict=True))) <= MAX_MISSED_SHARE * trials


@pytest.mark.parametrize("candidate", [*GOOD, *BAD], ids=lambda one: one.name)
def test_a_sample_of_trials_agrees_with_the_table(candidate: Candidate) -> None:
    """Two trials at one load; the published share of wrong ones says how many of them may be."""
    load = seeded_random("error rates", candidate.name).choice(LOADS)
    found = count_errors(candidate, load, range(2), SEED_VARIABLE)
    trials, wrong, _ = published_counts(candidate)
    if wrong[LOADS.index(load)] == 0:
        assert found.wrong == 0, found.reasons
    assert found.trials <= trials


@pytest.mark.campaign
def test_the_table_is_what_the_command_makes() -> None:
    assert make_table(3000, 400, "edged") == published_table()
