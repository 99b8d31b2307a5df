"""The sensitivity table: what each layer loses when it is quantised, and what it costs to leave it in float."""

from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct

from edged_models.quantization.layers import Layer
from edged_models.quantization.output_error import OutputReference

BuildVariant = Callable[[frozenset[str]], bytes]
"""Returns the quantised model in which these layers are left in float."""
LayerTracker = Callable[[Iterable[Layer]], Iterable[Layer]]
"""Passes the layers through unchanged, as a progress bar does."""


class LayerSensitivity(Struct, frozen=True, kw_only=True):
    """One layer.

    Attributes:
        layer: its name.
        op: its kind.
        error_alone: error of the outputs if only this layer is quantised.
        error_without: error of the outputs if all layers but this one are quantised.
        bytes_added: what the file grows by if it is left in float.
        ms_added: what an invocation with ai-edge-litert takes longer, CPU milliseconds.
    """

    layer: str
    op: str
    error_alone: float
    error_without: float
    bytes_added: int
    ms_added: float


class SensitivityTable(Struct, frozen=True, kw_only=True):
    """All layers of a model, the most sensitive first.

    Attributes:
        error: error of the outputs if all layers are quantised.
        bytes: size of the file then.
        ms: CPU milliseconds of an invocation then.
        pictures: number of pictures that were compared.
        layers: the layers.
    """

    error: float
    bytes: int
    ms: float
    pictures: int
    layers: tuple[LayerSensitivity, ...]


def measure_sensitivity(
    layers: Sequence[Layer],
    build: BuildVariant,
    reference: OutputReference,
    *,
    track: LayerTracker = iter,
) -> SensitivityTable:
    """Quantise each layer alone, and all but each.

    Args:
        layers: the layers of the float model.
        build: makes the variants.
        reference: the float model's outputs.
        track: called with the layers, for a progress bar.

    Raises:
        SourceError: a variant cannot be made or run.
    """
    names = frozenset(layer.name for layer in layers)
    complete = build(frozenset())
    overall = reference.measure(complete)
    rows = []
    for layer in track(layers):
        own = frozenset({layer.name})
        without = build(own)
        measured = reference.measure(without)
        rows.append(
            LayerSensitivity(
                layer=layer.name,
                op=layer.op,
                error_alone=reference.measure(build(names - own)).error,
                error_without=measured.error,
                bytes_added=len(without) - len(complete),
                ms_added=measured.latency_ms - overall.latency_ms,
            )
        )
    return SensitivityTable(
        error=overall.error,
        bytes=len(complete),
        ms=overall.latency_ms,
        pictures=len(reference.sample),
        layers=tuple(sorted(rows, key=lambda row: -row.error_alone)),
    )
