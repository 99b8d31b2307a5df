"""Groups of channels that must be pruned together, so that the layers still fit one another."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edged_models.compression.channel_layout import (
    ChannelLayout,
    ChannelSet,
    ChannelTrace,
    join_layouts,
)
from edged_models.compression.channel_trace import trace_channels
from edged_models.compression.keras_graph import LayerCopy, list_layers, rebuild_graph
from edged_models.tensorflow import keras

_L = keras.layers
Indices = NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChannelGroup:
    """Channels of several layers that are added to one another or passed on, and so are kept or removed together.

    Attributes:
        name: name of the first layer that has them as outputs.
        count: number of channels.
        producers: layers that have them as outputs.
        norms: normalisations of the producers' outputs.
        consumers: layers that have them as inputs.
        reads_input: whether a producer reads the network's input.
    """

    name: str
    count: int
    producers: tuple[Any, ...]
    norms: tuple[Any, ...]
    consumers: tuple[Any, ...]
    reads_input: bool


class ChannelGraph:
    """A model with its groups of channels."""

    def __init__(self, model: keras.Model, trace: ChannelTrace) -> None:
        self._model, self._trace = model, trace
        self._layers = [layer for layer in list_layers(model) if id(layer) in trace.layers]
        self._sets = self._list_sets()

    @property
    def groups(self) -> tuple[ChannelGroup, ...]:
        """The groups whose channels can be removed, in the order of execution."""
        return tuple(self._make_group(one) for one in self._sets if one.blocker is None)

    @property
    def blockers(self) -> tuple[str, ...]:
        """The layers that cannot be followed and so keep other channels, without inputs and outputs; each once."""
        named = [one.blocker for one in self._sets if one.blocker]
        return tuple(dict.fromkeys(one for one in named if not one.endswith("put)")))

    def locate(self, layer: Any, group: ChannelGroup) -> Indices:
        """Return where a group's channels lie on a layer's input axis: (T, C) intp for T repetitions of C channels."""
        layout = self._trace.layers[id(layer)].inputs
        wanted = self._trace.layers[id(group.producers[0])].outputs.sets[0].resolve()
        starts = np.cumsum([0, *(one.count for one in layout.sets)])
        rows = [
            tile * starts[-1] + start + np.arange(one.count)
            for tile in range(layout.tiles)
            for start, one in zip(starts, layout.sets, strict=False)
            if one.resolve() is wanted
        ]
        return np.stack(rows)

    def keep(self, kept: Mapping[str, Indices]) -> keras.Model:
        """Return a narrower model that has only some of the channels.

        Args:
            kept: for groups by name, (K,) intp: the ascending indices of the K channels to keep; other groups keep all.
        """
        by_set = {
            self._trace.layers[id(group.producers[0])].outputs.sets[0].resolve(): kept[group.name]
            for group in self.groups
            if group.name in kept
        }
        return rebuild_graph(self._model, lambda layer: self._narrow(layer, by_set))

    def _list_sets(self) -> list[ChannelSet]:
        """Return the sets of channels that layers have as outputs."""
        sets = [
            self._trace.layers[id(layer)].outputs.sets[0].resolve()
            for layer in self._layers
            if _produces(layer)
        ]
        return list(dict.fromkeys(sets))

    def _make_group(self, one: ChannelSet) -> ChannelGroup:
        channels = self._trace.layers
        producers = [
            layer
            for layer in self._layers
            if _produces(layer) and channels[id(layer)].outputs.sets[0].resolve() is one
        ]
        consumers = [
            layer
            for layer in self._layers
            if _produces(layer) and one in [s.resolve() for s in channels[id(layer)].inputs.sets]
        ]
        sources = {id(layer) for layer in producers}
        norms = [
            layer
            for layer in self._layers
            if isinstance(layer, _L.BatchNormalization)
            and self._trace.sources[id(layer)] in sources
        ]
        inputs = {id(layer) for layer in self._model.layers if isinstance(layer, _L.InputLayer)}
        return ChannelGroup(
            name=producers[0].name,
            count=one.count,
            producers=tuple(producers),
            norms=tuple(norms),
            consumers=tuple(consumers),
            reads_input=any(self._reads_input(layer, inputs) for layer in producers),
        )

    def _reads_input(self, layer: Any, inputs: set[int]) -> bool:
        source = self._trace.sources[id(layer)]
        while source not in inputs and source in self._trace.sources:
            one = next(layer for layer in self._layers if id(layer) == source)
            if one.weights:
                return False
            source = self._trace.sources[source]
        return source in inputs

    def _narrow(self, layer: Any, kept: Mapping[ChannelSet, Indices]) -> LayerCopy | None:
        channels = self._trace.layers.get(id(layer))
        if channels is None:
            return None
        inputs, outputs = (_select(one, kept) for one in (channels.inputs, channels.outputs))
        if len(inputs) == channels.inputs.count and len(outputs) == channels.outputs.count:
            return None
        config = layer.get_config()
        if isinstance(layer, _L.Reshape) and config["target_shape"][-1] != -1:
            config["target_shape"] = (*config["target_shape"][:-1], len(outputs))
        size = "units" if isinstance(layer, _L.Dense) else "filters"
        if _produces(layer):
            config[size] = len(outputs)
        return (
            LayerCopy((type(layer).from_config(config),), (_slice_weights(layer, inputs, outputs),))
            if layer.weights or isinstance(layer, _L.Reshape)
            else None
        )


def read_channel_graph(model: keras.Model, tied: Sequence[Sequence[str]] = ()) -> ChannelGraph:
    """Return the groups of channels of a graph of layers; nested models are dissolved.

    Args:
        model: the model.
        tied: names of layers whose channels must be removed together, though the graph would not demand it.
    """
    plain = rebuild_graph(model, lambda _: None)
    trace = trace_channels(plain)
    for names in tied:
        join_layouts([trace.layers[id(plain.get_layer(one))].outputs for one in names], names[0])
    return ChannelGraph(plain, trace)


def _produces(layer: Any) -> bool:
    """Return whether a layer computes new channels from those of its input."""
    if isinstance(layer, _L.DepthwiseConv2D):
        return False
    return isinstance(layer, _L.Conv2D | _L.Dense | _L.SeparableConv2D)


def _select(layout: ChannelLayout, kept: Mapping[ChannelSet, Indices]) -> Indices:
    """Return the indices on an axis that stay."""
    starts = np.cumsum([0, *(one.count for one in layout.sets)])
    once = [
        start + kept.get(one.resolve(), np.arange(one.count))
        for start, one in zip(starts, layout.sets, strict=False)
    ]
    whole = np.concatenate(once)
    return np.concatenate([tile * starts[-1] + whole for tile in range(layout.tiles)])


def _slice_weights(layer: Any, inputs: Indices, outputs: Indices) -> list[NDArray[np.float32]]:
    weights = layer.get_weights()
    if isinstance(layer, _L.SeparableConv2D):
        depthwise, pointwise, *bias = weights
        return [
            depthwise[:, :, inputs],
            pointwise[:, :, inputs][..., outputs],
            *(one[outputs] for one in bias),
        ]
    if isinstance(layer, _L.DepthwiseConv2D):
        return [weights[0][:, :, inputs], *(one[outputs] for one in weights[1:])]
    if isinstance(layer, _L.Conv2DTranspose):
        return [weights[0][:, :, outputs][..., inputs], *(one[outputs] for one in weights[1:])]
    if _produces(layer):
        kernel = np.take(np.take(weights[0], inputs, axis=-2), outputs, axis=-1)
        return [kernel, *(one[outputs] for one in weights[1:])]
    return [one[..., outputs] for one in weights]
