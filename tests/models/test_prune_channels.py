"""Channel pruning: groups of channels, and that removing channels is the same as zeroing them."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from edged.marks import MARK_LABELS
from edged_models.compression.channel_groups import ChannelGraph, read_channel_graph
from edged_models.compression.channel_pruning import (
    measure_importance,
    narrow_model,
    remove_channels,
)
from edged_models.compression.checkpoint_network import CheckpointNetwork, checkpoint_network
from edged_models.compression.low_rank import factorize_model, list_ranks
from edged_models.detector.architecture import Architecture
from edged_models.detector.checkpoint import Checkpoint, Origin
from edged_models.detector.net import build
from edged_models.detector.weights import extract_weights
from edged_models.errors import ToolError
from edged_models.tensorflow import keras, layers


@pytest.fixture(scope="module")
def wide() -> CheckpointNetwork:
    """Return a network of half the standard width, with normalisations that differ from the identity."""
    keras.utils.set_random_seed(3)
    architecture = Architecture.of_width(MARK_LABELS, 0.5)
    rng = np.random.default_rng(3)
    weights = {
        name: rng.uniform(0.5, 1.5, array.shape).astype(np.float32) if "_norm/" in name else array
        for name, array in extract_weights(build(architecture)).items()
    }
    checkpoint = Checkpoint(
        architecture=architecture, side_px=96, weights=weights, origin=Origin(command="test")
    )
    return checkpoint_network(checkpoint, name="wide")


def with_weights(network: CheckpointNetwork, **changes: NDArray[np.float32]) -> CheckpointNetwork:
    weights = network.checkpoint.weights | {
        name.replace("__", "/"): array for name, array in changes.items()
    }
    return checkpoint_network(replace(network.checkpoint, weights=weights), name=network.name)


def graph_of(network: CheckpointNetwork) -> ChannelGraph:
    return read_channel_graph(network.model, network.tied_layers)


def outputs(model: keras.Model) -> list[NDArray[np.float32]]:
    shape = [1, *(side or 96 for side in model.inputs[0].shape[1:])]
    picture = np.random.default_rng(1).random(shape, np.float32)
    found = model(picture, training=False)
    return [one.numpy() for one in (found if isinstance(found, list) else [found])]


def random_halves(graph: ChannelGraph) -> dict[str, NDArray[np.intp]]:
    rng = np.random.default_rng(2)
    return {
        group.name: np.sort(rng.permutation(group.count)[: group.count // 2])
        for group in graph.groups
    }


def zero_consumers(graph: ChannelGraph, kept: dict[str, NDArray[np.intp]]) -> keras.Model:
    """Return the wide model in which no layer reads the channels that are not kept."""
    for group in graph.groups:
        removed = np.setdiff1d(np.arange(group.count), kept[group.name])
        for layer in group.consumers:
            kernel, *rest = layer.get_weights()
            # The inputs are on the last axis of a transposed convolution, else on the last but one.
            axis = -1 if isinstance(layer, layers.Conv2DTranspose) else -2
            np.moveaxis(kernel, axis, 0)[graph.locate(layer, group)[:, removed].ravel()] = 0
            layer.set_weights([kernel, *rest])
    return graph._model


def check_removing_is_zeroing(model: keras.Model, tied: tuple[tuple[str, ...], ...] = ()) -> None:
    graph = read_channel_graph(model, tied)
    kept = random_halves(graph)
    assert kept
    narrow = graph.keep(kept)
    zeroed = zero_consumers(graph, kept)
    for removed, zero, original in zip(
        outputs(narrow), outputs(zeroed), outputs(model), strict=True
    ):
        np.testing.assert_allclose(removed, zero, atol=1e-4)
        assert np.abs(original - zero).max() > 1e-3
    assert narrow.count_params() < 0.7 * model.count_params()


def test_removing_channels_is_the_same_as_zeroing_them(wide: CheckpointNetwork) -> None:
    check_removing_is_zeroing(wide.model, wide.tied_layers)


def test_a_factorised_network_can_be_pruned(wide: CheckpointNetwork) -> None:
    factorized = factorize_model(wide.model, 0.7, whole=wide.whole_layers)
    assert list_ranks(factorized)
    check_removing_is_zeroing(factorized, wide.tied_layers)


def test_channels_are_followed_through_any_graph() -> None:
    keras.utils.set_random_seed(5)
    image = layers.Input((16, 16, 3))
    x = layers.Conv2D(16, 3, padding="same", activation="relu")(image)
    branch = layers.SeparableConv2D(16, 3, padding="same")(x)
    gate = layers.Dense(16, activation="sigmoid")(layers.GlobalAveragePooling2D(keepdims=True)(x))
    x = layers.Multiply()([layers.Add()([x, branch]), gate])
    y = layers.PReLU(shared_axes=[1, 2])(layers.Conv2DTranspose(8, 2, 2)(x))
    y = layers.MaxPooling2D()(layers.BatchNormalization()(y))
    x = layers.Concatenate()([x, y, layers.LeakyReLU()(x)])
    inner = layers.Input((16, 16, 40))
    nested = keras.Model(inner, layers.Conv2D(8, 1, activation="swish")(inner))
    x = layers.Flatten()(layers.AveragePooling2D(4)(nested(x)))
    check_removing_is_zeroing(keras.Model(image, layers.Dense(5)(layers.Dense(16)(x))))


def test_a_layer_that_cannot_be_followed_is_named() -> None:
    image = layers.Input((8, 8, 3))
    x = layers.Conv2D(16, 3, padding="same")(image)
    x = layers.LayerNormalization(name="per_pixel")(x)
    model = keras.Model(image, layers.Dense(2)(layers.GlobalMaxPooling2D()(x)))
    with pytest.raises(ToolError, match=r"cannot be followed through per_pixel \(LayerNorm"):
        remove_channels(model, 0.5)


def test_a_layer_after_grouped_channels_keeps_them() -> None:
    image = layers.Input((8, 8, 3))
    x = layers.Conv2D(16, 3, name="free")(layers.Conv2D(16, 3, name="kept")(image))
    x = layers.Conv2D(16, 3, groups=2, name="grouped")(layers.Conv2D(16, 1, name="also_kept")(x))
    graph = read_channel_graph(keras.Model(image, layers.Dense(2)(x)))
    assert [group.name for group in graph.groups] == ["kept", "free"]
    assert graph.blockers == ("grouped (Conv2D)",)


def test_every_channel_of_the_detector_is_in_a_group(wide: CheckpointNetwork) -> None:
    graph = graph_of(wide)
    producers = {layer.name for group in graph.groups for layer in group.producers}
    named = {
        layer.name for layer in wide.model.layers if type(layer) is layers.Conv2D
    } - wide.whole_layers
    assert producers == named
    assert graph.blockers == ()


def test_an_unused_channel_is_the_least_important(wide: CheckpointNetwork) -> None:
    kernel = wide.checkpoint.weights["stage4/kernel"].copy()
    kernel[:, :, 3] = 0
    graph = graph_of(with_weights(wide, stage4__kernel=kernel))
    stem = graph.groups[0]
    scores = measure_importance(graph, stem)
    assert scores.shape == (stem.count,)
    assert scores.argmin() == 3


def test_about_the_requested_share_of_channels_is_removed(wide: CheckpointNetwork) -> None:
    before = sum(group.count for group in graph_of(wide).groups)
    narrow = wide.with_model(remove_channels(wide.model, 0.4, tied=wide.tied_layers))
    after = sum(group.count for group in graph_of(narrow).groups)
    assert after / before == pytest.approx(0.6, abs=0.08)
    assert [o.shape for o in outputs(narrow.model)] == [o.shape for o in outputs(wide.model)]


def test_no_group_loses_much_more_than_the_share(wide: CheckpointNetwork) -> None:
    gamma = np.where(np.arange(64) < 8, 1, 1e-3).astype(np.float32)
    norms = ("stage32", "stage32a_point", "stage32b_point")
    uneven = with_weights(wide, **{f"{name}_norm__gamma": gamma for name in norms})
    before = {group.name: group.count for group in graph_of(uneven).groups}
    narrow = uneven.with_model(remove_channels(uneven.model, 0.4, tied=uneven.tied_layers))
    for group in graph_of(narrow).groups:
        assert group.count >= (1 - 1.5 * 0.4) * before[group.name]


def test_scaling_the_width_removes_the_same_share_from_every_group(wide: CheckpointNetwork) -> None:
    narrow = wide.with_model(narrow_model(wide.model, 0.5, tied=wide.tied_layers))
    assert narrow.checkpoint.architecture == Architecture.of_width(MARK_LABELS, 0.25)


def test_nothing_to_prune(wide: CheckpointNetwork) -> None:
    with pytest.raises(ToolError, match=r"nothing to prune: a width of 0\.99 removes no channel"):
        narrow_model(wide.model, 0.99, tied=wide.tied_layers)
