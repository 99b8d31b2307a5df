"""The steps of a comparison: build each variant, evaluate all on the same pictures, and measure their costs."""

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

from msgspec import structs

from edged_models.compression.build_process import build_in_process
from edged_models.compression.comparison import (
    Cost,
    OmittedTechnique,
    Quality,
    TableRow,
    VariantRecord,
)
from edged_models.compression.costs import measure_costs
from edged_models.compression.record_store import RecordStore
from edged_models.compression.techniques import BuildJob, BuildProgress, BuildRefused, Technique
from edged_models.errors import PicturesError
from edged_models.evaluation.evaluate import evaluate_models
from edged_models.evaluation.evaluated_model import EvaluatedModel
from edged_models.evaluation.results import Evaluation
from edged_models.pictures.labelled import LabelledPicture, PictureSet


class GridListener(Protocol):
    """Receives the progress of a comparison."""

    def on_building(self, technique: Technique, fine_tuning: BuildProgress | None) -> None:
        """Note that a variant is being built; `fine_tuning` is None before the first step."""

    def on_built(self) -> None:
        """Note that a variant is built, was found from an earlier run, or is omitted."""

    def track_pictures(self, pictures: Iterable[LabelledPicture]) -> Iterable[LabelledPicture]:
        """Yield the pictures, and note each one that has been evaluated."""

    def on_measured(self) -> None:
        """Note that the costs of a variant are measured."""


def build_variants(
    jobs: Sequence[BuildJob], records: RecordStore, *, resume: bool, listener: GridListener
) -> tuple[list[VariantRecord], list[OmittedTechnique]]:
    """Build the variants one after the other.

    Args:
        jobs: the variants to build.
        records: storage of finished variants.
        resume: whether to use variants of an earlier run.
        listener: receives the progress.

    Returns:
        The variants, and the techniques that cannot be applied.

    Raises:
        ToolError: a build process failed, or a file cannot be written.
    """
    variants, omitted = [], []
    for job in jobs:
        record = records.find(job) if resume else None
        built = record or _build_variant(job, records, listener)
        if isinstance(built, OmittedTechnique):
            omitted.append(built)
        else:
            # The folder may have been moved since an earlier run, so the paths are those of this job.
            variants.append(structs.replace(built, job=job))
        listener.on_built()
    return variants, omitted


def evaluate_variants(
    built: Sequence[VariantRecord],
    pictures: PictureSet,
    spec: str,
    records: RecordStore,
    *,
    listener: GridListener,
) -> list[VariantRecord]:
    """Evaluate the variants that have not been evaluated on these pictures; each picture is read once for all of them.

    Args:
        built: the variants.
        pictures: the pictures.
        spec: name of the pictures, as `open_pictures` takes it.
        records: storage of finished variants.
        listener: receives the progress.

    Returns:
        All variants, with their accuracy.

    Raises:
        PicturesError: a picture cannot be read, or no picture has labels.
        EdgedError: a model cannot be loaded.
    """
    pending = [one for one in built if one.quality is None or one.quality.pictures != spec]
    if not pending:
        return list(built)
    with ExitStack() as stack:
        models = [stack.enter_context(EvaluatedModel(Path(one.job.out))) for one in pending]
        results = evaluate_models(models, pictures, track=listener.track_pictures)
    evaluated = {
        one.job.technique.name: structs.replace(
            one, quality=_build_quality(result.evaluation, spec)
        )
        for one, result in zip(pending, results, strict=True)
    }
    for record in evaluated.values():
        records.save(record)
    return [evaluated.get(one.job.technique.name, one) for one in built]


def measure_variants(
    built: Sequence[VariantRecord], runtimes: Sequence[str], *, listener: GridListener
) -> list[TableRow]:
    """Measure the costs of all variants, also of those from an earlier run: costs of different runs are not comparable.

    Args:
        built: the variants.
        runtimes: names in `edged.registry.INTERPRETERS`.
        listener: receives the progress.

    Returns:
        The rows of the table.

    Raises:
        ToolError: a measuring process failed.
    """
    models = [Path(one.job.out) for one in built]
    costs = measure_costs(models, runtimes, progress=listener.on_measured)
    return [_build_row(one, its_costs) for one, its_costs in zip(built, costs, strict=True)]


def _build_variant(
    job: BuildJob, records: RecordStore, listener: GridListener
) -> VariantRecord | OmittedTechnique:
    listener.on_building(job.technique, None)
    result = build_in_process(job, progress=lambda done: listener.on_building(job.technique, done))
    if isinstance(result, BuildRefused):
        return OmittedTechnique(name=job.technique.name, reason=result.reason)
    record = VariantRecord(job=job, built=result)
    records.save(record)
    return record


def _build_quality(evaluation: Evaluation, spec: str) -> Quality:
    if evaluation.ap is None or evaluation.ap50 is None or evaluation.recall is None:
        raise PicturesError(f"{spec}: no picture has a labelled object of the network's classes")
    return Quality(
        pictures=spec,
        ap=evaluation.ap,
        ap50=evaluation.ap50,
        recall=evaluation.recall,
        false_alarms=evaluation.false_alarms_per_empty_picture,
    )


def _build_row(record: VariantRecord, costs: tuple[Cost, ...]) -> TableRow:
    built, technique = record.built, record.job.technique
    return TableRow(
        name=technique.name,
        title=technique.title,
        model=Path(record.job.out).name,
        parameters=built.parameters,
        remark=built.remark,
        file_bytes=built.file_bytes,
        deflated_bytes=built.deflated_bytes,
        quality=record.quality,
        costs=costs,
    )
