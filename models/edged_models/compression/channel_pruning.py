"""Channel pruning: the least important channels are removed, and the network is smaller and faster."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from edged_models.compression.channel_groups import ChannelGraph, ChannelGroup, read_channel_graph
from edged_models.compression.fine_tune_settings import (
    FineTuneSettings,
    StepCallback,
    ignore_progress,
)
from edged_models.compression.network import Network, NetworkTrainer
from edged_models.compression.recovery import recover
from edged_models.compression.training_steps import THOROUGH_RATE
from edged_models.errors import ToolError
from edged_models.tensorflow import keras

F32 = NDArray[np.float32]

_CHANNEL_STEP = 8
_FIRST_STEP = 4
"""Numbers of channels are multiples of these steps, the second one in the first layer: the runtimes' kernels compute so many at
once."""
_MAX_SHARE_FACTOR = 1.5
"""No group loses more than so many times the share: in a small group each channel matters more than its score says."""
_MIN_KEPT_SHARE = 0.25


def prune_channels(
    network: Network,
    trainer: NetworkTrainer | None,
    *,
    share: float,
    tuning: FineTuneSettings,
    progress: StepCallback = ignore_progress,
) -> Network:
    """Remove a share of all channels, the least important ones in the whole network.

    The result has only about this share: every group keeps some channels, and their numbers are rounded to steps.

    Args:
        network: the network.
        trainer: fine-tunes the result; None to leave it as it is.
        share: share of the channels to remove.
        tuning: settings of the fine-tuning.
        progress: called with the number of finished steps.

    Raises:
        ToolError: no channel would be removed, or the training fails.
    """
    changed = network.with_model(remove_channels(network.model, share, tied=network.tied_layers))
    return recover(changed, trainer, tuning=tuning, default_rate=THOROUGH_RATE, progress=progress)


def scale_width(
    network: Network,
    trainer: NetworkTrainer | None,
    *,
    width: float,
    tuning: FineTuneSettings,
    progress: StepCallback = ignore_progress,
) -> Network:
    """Keep a share of every group's channels, the most important ones: a width multiplier with trained weights.

    Args:
        network: the network.
        trainer: as in `prune_channels`.
        width: share of the channels to keep.
        tuning: settings of the fine-tuning.
        progress: as in `prune_channels`.

    Raises:
        ToolError: no channel would be removed, or the training fails.
    """
    changed = network.with_model(narrow_model(network.model, width, tied=network.tied_layers))
    return recover(changed, trainer, tuning=tuning, default_rate=THOROUGH_RATE, progress=progress)


def remove_channels(
    model: keras.Model, share: float, *, tied: Sequence[Sequence[str]] = ()
) -> keras.Model:
    """Return a copy of a model without a share of all channels, the least important ones.

    Args:
        model: a graph of layers.
        share: share of the channels to remove.
        tied: as in `read_channel_graph`.

    Raises:
        ToolError: no channel would be removed.
    """
    graph = read_channel_graph(model, tied)
    scores = {group.name: measure_importance(graph, group) for group in graph.groups}
    counts = _count_kept(graph.groups, scores, share)
    return _keep_best_channels(graph, scores, counts, requested=f"a share of {share:g}")


def narrow_model(
    model: keras.Model, width: float, *, tied: Sequence[Sequence[str]] = ()
) -> keras.Model:
    """Return a copy of a model with a share of every group's channels, the most important ones.

    Args:
        model: a graph of layers.
        width: share of the channels to keep.
        tied: as in `read_channel_graph`.

    Raises:
        ToolError: no channel would be removed.
    """
    graph = read_channel_graph(model, tied)
    scores = {group.name: measure_importance(graph, group) for group in graph.groups}
    counts = {group.name: _round_count(group, width * group.count) for group in graph.groups}
    return _keep_best_channels(graph, scores, counts, requested=f"a width of {width:g}")


def measure_importance(graph: ChannelGraph, group: ChannelGroup) -> F32:
    """Measure how important each channel of a group is.

    The score is the channel's amplitude, the scale of its normalisations (Liu et al. 2017) or without them the L1 norm of the
    producing kernels (Li et al. 2017), times the weight that later layers give it, the L1 norm of the consuming kernels.

    Args:
        graph: the graph of the group.
        group: the channels.

    Returns:
        (C,) float32, a score for each of the group's C channels.
    """
    scales = [np.abs(norm.gamma.numpy()) for norm in group.norms if norm.scale]
    amplitude = sum(scales) if scales else sum(_output_norm(one) for one in group.producers)
    weight = np.zeros(group.count, np.float32)
    for layer in group.consumers:
        norm = _input_norm(layer)[graph.locate(layer, group)].sum(axis=0)
        weight += norm / max(float(norm.mean()), 1e-12)
    return np.asarray(amplitude * weight, np.float32)


def _input_norm(layer: keras.layers.Layer) -> F32:
    kernel = np.abs(_cross_channel_kernel(layer))
    return np.asarray(
        kernel.sum(axis=tuple(axis for axis in range(kernel.ndim) if axis != kernel.ndim - 2))
    )


def _output_norm(layer: keras.layers.Layer) -> F32:
    kernel = np.abs(_cross_channel_kernel(layer))
    norm = kernel.sum(axis=tuple(range(kernel.ndim - 1)))
    return np.asarray(norm / max(float(norm.mean()), 1e-12))


def _cross_channel_kernel(layer: keras.layers.Layer) -> F32:
    """Return the kernel across channels, (..., in, out) float32."""
    weights = layer.get_weights()
    if isinstance(layer, keras.layers.SeparableConv2D):
        return np.asarray(weights[1])
    if isinstance(layer, keras.layers.Conv2DTranspose):
        return np.asarray(np.moveaxis(weights[0], -1, -2))
    return np.asarray(weights[0])


def _count_kept(
    groups: tuple[ChannelGroup, ...], scores: Mapping[str, F32], share: float
) -> dict[str, int]:
    """Return how many channels of each group stay if a share of all channels is removed."""
    if not groups:
        return {}
    # Groups differ in scale, so scores are relative to the mean of the group.
    relative = {name: values / max(float(values.mean()), 1e-12) for name, values in scores.items()}
    ordered = np.sort(np.concatenate(list(relative.values())))
    threshold = ordered[round(share * len(ordered))]
    min_share = max(_MIN_KEPT_SHARE, 1 - _MAX_SHARE_FACTOR * share)
    counts = {}
    for group in groups:
        count = _round_count(group, int((relative[group.name] >= threshold).sum()))
        counts[group.name] = max(count, _round_count_up(group, min_share * group.count))
    return counts


def _keep_best_channels(
    graph: ChannelGraph, scores: Mapping[str, F32], counts: Mapping[str, int], *, requested: str
) -> keras.Model:
    groups = graph.groups
    if all(counts[group.name] == group.count for group in groups):
        raise ToolError(_explain_nothing(graph, requested))
    best = {
        name: np.sort(np.argsort(-scores[name], kind="stable")[:count])
        for name, count in counts.items()
    }
    return graph.keep(best)


def _explain_nothing(graph: ChannelGraph, requested: str) -> str:
    blocked = f"channels cannot be followed through {', '.join(graph.blockers)}"
    if not graph.groups:
        reason = blocked if graph.blockers else "all channels are those of its inputs and outputs"
        return f"nothing to prune: no channel can be removed from the network; {reason}"
    parts = ", ".join(f"{group.name} {group.count}" for group in graph.groups)
    return (
        f"nothing to prune: {requested} removes no channel from any part of the network "
        f"({parts}; numbers of channels are multiples of {_CHANNEL_STEP})"
        + (f"; {blocked}" if graph.blockers else "")
    )


def _round_count(group: ChannelGroup, count: float) -> int:
    step = _channel_step(group)
    return min(group.count, max(step, round(count / step) * step))


def _round_count_up(group: ChannelGroup, count: float) -> int:
    step = _channel_step(group)
    return min(group.count, math.ceil(count / step) * step)


def _channel_step(group: ChannelGroup) -> int:
    return _FIRST_STEP if group.reads_input else _CHANNEL_STEP
