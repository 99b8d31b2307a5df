"""Runs the grid: makes each variant by itself, judges them on the same pictures, measures them in turns."""

from collections.abc import Callable, Iterable, Sequence
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
    """Sees how far it is."""

    def on_building(self, technique: Technique, fine_tuning: BuildProgress | None) -> None:
        """A variant is being made."""

    def on_built(self) -> None:
        """It is done, or was there already, or cannot be had."""

    def track_pictures(self, pictures: Iterable[LabelledPicture]) -> Iterable[LabelledPicture]:
        """The pictures pass by."""

    def on_measured(self) -> None:
        """The costs of a variant are known."""


def build_variants(
    jobs: Sequence[BuildJob], records: RecordStore, *, resume: bool, listener: GridListener
) -> tuple[list[VariantRecord], list[OmittedTechnique]]:
    """Make the variants one after the other; those that cannot be had are said with the reason.

    Args:
        jobs: what to make.
        records: where finished ones are kept.
        resume: take what is there.
        listener: told how far it is.

    Raises:
        ToolError: a process failed, or something cannot be written.
    """
    made, omitted = [], []
    for job in jobs:
        record = records.find(job) if resume else None
        if record is None:
            listener.on_building(job.technique, None)
            word = build_in_process(job, progress=_progress_callback(listener, job.technique))
            if isinstance(word, BuildRefused):
                omitted.append(OmittedTechnique(name=job.technique.name, reason=word.reason))
                listener.on_built()
                continue
            record = VariantRecord(job=job, built=word)
            records.save(record)
        # The folder may have been moved since.
        made.append(structs.replace(record, job=job))
        listener.on_built()
    return made, omitted


def evaluate_variants(
    built: Sequence[VariantRecord],
    pictures: PictureSet,
    spec: str,
    records: RecordStore,
    *,
    listener: GridListener,
) -> list[VariantRecord]:
    """The same records with their quality; each picture is read once for all that lack it.

    Args:
        built: the variants.
        pictures: what to judge them on.
        spec: what the pictures are called.
        records: where to keep the outcome.
        listener: sees the pictures pass by.

    Raises:
        PicturesError: a picture cannot be read, or there is nothing in any.
        EdgedError: a model was refused.
    """
    lacking = [one for one in built if one.quality is None or one.quality.pictures != spec]
    with ExitStack() as stack:
        contenders = [stack.enter_context(EvaluatedModel(Path(one.job.out))) for one in lacking]
        judgements = (
            evaluate_models(contenders, pictures, track=listener.track_pictures) if lacking else []
        )
    found = {
        one.job.technique.name: structs.replace(
            one, quality=_build_quality(judgement.evaluation, spec)
        )
        for one, judgement in zip(lacking, judgements, strict=True)
    }
    for record in found.values():
        records.save(record)
    return [found.get(one.job.technique.name, one) for one in built]


def measure_variants(
    built: Sequence[VariantRecord], runtimes: Sequence[str], *, listener: GridListener
) -> list[TableRow]:
    """The rows; all are measured anew, for figures of different hours are not compared.

    Raises:
        ToolError: a measuring process failed.
    """
    models = [Path(one.job.out) for one in built]
    costs = measure_costs(models, runtimes, progress=listener.on_measured)
    return [_build_row(one, mine) for one, mine in zip(built, costs, strict=True)]


def _progress_callback(
    listener: GridListener, technique: Technique
) -> Callable[[BuildProgress], None]:
    return lambda done: listener.on_building(technique, done)


def _build_quality(evaluation: Evaluation, spec: str) -> Quality:
    if evaluation.ap is None or evaluation.ap50 is None or evaluation.recall is None:
        raise PicturesError(f"{spec}: nothing is labelled in them that the net could find")
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
