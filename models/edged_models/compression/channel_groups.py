"""Groups of channels that must be pruned together, so that the layers still fit one another."""

from dataclasses import dataclass

import msgspec

from edged.families.ssd_raw import STRIDES_PX
from edged_models.detector.architecture import Architecture

_INPUT, _OUTPUT = 2, 3
"""Axes of a convolution's kernel (height, width, in, out); the channels of a depthwise one are on axis 2."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelGroup:
    """Channels of several layers that are added to one another or passed on, and so are kept or removed together.

    Attributes:
        name: name of this part of the network.
        count: number of channels.
        producers: convolutions that have them as outputs; each is followed by a normalisation.
        depthwise: depthwise convolutions on them; each is followed by a normalisation.
        consumers: convolutions that have them as inputs.
    """

    name: str
    count: int
    producers: tuple[str, ...]
    depthwise: tuple[str, ...]
    consumers: tuple[str, ...]

    def list_norms(self) -> tuple[str, ...]:
        """Return the normalisations of these channels."""
        return tuple(f"{name}_norm" for name in self.producers + self.depthwise)

    def list_kernels(self) -> list[tuple[str, int]]:
        """Return the kernels that have these channels, each with the axis."""
        return [
            *((f"{name}/kernel", _OUTPUT) for name in self.producers),
            *((f"{name}/depthwise_kernel", _INPUT) for name in self.depthwise),
            *((f"{name}/kernel", _INPUT) for name in self.consumers),
        ]


def list_channel_groups(architecture: Architecture) -> tuple[ChannelGroup, ...]:
    """Return all groups of a network; they cover all channels but those of its input and outputs."""
    levels = range(len(STRIDES_PX))
    return (
        ChannelGroup(
            name="stem",
            count=architecture.stem,
            producers=("stem",),
            depthwise=(),
            consumers=("stage4",),
        ),
        ChannelGroup(
            name="stage4",
            count=architecture.stages[0],
            producers=("stage4",),
            depthwise=(),
            consumers=("stage8",),
        ),
        *(_stage_group(architecture, index) for index in levels),
        _pyramid_group(architecture),
        *(group for index in levels for group in _head_groups(architecture, index)),
    )


def replace_channel_counts(architecture: Architecture, counts: dict[str, int]) -> Architecture:
    """Return the architecture with other numbers of channels, which are given by group."""
    return msgspec.structs.replace(
        architecture,
        stem=counts["stem"],
        stages=(counts["stage4"], *(counts[f"stage{stride}"] for stride in STRIDES_PX)),
        pyramid=counts["pyramid"],
        heads=tuple(
            (counts[f"head{stride}_a"], counts[f"head{stride}_b"]) for stride in STRIDES_PX
        ),
    )


def _stage_group(architecture: Architecture, index: int) -> ChannelGroup:
    """Return the group of a stage: its convolution and its two separable blocks, which are added up."""
    stride_px = STRIDES_PX[index]
    name = f"stage{stride_px}"
    next_stage = (f"stage{2 * stride_px}",) if index + 1 < len(STRIDES_PX) else ()
    blocks = (f"{name}a", f"{name}b")
    pointwise = tuple(f"{block}_point" for block in blocks)
    return ChannelGroup(
        name=name,
        count=architecture.stages[index + 1],
        producers=(name, *pointwise),
        depthwise=tuple(f"{block}_depth" for block in blocks),
        consumers=_input_layers(architecture, (*pointwise, *next_stage, f"lateral{stride_px}")),
    )


def _pyramid_group(architecture: Architecture) -> ChannelGroup:
    """Return the group of the feature pyramid: laterals and merged features of all levels, which are added up."""
    merged = tuple(f"pyramid{stride}" for stride in STRIDES_PX[:-1])
    heads = tuple(f"head{stride}_a" for stride in STRIDES_PX)
    pointwise = tuple(f"{name}_point" for name in merged)
    laterals = tuple(f"lateral{stride}" for stride in STRIDES_PX)
    return ChannelGroup(
        name="pyramid",
        count=architecture.pyramid,
        producers=(*laterals, *pointwise),
        depthwise=tuple(f"{name}_depth" for name in merged + heads),
        consumers=_input_layers(architecture, (*pointwise, *(f"{name}_point" for name in heads))),
    )


def _head_groups(architecture: Architecture, index: int) -> tuple[ChannelGroup, ChannelGroup]:
    name = f"head{STRIDES_PX[index]}"
    first, second = architecture.heads[index]
    return (
        ChannelGroup(
            name=f"{name}_a",
            count=first,
            producers=(f"{name}_a_point",),
            depthwise=(f"{name}_b_depth",),
            consumers=_input_layers(architecture, (f"{name}_b_point",)),
        ),
        ChannelGroup(
            name=f"{name}_b",
            count=second,
            producers=(f"{name}_b_point",),
            depthwise=(),
            consumers=(f"{name}_box", f"{name}_score"),
        ),
    )


def _input_layers(architecture: Architecture, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the layers that take the inputs of these convolutions: for a factorised one, its first factor."""
    return tuple(f"{name}_thin" if name in architecture.ranks else name for name in names)
