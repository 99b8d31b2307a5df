"""Channel pruning: groups of channels, and that removing channels is the same as zeroing them."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from edged.marks import MARK_LABELS
from edged_models.compression.channel_groups import list_channel_groups, replace_channel_counts
from edged_models.compression.channel_pruning import (
    measure_importance,
    prune_channels,
    scale_width,
    select_channels,
)
from edged_models.compression.low_rank import factorize_checkpoint
from edged_models.detector.architecture import Architecture
from edged_models.detector.checkpoint import Checkpoint, Origin
from edged_models.detector.net import build
from edged_models.detector.weights import extract_weights, restore_net
from edged_models.errors import ToolError
from edged_models.tensorflow import keras


@pytest.fixture(scope="module")
def wide() -> Checkpoint:
    """Return a network of half the standard width, with normalisations that differ from the identity."""
    keras.utils.set_random_seed(3)
    architecture = Architecture.of_width(MARK_LABELS, 0.5)
    rng = np.random.default_rng(3)
    weights = {
        name: rng.uniform(0.5, 1.5, array.shape).astype(np.float32) if "_norm/" in name else array
        for name, array in extract_weights(build(architecture)).items()
    }
    return Checkpoint(
        architecture=architecture, side_px=96, weights=weights, origin=Origin(command="test")
    )


def outputs(checkpoint: Checkpoint) -> list[NDArray[np.float32]]:
    picture = np.random.default_rng(1).random((1, 96, 96, 3), np.float32)
    return [one.numpy() for one in restore_net(checkpoint, side_px=96)(picture, training=False)]


def with_zeroed_channels(checkpoint: Checkpoint, kept: dict[str, NDArray[np.intp]]) -> Checkpoint:
    """Return the wide network with the scale and shift of all other channels set to zero."""
    weights = dict(checkpoint.weights)
    for group in list_channel_groups(checkpoint.architecture):
        mask = np.isin(np.arange(group.count), kept[group.name])
        for norm in group.list_norms():
            for variable in ("gamma", "beta"):
                weights[f"{norm}/{variable}"] = weights[f"{norm}/{variable}"] * mask
    return replace(checkpoint, weights=weights)


def random_halves(checkpoint: Checkpoint) -> dict[str, NDArray[np.intp]]:
    rng = np.random.default_rng(2)
    return {
        group.name: np.sort(rng.permutation(group.count)[: group.count // 2])
        for group in list_channel_groups(checkpoint.architecture)
    }


def test_removing_channels_is_the_same_as_zeroing_them(wide: Checkpoint) -> None:
    kept = random_halves(wide)
    narrow = select_channels(wide, kept)
    zeroed = with_zeroed_channels(wide, kept)
    for removed, zero, original in zip(
        outputs(narrow), outputs(zeroed), outputs(wide), strict=True
    ):
        np.testing.assert_allclose(removed, zero, atol=1e-4)
        assert np.abs(original - zero).max() > 1e-2
    assert narrow.count_parameters() < 0.4 * wide.count_parameters()


def test_a_factorised_network_can_be_pruned(wide: Checkpoint) -> None:
    factorized = factorize_checkpoint(wide, 0.7)
    kept = random_halves(factorized)
    narrow = select_channels(factorized, kept)
    zeroed = with_zeroed_channels(factorized, kept)
    assert narrow.architecture.ranks
    for removed, zero in zip(outputs(narrow), outputs(zeroed), strict=True):
        np.testing.assert_allclose(removed, zero, atol=1e-4)


def test_every_kernel_with_channels_is_in_a_group(wide: Checkpoint) -> None:
    named = {
        name for group in list_channel_groups(wide.architecture) for name, _ in group.list_kernels()
    }
    assert named == {name for name in wide.weights if name.endswith("kernel")}


def test_counts_of_groups_are_those_of_the_architecture(wide: Checkpoint) -> None:
    counts = {group.name: group.count for group in list_channel_groups(wide.architecture)}
    assert replace_channel_counts(wide.architecture, counts) == wide.architecture


def test_an_unused_channel_is_the_least_important(wide: Checkpoint) -> None:
    weights = dict(wide.weights)
    weights["stage4/kernel"] = weights["stage4/kernel"].copy()
    weights["stage4/kernel"][:, :, 3] = 0
    stem = list_channel_groups(wide.architecture)[0]
    scores = measure_importance(stem, weights)
    assert scores.shape == (stem.count,)
    assert scores.argmin() == 3


def test_about_the_requested_share_of_channels_is_removed(wide: Checkpoint) -> None:
    before = sum(group.count for group in list_channel_groups(wide.architecture))
    narrow = prune_channels(wide, 0.4)
    after = sum(group.count for group in list_channel_groups(narrow.architecture))
    assert after / before == pytest.approx(0.6, abs=0.08)
    assert [o.shape for o in outputs(narrow)] == [o.shape for o in outputs(wide)]


def test_no_group_loses_much_more_than_the_share(wide: Checkpoint) -> None:
    weights = dict(wide.weights)
    for name in ("stage32", "stage32a_point", "stage32b_point"):
        weights[f"{name}_norm/gamma"] = np.where(np.arange(64) < 8, 1, 1e-3).astype(np.float32)
    before = {group.name: group.count for group in list_channel_groups(wide.architecture)}
    narrow = prune_channels(replace(wide, weights=weights), 0.4)
    for group in list_channel_groups(narrow.architecture):
        assert group.count >= (1 - 1.5 * 0.4) * before[group.name]


def test_scaling_the_width_removes_the_same_share_from_every_group(wide: Checkpoint) -> None:
    narrow = scale_width(wide, 0.5)
    assert narrow.architecture == Architecture.of_width(MARK_LABELS, 0.25)


def test_nothing_to_prune(wide: Checkpoint) -> None:
    with pytest.raises(ToolError, match=r"nothing to prune: a width of 0\.99 removes no channel"):
        scale_width(wide, 0.99)
