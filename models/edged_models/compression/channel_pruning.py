"""Channel pruning: the least important channels are removed, and the network is smaller and faster."""

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edged_models.compression.channel_groups import (
    ChannelGroup,
    list_channel_groups,
    replace_channel_counts,
)
from edged_models.detector.checkpoint import Checkpoint
from edged_models.errors import ToolError

F32 = NDArray[np.float32]

_CHANNEL_STEP = 8
_STEM_STEP = 4
"""Numbers of channels are multiples of these steps: the runtimes' kernels compute so many at once."""
_MAX_SHARE_FACTOR = 1.5
"""No group loses more than so many times the share: in a small group each channel matters more than its score says."""
_MIN_KEPT_SHARE = 0.25


def prune_channels(checkpoint: Checkpoint, share: float) -> Checkpoint:
    """Remove a share of all channels, the least important ones in the whole network.

    The result has only about this share: every group keeps some channels, and their numbers are rounded to steps.

    Raises:
        ToolError: no channel would be removed.
    """
    groups = list_channel_groups(checkpoint.architecture)
    scores = {group.name: measure_importance(group, checkpoint.weights) for group in groups}
    counts = _count_kept(groups, scores, share)
    return _keep_best_channels(
        checkpoint, groups, scores, counts, requested=f"a share of {share:g}"
    )


def scale_width(checkpoint: Checkpoint, width: float) -> Checkpoint:
    """Keep a share of every group's channels, the most important ones: a width multiplier with trained weights.

    Raises:
        ToolError: no channel would be removed.
    """
    groups = list_channel_groups(checkpoint.architecture)
    scores = {group.name: measure_importance(group, checkpoint.weights) for group in groups}
    counts = {group.name: _round_count(group, width * group.count) for group in groups}
    return _keep_best_channels(
        checkpoint, groups, scores, counts, requested=f"a width of {width:g}"
    )


def measure_importance(group: ChannelGroup, weights: Mapping[str, F32]) -> F32:
    """Measure how important each channel of a group is.

    The score is the channel's amplitude times the weight that later layers give it. The amplitude is the scale of its
    normalisations (Liu et al. 2017, network slimming). The weight is the L1 norm of the consuming kernels (Li et al. 2017 take
    the producing kernels, which the normalisation makes meaningless here).

    Args:
        group: the channels.
        weights: the network's weights by ``layer/variable``: arrays of any shape, float32.

    Returns:
        (C,) float32, a score for each of the group's C channels.
    """
    amplitude = sum(np.abs(weights[f"{name}_norm/gamma"]) for name in group.producers)
    weight = np.zeros(group.count, np.float32)
    for name in group.consumers:
        norm = np.abs(weights[f"{name}/kernel"]).sum(axis=(0, 1, 3))
        weight += norm / max(float(norm.mean()), 1e-12)
    return np.asarray(amplitude * weight, np.float32)


def select_channels(checkpoint: Checkpoint, kept: Mapping[str, NDArray[np.intp]]) -> Checkpoint:
    """Return a narrower network that has only some of the channels.

    Args:
        checkpoint: the wide network.
        kept: for each group by name, (K,) intp: the ascending indices of its K channels to keep.
    """
    groups = list_channel_groups(checkpoint.architecture)
    weights = dict(checkpoint.weights)
    for group in groups:
        _narrow_weights(weights, group, kept[group.name])
    counts = {name: len(indices) for name, indices in kept.items()}
    return replace(
        checkpoint,
        architecture=replace_channel_counts(checkpoint.architecture, counts),
        weights=weights,
    )


def _count_kept(
    groups: tuple[ChannelGroup, ...], scores: Mapping[str, F32], share: float
) -> dict[str, int]:
    """Return how many channels of each group stay if a share of all channels is removed."""
    # Groups differ in scale, so scores are relative to the mean of the group.
    relative = {name: values / values.mean() for name, values in scores.items()}
    ordered = np.sort(np.concatenate(list(relative.values())))
    threshold = ordered[round(share * len(ordered))]
    min_share = max(_MIN_KEPT_SHARE, 1 - _MAX_SHARE_FACTOR * share)
    counts = {}
    for group in groups:
        count = _round_count(group, int((relative[group.name] >= threshold).sum()))
        counts[group.name] = max(count, _round_count_up(group, min_share * group.count))
    return counts


def _narrow_weights(weights: dict[str, F32], group: ChannelGroup, kept: NDArray[np.intp]) -> None:
    """Keep only some of a group's channels, in place."""
    for name, axis in group.list_kernels():
        weights[name] = np.take(weights[name], kept, axis=axis)
    for norm in group.list_norms():
        for variable in ("gamma", "beta", "moving_mean", "moving_variance"):
            name = f"{norm}/{variable}"
            weights[name] = weights[name][kept]


def _keep_best_channels(
    checkpoint: Checkpoint,
    groups: tuple[ChannelGroup, ...],
    scores: Mapping[str, F32],
    counts: Mapping[str, int],
    *,
    requested: str,
) -> Checkpoint:
    if all(counts[group.name] == group.count for group in groups):
        raise ToolError(
            f"nothing to prune: {requested} removes no channel from any part of the network "
            f"({', '.join(f'{group.name} {group.count}' for group in groups)}; numbers of channels are multiples of {_CHANNEL_STEP})"
        )
    best = {
        name: np.sort(np.argsort(-scores[name], kind="stable")[:count])
        for name, count in counts.items()
    }
    return select_channels(checkpoint, best)


def _round_count(group: ChannelGroup, count: float) -> int:
    step = _channel_step(group)
    return min(group.count, max(step, round(count / step) * step))


def _round_count_up(group: ChannelGroup, count: float) -> int:
    step = _channel_step(group)
    return min(group.count, math.ceil(count / step) * step)


def _channel_step(group: ChannelGroup) -> int:
    return _STEM_STEP if group.name == "stem" else _CHANNEL_STEP
