"""Which channels of the net are the same channel: what must be cut together so that the rest still fits."""

from dataclasses import dataclass

import msgspec

from edged.families.ssd_raw import STRIDES_PX
from edged_models.detector.architecture import Architecture

_INPUT, _OUTPUT = 2, 3
"""Axes of a convolution's kernel (height, width, in, out); a depthwise one's channels are on axis 2."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelGroup:
    """Channels that are added to one another or pass through one another, and so live or die together.

    Attributes:
        name: of the part of the net.
        count: how many channels it has.
        producers: convolutions whose outputs they are; each has a normalisation behind it.
        depthwise: convolutions within each of them; each has a normalisation behind it.
        consumers: convolutions whose inputs they are.
    """

    name: str
    count: int
    producers: tuple[str, ...]
    depthwise: tuple[str, ...]
    consumers: tuple[str, ...]

    def list_norms(self) -> tuple[str, ...]:
        """The normalisations that have one entry a channel."""
        return tuple(f"{name}_norm" for name in self.producers + self.depthwise)

    def list_kernels(self) -> list[tuple[str, int]]:
        """Every kernel that has these channels, and on which axis."""
        return [
            *((f"{name}/kernel", _OUTPUT) for name in self.producers),
            *((f"{name}/depthwise_kernel", _INPUT) for name in self.depthwise),
            *((f"{name}/kernel", _INPUT) for name in self.consumers),
        ]


def list_channel_groups(architecture: Architecture) -> tuple[ChannelGroup, ...]:
    """All groups of a net; what is in none is its input and its outputs."""
    of = architecture
    return (
        ChannelGroup(
            name="stem", count=of.stem, producers=("stem",), depthwise=(), consumers=("stage4",)
        ),
        ChannelGroup(
            name="stage4",
            count=of.stages[0],
            producers=("stage4",),
            depthwise=(),
            consumers=("stage8",),
        ),
        *(_stage_group(of, index) for index in range(len(STRIDES_PX))),
        _pyramid_group(of),
        *(group for index in range(len(STRIDES_PX)) for group in _head_groups(of, index)),
    )


def replace_channel_counts(architecture: Architecture, counts: dict[str, int]) -> Architecture:
    """The same net with other numbers of channels, by group."""
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
    """A stage's convolution and its two separable blocks: one sum."""
    stride_px = STRIDES_PX[index]
    name = f"stage{stride_px}"
    following = (f"stage{2 * stride_px}",) if index + 1 < len(STRIDES_PX) else ()
    blocks = (f"{name}a", f"{name}b")
    inner = tuple(f"{block}_point" for block in blocks)
    return ChannelGroup(
        name=name,
        count=architecture.stages[index + 1],
        producers=(name, *inner),
        depthwise=tuple(f"{block}_depth" for block in blocks),
        consumers=_input_layers(architecture, (*inner, *following, f"lateral{stride_px}")),
    )


def _pyramid_group(architecture: Architecture) -> ChannelGroup:
    """The laterals, what is merged from them, and what the heads are fed with: one sum through all levels."""
    merged = tuple(f"pyramid{stride}" for stride in STRIDES_PX[:-1])
    fed = tuple(f"head{stride}_a" for stride in STRIDES_PX)
    inner = tuple(f"{name}_point" for name in merged)
    laterals = tuple(f"lateral{stride}" for stride in STRIDES_PX)
    return ChannelGroup(
        name="pyramid",
        count=architecture.pyramid,
        producers=(*laterals, *inner),
        depthwise=tuple(f"{name}_depth" for name in merged + fed),
        consumers=_input_layers(architecture, (*inner, *(f"{name}_point" for name in fed))),
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
    """The layers that take the inputs of these: the thin one, where a convolution is in two."""
    return tuple(f"{name}_thin" if name in architecture.ranks else name for name in names)
