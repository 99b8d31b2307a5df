"""The parts of ``edged-models quantize`` that compare variants: ``--sensitivity``, ``--auto`` and ``--engine best``."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from edged_models import console
from edged_models.cli.quantize_options import DEFAULT_MAX_DROP, DEFAULT_MAX_ERROR
from edged_models.cli.quantize_text import (
    AutoResult,
    SearchReport,
    format_auto,
    format_engines,
    format_sensitivity,
)
from edged_models.quantization.comparison import EngineResult, compare_engines
from edged_models.quantization.search import find_layers_to_keep
from edged_models.quantization.sensitivity import SensitivityTable, measure_sensitivity
from edged_models.verification.report import VerifiedReport

if TYPE_CHECKING:
    from rich.progress import Progress

    from edged_models.conversion.source import ModelSource
    from edged_models.pictures.labelled import LabelledPicture
    from edged_models.quantization.recipe import Recipe
    from edged_models.quantization.search import Judge
    from edged_models.quantization.variants import VariantBuilder

_DRAWN = "scenes:held-out:32"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A model to quantise.

    Attributes:
        source: the model.
        recipe: what is done to all layers.
        pictures: for calibration and comparison.
    """

    source: "ModelSource"
    recipe: "Recipe"
    pictures: "Sequence[LabelledPicture]"


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


def print_sensitivity(args: argparse.Namespace, job: Job) -> None:
    """Measure and print the sensitivity table.

    Raises:
        SourceError: the source cannot be quantised or run.
        PicturesError: the pictures cannot be read.
    """
    table = _measure(_open_variants(args, job))
    console.print_result(args, table, format_sensitivity(table))


def find_by_auto(args: argparse.Namespace, job: Job) -> Found:
    """Find the layers to keep.

    Raises:
        SourceError: no choice of layers holds the bound, or the source cannot be quantised.
        PicturesError: the pictures cannot be read.
    """
    from edged_models.quantization.variants import KeptAs

    variants = _open_variants(args, job)
    measure, float_score, judge = _open_judge(args, variants)
    default = DEFAULT_MAX_ERROR if float_score is None else DEFAULT_MAX_DROP
    max_loss = default if args.max_loss is None else args.max_loss
    table = _measure(variants)
    build = partial(variants.build, kept_as=KeptAs(args.auto_keep))
    with console.progress_bar() as progress:
        tracked = _track_judge(judge, progress)
        found = find_layers_to_keep(table, build, tracked, max_loss=max_loss)
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


def _track_judge(judge: "Judge", progress: "Progress") -> "Judge":
    """Return the judge with a line of the progress for each model."""
    task = progress.add_task("trying choices of layers", total=None)

    def judge_and_advance(model: bytes) -> float:
        loss = judge(model)
        progress.update(task, advance=1, note=f"loss {loss:.4f}, {len(model) / 1024:.0f} KiB")
        return loss

    return judge_and_advance


def find_best_engine(args: argparse.Namespace, job: Job) -> Found:
    """Make the model with both engines, and choose the better one.

    Raises:
        SourceError: no engine can quantise the source.
        PicturesError: the pictures cannot be read.
    """
    from edged_models.quantization.quantize import quantize_by_recipe
    from edged_models.quantization.scheme import EngineName

    variants = _open_variants(args, job)
    builds = {
        engine: partial(
            quantize_by_recipe,
            job.source,
            job.recipe,
            calibration=(picture.image for picture in job.pictures),
            engine=engine,
        )
        for engine in EngineName
    }
    if variants.calibrated is not None and job.recipe.scheme.value == "int8":
        builds = {engine: variants.with_engine(engine).build for engine in EngineName}  # type: ignore[misc]  # also callable without arguments
    model, engines = compare_engines(builds, variants.reference)
    return Found(model=model, engines=engines)


def print_found(
    args: argparse.Namespace, found: Found, report: VerifiedReport, lines: Sequence[str]
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


def _open_variants(args: argparse.Namespace, job: Job) -> "VariantBuilder":
    from edged_models.quantization.scheme import EngineName
    from edged_models.quantization.variants import KeptAs, open_variants

    engine = EngineName(args.engine) if args.engine in set(EngineName) else None
    if engine is None and (
        (args.auto and args.auto_keep == KeptAs.INT16) or job.recipe.int16_layers
    ):
        engine = EngineName.AI_EDGE
    tracked = console.track_progress(job.pictures, "calibrating", len(job.pictures))
    images = (picture.image for picture in tracked)
    return open_variants(job.source, job.recipe, images, engine=engine)


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
    from edged_models.cli.opened_pictures import open_for_command
    from edged_models.pictures.subset import take_evenly
    from edged_models.quantization.judge import PictureJudge

    pictures = open_for_command(args.judge, skip_bad=args.skip_bad)
    judge = PictureJudge(pictures=take_evenly(pictures, args.judge_count))
    score = judge.score(variants.plain.with_metadata)
    return judge.measure_name, score, lambda model: score - judge.score(model)
