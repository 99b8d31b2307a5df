"""The search for the layers to leave in float so that a quantised model holds a bound at the least cost."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from msgspec import Struct

from edged_models.errors import SourceError
from edged_models.quantization.sensitivity import BuildVariant, LayerSensitivity, SensitivityTable

Judge = Callable[[bytes], float]
"""Returns the loss of a model against the float one."""


class Trial(Struct, frozen=True, kw_only=True):
    """A variant that was measured.

    Attributes:
        layers: number of layers that were kept.
        loss: its loss.
        bytes: its size.
    """

    layers: int
    loss: float
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundVariant:
    """The result of a search.

    Attributes:
        model: the .tflite.
        kept: names of the layers that are left in float, or in 16 bits.
        loss: its loss.
        trials: all variants that were measured, in order; the first has no layer kept.
    """

    model: bytes
    kept: frozenset[str]
    loss: float
    trials: tuple[Trial, ...]


def find_layers_to_keep(
    table: SensitivityTable, build: BuildVariant, judge: Judge, *, max_loss: float
) -> FoundVariant:
    """Find the layers to keep.

    The most sensitive layers are kept, as many as the bound needs: doubled until it holds, then halved between. Then each of
    them is quantised after all, the most costly first, wherever the bound still holds. Every variant is built and measured.

    Args:
        table: the sensitivity of the layers.
        build: makes the variants.
        judge: measures the loss.
        max_loss: the bound.

    Raises:
        SourceError: no number of layers holds the bound, or a variant cannot be made.
    """
    search = _Search(build=build, judge=judge, max_loss=max_loss)
    ranking = [row for row in table.layers if row.error_alone > 0.0]
    count = _find_count(search, ranking)
    kept = frozenset(row.layer for row in ranking[:count])
    for row in sorted(ranking[:count], key=_cost, reverse=True):
        if search.holds(kept - {row.layer}):
            kept -= {row.layer}
    model, loss = search.measure(kept)
    return FoundVariant(model=model, kept=kept, loss=loss, trials=tuple(search.trials))


def _cost(row: LayerSensitivity) -> tuple[int, float]:
    return row.bytes_added, row.ms_added


def _find_count(search: "_Search", ranking: Sequence[LayerSensitivity]) -> int:
    """Return the smallest number of the first layers that holds the bound, if more never hurt."""

    def holds(count: int) -> bool:
        return search.holds(frozenset(row.layer for row in ranking[:count]))

    low, high = -1, 0
    while not holds(high):
        if high >= len(ranking):
            raise search.refusal()
        low, high = high, min(max(1, high * 2), len(ranking))
    while high - low > 1:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle
    return high


@dataclass(slots=True, kw_only=True)
class _Search:
    """Builds and measures variants, each once."""

    build: BuildVariant
    judge: Judge
    max_loss: float
    trials: list[Trial] = field(default_factory=list)
    _measured: dict[frozenset[str], tuple[bytes, float]] = field(default_factory=dict)

    def measure(self, kept: frozenset[str]) -> tuple[bytes, float]:
        if kept not in self._measured:
            model = self.build(kept)
            loss = self.judge(model)
            self._measured[kept] = model, loss
            self.trials.append(Trial(layers=len(kept), loss=loss, bytes=len(model)))
        return self._measured[kept]

    def holds(self, kept: frozenset[str]) -> bool:
        return self.measure(kept)[1] <= self.max_loss

    def refusal(self) -> SourceError:
        best = min(trial.loss for trial in self.trials)
        return SourceError(
            f"no choice of layers holds a loss of {self.max_loss:g}: the least is {best:.4f}; raise --max-loss, or choose int16x8 or float16"
        )
