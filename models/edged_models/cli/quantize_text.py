"""Results of the comparisons of ``edged-models quantize``, and their text."""

from collections.abc import Sequence

from msgspec import Struct

from edged_models import console
from edged_models.quantization.comparison import EngineResult
from edged_models.quantization.search import Trial
from edged_models.quantization.sensitivity import SensitivityTable
from edged_models.verification.report import VerifiedReport

_MAX_NAME = 48


class AutoResult(Struct, frozen=True, kw_only=True):
    """Result of ``--auto``.

    Attributes:
        kept: names of the layers that are kept.
        kept_as: what they are: ``float`` or ``int16``.
        measure: what was measured: ``mAP``, ``accuracy`` or ``error of the outputs``.
        float_score: mAP or accuracy of the float model; None if outputs were compared.
        loss: the drop of the measure, or the error.
        max_loss: the bound.
        trials: all variants that were measured; the first has no layer kept.
    """

    kept: tuple[str, ...]
    kept_as: str
    measure: str
    float_score: float | None
    loss: float
    max_loss: float
    trials: tuple[Trial, ...]


class SearchReport(Struct, frozen=True, kw_only=True):
    """The written model, and how it was found.

    Attributes:
        written: the model.
        auto: what ``--auto`` found; None without it.
        engines: how the engines compare; empty without ``--engine best``.
    """

    written: VerifiedReport
    auto: AutoResult | None = None
    engines: tuple[EngineResult, ...] = ()


def format_sensitivity(table: SensitivityTable) -> list[str]:
    """Format the sensitivity table, one layer a line."""
    lines = [
        f"all layers quantised: error {table.error:.4f}, {table.bytes / 1024:.0f} KiB, {table.ms:.2f} ms; {table.pictures} pictures",
        f"{'alone':>8} {'without':>8} {'bytes':>9} {'ms':>8}  layer",
    ]
    lines += [
        f"{row.error_alone:8.4f} {row.error_without:8.4f} {row.bytes_added:+9d} {row.ms_added:+8.3f}  {row.op} {_shorten(row.layer)}"
        for row in table.layers
    ]
    return [
        *lines,
        "alone: error if only this layer is quantised; without: error if it is left in float; bytes, ms: what that costs",
    ]


def format_auto(auto: AutoResult) -> list[str]:
    """Format what ``--auto`` found."""
    first, last = auto.trials[0], auto.loss
    is_score = auto.float_score is not None
    name = f"drop of {auto.measure}" if is_score else auto.measure
    before = f"; float {auto.float_score:.4f}" if is_score else ""
    return console.format_table(
        [
            ("kept", f"{len(auto.kept)} layers as {auto.kept_as}, after {len(auto.trials)} trials"),
            *(("", _shorten(layer)) for layer in auto.kept),
            (
                name,
                f"{last:.4f} (bound {auto.max_loss:g}; {first.loss:.4f} with no layer kept{before})",
            ),
        ]
    )


def format_engines(engines: Sequence[EngineResult]) -> list[str]:
    """Format how the engines compare, one a line."""
    lines = [f"{'engine':12} {'error':>8} {'KiB':>6} {'litert':>10} {'tflite':>10}"]
    for one in engines:
        if one.refusal:
            lines.append(f"{one.engine:12} refused: {one.refusal}")
            continue
        cells = [
            f"{trial.latency_ms:.2f} ms" if trial.problem is None else "refused"
            for trial in one.runtimes.values()
        ]
        chosen = "  chosen" if one.is_best else ""
        size = f"{(one.bytes or 0) / 1024:.0f}"
        lines.append(
            f"{one.engine:12} {one.error:8.4f} {size:>6} {cells[0]:>10} {cells[1]:>10}{chosen}"
        )
        lines += [
            f"  {name}: {trial.problem}" for name, trial in one.runtimes.items() if trial.problem
        ]
    return lines


def _shorten(name: str) -> str:
    return name if len(name) <= _MAX_NAME else f"…{name[-_MAX_NAME:]}"
