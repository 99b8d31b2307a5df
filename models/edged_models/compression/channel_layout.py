"""The channels of tensors: which of them are the same as those of other tensors, so that they must be removed together."""

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(eq=False, slots=True)
class ChannelSet:
    """Channels that are kept or removed together; sets that turn out to be the same are joined.

    Attributes:
        count: number of channels.
        blocker: the layer that keeps them from being removed; None if there is none.
        joined: the set with which it was joined; None for none.
    """

    count: int
    blocker: str | None = None
    joined: "ChannelSet | None" = None

    def resolve(self) -> "ChannelSet":
        """Return the set that stands for all that were joined."""
        one = self
        while one.joined is not None:
            one = one.joined
        return one

    def block(self, blocker: str) -> None:
        """Keep all channels, because of a layer."""
        one = self.resolve()
        one.blocker = one.blocker or blocker

    def join(self, other: "ChannelSet") -> None:
        """Make both sets the same."""
        first, second = self.resolve(), other.resolve()
        if first is not second:
            second.joined = first
            first.blocker = first.blocker or second.blocker


@dataclass(frozen=True, slots=True)
class ChannelLayout:
    """The last axis of a tensor.

    Attributes:
        sets: the sets of channels that lie one after another.
        tiles: how many times the whole sequence is repeated, as after flattening: once for each position of a picture.
    """

    sets: tuple[ChannelSet, ...]
    tiles: int = 1

    @property
    def count(self) -> int:
        """The length of the axis."""
        return self.tiles * sum(one.count for one in self.sets)

    def block(self, blocker: str) -> None:
        """Keep all channels, because of a layer."""
        for one in self.sets:
            one.block(blocker)


@dataclass(slots=True)
class LayerChannels:
    """The channels on the axes of a layer's weights.

    Attributes:
        inputs: those of its input.
        outputs: those of its output.
    """

    inputs: ChannelLayout
    outputs: ChannelLayout


@dataclass(slots=True)
class ChannelTrace:
    """All channels of a graph.

    Attributes:
        layers: by the id of a layer that has weights or a shape that depends on channels.
        sources: by the id of a normalisation, the layer whose output it normalises.
    """

    layers: dict[int, LayerChannels] = field(default_factory=dict)
    sources: dict[int, int] = field(default_factory=dict)


def join_layouts(layouts: Iterable[ChannelLayout], layer: str) -> ChannelLayout:
    """Join the channels of tensors that are combined value by value, and return those of the result; a single channel stays.

    Args:
        layouts: those of the tensors.
        layer: name of the layer that combines them.
    """
    widest = max(given := list(layouts), key=lambda one: one.count)
    for one in given:
        if one.count == 1 and widest.count > 1:
            one.block(layer)
        elif [part.count for part in one.sets] != [part.count for part in widest.sets] or (
            one.tiles != widest.tiles
        ):
            one.block(layer)
            widest.block(layer)
        else:
            for part, other in zip(widest.sets, one.sets, strict=True):
                part.join(other)
    return widest
