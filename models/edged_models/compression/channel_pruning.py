"""Pruning by channel: the least important channels of every part go, and the net is narrower and faster."""

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
"""Channels are kept in such steps: the runtimes' kernels take so many at once."""
_MAX_SHARE_FACTOR = 1.5
"""No part loses more than so many times the share: where a few channels are all there is, each is worth more than it seems."""
_MIN_KEPT_SHARE = 0.25


def prune_channels(checkpoint: Checkpoint, share: float) -> Checkpoint:
    """Remove that share of all channels, the least important ones wherever they are.

    No part is left with too few, and counts are rounded to what the runtimes compute at once, so that the share is reached
    roughly.

    Raises:
        ToolError: nothing would be removed.
    """
    groups = list_channel_groups(checkpoint.architecture)
    scores = {group.name: measure_importance(group, checkpoint.weights) for group in groups}
    # Parts differ in scale: a channel is compared by how much it matters among its own.
    every = np.concatenate([scores[group.name] / scores[group.name].mean() for group in groups])
    limit = np.sort(every)[round(share * len(every))]
    least = max(_MIN_KEPT_SHARE, 1 - _MAX_SHARE_FACTOR * share)
    counts = {}
    for group in groups:
        relative = scores[group.name] / scores[group.name].mean()
        wanted = _round_count(group, int((relative >= limit).sum()))
        counts[group.name] = max(wanted, _round_count_up(group, least * group.count))
    return _keep_best_channels(
        checkpoint, groups, scores, counts, requested=f"a share of {share:g}"
    )


def scale_width(checkpoint: Checkpoint, width: float) -> Checkpoint:
    """Keep that share of every part's channels, the most important ones: a width multiplier that starts from what was learnt.

    Raises:
        ToolError: nothing would be removed.
    """
    groups = list_channel_groups(checkpoint.architecture)
    scores = {group.name: measure_importance(group, checkpoint.weights) for group in groups}
    counts = {group.name: _round_count(group, width * group.count) for group in groups}
    return _keep_best_channels(
        checkpoint, groups, scores, counts, requested=f"a width of {width:g}"
    )


def measure_importance(group: ChannelGroup, weights: Mapping[str, F32]) -> F32:
    """(count,) how much each channel matters: how far it swings times how strongly it is read.

    It swings as far as the normalisations' scales let it (Liu et al. 2017, network slimming); it is read with the L1 norm
    of the next kernels' weights for it (Li et al. 2017, of the kernels that write it: normalised away here).
    """
    swing = sum(np.abs(weights[f"{name}_norm/gamma"]) for name in group.producers)
    read = np.zeros(group.count, np.float32)
    for name in group.consumers:
        norm = np.abs(weights[f"{name}/kernel"]).sum(axis=(0, 1, 3))
        read += norm / max(float(norm.mean()), 1e-12)
    return np.asarray(swing * read, np.float32)


def select_channels(checkpoint: Checkpoint, kept: Mapping[str, NDArray[np.intp]]) -> Checkpoint:
    """Keep some channels.

    Args:
        checkpoint: the wide net.
        kept: for each group by name, the indices of its channels that stay, ascending.
    """
    groups = list_channel_groups(checkpoint.architecture)
    weights = dict(checkpoint.weights)
    for group in groups:
        for name, axis in group.list_kernels():
            weights[name] = np.take(weights[name], kept[group.name], axis=axis)
        for norm in group.list_norms():
            for variable in ("gamma", "beta", "moving_mean", "moving_variance"):
                name = f"{norm}/{variable}"
                weights[name] = weights[name][kept[group.name]]
    counts = {name: len(indices) for name, indices in kept.items()}
    return replace(
        checkpoint,
        architecture=replace_channel_counts(checkpoint.architecture, counts),
        weights=weights,
    )


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
            f"nothing to prune: {requested} takes no channel from any part of the net "
            f"({', '.join(f'{group.name} {group.count}' for group in groups)}; kept in steps of {_CHANNEL_STEP})"
        )
    best = {
        name: np.sort(np.argsort(-scores[name], kind="stable")[:count])
        for name, count in counts.items()
    }
    return select_channels(checkpoint, best)


def _round_count(group: ChannelGroup, wanted: float) -> int:
    step = _channel_step(group)
    return min(group.count, max(step, round(wanted / step) * step))


def _round_count_up(group: ChannelGroup, wanted: float) -> int:
    step = _channel_step(group)
    return min(group.count, math.ceil(wanted / step) * step)


def _channel_step(group: ChannelGroup) -> int:
    return _STEM_STEP if group.name == "stem" else _CHANNEL_STEP
