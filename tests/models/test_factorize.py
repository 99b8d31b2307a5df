"""Low-rank factorisation."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edged_models.compression.checkpoint_network import checkpoint_network
from edged_models.compression.fine_tune_settings import FineTuneSettings
from edged_models.compression.low_rank import factorize, factorize_network
from edged_models.detector.checkpoint import Checkpoint
from edged_models.detector.weights import restore_net
from edged_models.errors import ToolError


def factorize_checkpoint(checkpoint: Checkpoint, energy: float) -> Checkpoint:
    network = checkpoint_network(checkpoint, name="test")
    return factorize_network(network, None, energy=energy, tuning=FineTuneSettings()).checkpoint


def matrix_of_rank(rank: int, rows: int, columns: int) -> np.ndarray:
    rng = np.random.default_rng([rank, rows, columns])
    return (rng.normal(size=(rows, rank)) @ rng.normal(size=(rank, columns))).astype(np.float32)


def test_finds_the_rank_of_a_product() -> None:
    matrix = matrix_of_rank(3, 40, 24)
    factors = factorize(matrix, energy=1 - 1e-9)
    assert factors is not None
    assert factors.rank == 3
    np.testing.assert_allclose(factors.first @ factors.second, matrix, atol=1e-4)


def test_factors_that_are_not_smaller_are_discarded() -> None:
    noise = np.random.default_rng(1).normal(size=(16, 16)).astype(np.float32)
    assert factorize(noise, energy=0.99) is None


@given(st.integers(2, 40), st.integers(2, 40), st.floats(0.3, 0.99, allow_nan=False))
@settings(max_examples=50, deadline=None)
def test_keeps_the_energy_and_is_smaller(rows: int, columns: int, energy: float) -> None:
    rng = np.random.default_rng([rows, columns])
    matrix = (rng.normal(size=(rows, columns)) * 0.5 ** np.arange(columns)).astype(np.float32)
    factors = factorize(matrix, energy=energy)
    if factors is not None:
        lost = np.sum((factors.first @ factors.second - matrix) ** 2) / np.sum(matrix**2)
        assert lost <= 1 - energy + 1e-5
        assert factors.first.size + factors.second.size < matrix.size


def nearly_of_rank(checkpoint: Checkpoint, rank: int) -> Checkpoint:
    """Return the network with pointwise kernels of nearly this rank, as trained networks have them."""
    rng = np.random.default_rng(5)
    weights = dict(checkpoint.weights)
    for name, array in weights.items():
        if name.endswith("/kernel") and array.shape[:2] == (1, 1):
            matrix = matrix_of_rank(rank, *array.shape[2:])
            weights[name] = (matrix + 0.02 * rng.normal(size=matrix.shape))[None, None].astype(
                np.float32
            )
    return replace(checkpoint, weights=weights)


def test_a_factorised_network_is_smaller_and_has_similar_outputs(checkpoint: Checkpoint) -> None:
    picture = np.random.default_rng(1).random((1, 96, 96, 3), np.float32)

    def boxes(network: Checkpoint) -> np.ndarray:
        return restore_net(network)(picture, training=False)[0].numpy()

    trained = nearly_of_rank(checkpoint, 2)
    factorized = factorize_checkpoint(trained, 0.99)
    assert max(factorized.architecture.ranks.values()) <= 2
    assert factorized.count_parameters() < 0.95 * checkpoint.count_parameters()
    difference = np.abs(boxes(factorized) - boxes(trained)).mean()
    assert 0 < difference < 0.1 * np.abs(boxes(trained)).mean()


def test_nothing_to_factorise(checkpoint: Checkpoint) -> None:
    with pytest.raises(ToolError, match="nothing to factorise"):
        factorize_checkpoint(checkpoint, 1.0)


def test_factorised_layers_are_not_factorised_again(checkpoint: Checkpoint) -> None:
    kernels = {"stage32a_point/kernel": matrix_of_rank(1, 32, 32)[None, None]}
    few = factorize_checkpoint(replace(checkpoint, weights=checkpoint.weights | kernels), 0.95)
    more = factorize_checkpoint(few, 0.5)
    assert few.architecture.ranks == {"stage32a_point": 1}
    assert set(few.architecture.ranks) < set(more.architecture.ranks)
    assert more.architecture.ranks["stage32a_point"] == 1
    np.testing.assert_array_equal(
        more.weights["stage32a_point/kernel"], few.weights["stage32a_point/kernel"]
    )
