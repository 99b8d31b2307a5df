"""The parts of ``edged-models quantize`` that compare variants: ``--sensitivity``, ``--auto`` and ``--engine best``."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from msgspec import Struct

from edged_models import console
from edged_models.cli.quantize_options import DEFAULT_MAX_DROP, DEFAULT_MAX_ERROR
from edged_models.conversion.conversion_report import ConversionReport
from edged_models.quantization.comparison import EngineResult, compare_engines
from edged_models.quantization.search import Trial, find_layers_to_keep
from edged_models.quantization.sensitivity import SensitivityTable, measure_sensitivity

if TYPE_CHECKING:
    from edged_models.conversion.source import ModelSource
    from edged_models.pictures.labelled import LabelledPicture
    from edged_models.quantization.recipe import Recipe
    from edged_models.quantization.search import Judge
    from edged_models.quantization.variants import VariantBuilder

_DRAWN = "scenes:held-out:32"
_MAX_NAME = 48


class AutoResult(Struct, frozen=True, kw_only=True):
    """What ``--auto`` found.

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

    written: ConversionReport
    auto: AutoResult | None = None
    engines: tuple[EngineResult, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A model and how it was found."""

    model: bytes
    auto: AutoResult | None = None
    engines: tuple[EngineResult, ...] = ()


def open_drawn_pictures() -> "Sequence[LabelledPicture]":
    """Return drawn scenes, to compare variants of a scheme that needs no pictures."""
    from edged_models.pictures.open_pictures import open_pictures

    return open_pictures(_DRAWN)


def print_sensitivity(
    args: argparse.Namespace,
    source: "ModelSource",
    recipe: "Recipe",
    pictures: "Sequence[LabelledPicture]",
) -> None:
    """Measure and print the sensitivity table.

    Raises:
        SourceError: the source cannot be quantised or run.
        PicturesError: the pictures cannot be read.
    """
    table = _measure(_open_variants(args, source, recipe, pictures))
    console.print_result(args, table, format_sensitivity(table))


def find_by_auto(
    args: argparse.Namespace,
    source: "ModelSource",
    recipe: "Recipe",
    pictures: "Sequence[LabelledPicture]",
) -> Found:
    """Find the layers to keep.

    Raises:
        SourceError: no choice of layers holds the bound, or the source cannot be quantised.
        PicturesError: the pictures cannot be read.
    """
    from edged_models.quantization.variants import KeptAs

    variants = _open_variants(args, source, recipe, pictures)
    measure, float_score, judge = _open_judge(args, variants)
    default = DEFAULT_MAX_ERROR if float_score is None else DEFAULT_MAX_DROP
    max_loss = default if args.max_loss is None else args.max_loss
    table = _measure(variants)
    build = partial(variants.build, kept_as=KeptAs(args.auto_keep))
    with console.progress_bar() as progress:
        task = progress.add_task("trying choices of layers", total=None)

        def judge_and_advance(model: bytes) -> float:
            loss = judge(model)
            progress.update(task, advance=1, note=f"loss {loss:.4f}, {len(model) / 1024:.0f} KiB")
            return loss

        found = find_layers_to_keep(table, build, judge_and_advance, max_loss=max_loss)
    auto = AutoResult(
        kept=tuple(sorted(found.kept)),
        kept_as=args.auto_keep,
        measure=measure,
        float_score=float_score,
        loss=found.loss,
        max_loss=max_loss,
        trials=found.trials,
    )
    return Found(model=found.model, auto=auto)


def find_best_engine(
    args: argparse.Namespace,
    source: "ModelSource",
    recipe: "Recipe",
    pictures: "Sequence[LabelledPicture]",
) -> Found:
    """Make the model with both engines, and choose the better one.

    Raises:
        SourceError: no engine can quantise the source.
        PicturesError: the pictures cannot be read.
    """
    from edged_models.quantization.quantize import quantize_by_recipe
    from edged_models.quantization.scheme import EngineName

    variants = _open_variants(args, source, recipe, pictures)
    builds = {
        engine: partial(
            quantize_by_recipe,
            source,
            recipe,
            calibration=(picture.image for picture in pictures),
            engine=engine,
        )
        for engine in EngineName
    }
    if variants.calibrated is not None and recipe.scheme.value == "int8":
        builds = {engine: variants.with_engine(engine).build for engine in EngineName}  # type: ignore[misc]  # also callable without arguments
    model, engines = compare_engines(builds, variants.reference)
    return Found(model=model, engines=engines)


def print_found(
    args: argparse.Namespace, found: Found, report: ConversionReport, lines: Sequence[str]
) -> None:
    """Print the written model and how it was found.

    Args:
        args: parsed arguments with ``json``.
        found: how it was found.
        report: the written model.
        lines: the written model as a table.
    """
    result = SearchReport(written=report, auto=found.auto, engines=found.engines)
    details = format_auto(found.auto) if found.auto else format_engines(found.engines)
    console.print_result(args, result, [*details, "", *lines])


def _open_variants(
    args: argparse.Namespace,
    source: "ModelSource",
    recipe: "Recipe",
    pictures: "Sequence[LabelledPicture]",
) -> "VariantBuilder":
    from edged_models.quantization.scheme import EngineName
    from edged_models.quantization.variants import KeptAs, open_variants

    engine = EngineName(args.engine) if args.engine in set(EngineName) else None
    if engine is None and ((args.auto and args.auto_keep == KeptAs.INT16) or recipe.int16_layers):
        engine = EngineName.AI_EDGE
    tracked = console.track_progress(pictures, "calibrating", len(pictures))
    images = (picture.image for picture in tracked)
    return open_variants(source, recipe, images, engine=engine)


def _measure(variants: "VariantBuilder") -> SensitivityTable:
    layers = variants.list_layers()
    track = partial(
        console.track_progress, description="quantising each layer alone", total=len(layers)
    )
    return measure_sensitivity(layers, variants.build, variants.reference, track=track)


def _open_judge(
    args: argparse.Namespace, variants: "VariantBuilder"
) -> "tuple[str, float | None, Judge]":
    """Return what is measured, the float model's score if it has one, and the judge."""
    if not args.judge:
        reference = variants.reference
        return "error of the outputs", None, lambda model: reference.measure(model).error
    from edged_models.pictures.open_pictures import open_pictures
    from edged_models.pictures.subset import take_evenly
    from edged_models.quantization.judge import PictureJudge

    judge = PictureJudge(pictures=take_evenly(open_pictures(args.judge), args.judge_count))
    score = judge.score(variants.plain.with_metadata)
    return judge.measure_name, score, lambda model: score - judge.score(model)


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
