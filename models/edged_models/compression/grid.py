"""Runs the grid: makes each variant by itself, judges them on the same pictures, measures them in turns."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

from msgspec import structs

from edged_models.compression.builders import build_apart
from edged_models.compression.costs import costs_of
from edged_models.compression.records import Records
from edged_models.compression.rows import Cost, Omission, Quality, Record, Row
from edged_models.compression.techniques import Done, Job, Refused, Technique
from edged_models.errors import PicturesError
from edged_models.evaluation.contender import Contender
from edged_models.evaluation.judging import judge
from edged_models.evaluation.results import Evaluation
from edged_models.pictures.labelled import Labelled, PictureSet


class Watcher(Protocol):
    """Sees how far it is."""

    def making(self, technique: Technique, fine_tuned: Done | None) -> None:
        """A variant is being made."""

    def made(self) -> None:
        """It is done, or was there already, or cannot be had."""

    def shown(self, pictures: Iterable[Labelled]) -> Iterable[Labelled]:
        """The pictures pass by."""

    def measured(self) -> None:
        """The costs of a variant are known."""


def make(
    jobs: Sequence[Job], records: Records, *, resume: bool, watcher: Watcher
) -> tuple[list[Record], list[Omission]]:
    """Make the variants one after the other; those that cannot be had are said with the reason.

    Args:
        jobs: what to make.
        records: where finished ones are kept.
        resume: take what is there.
        watcher: told how far it is.

    Raises:
        ToolError: a process failed, or something cannot be written.
    """
    made, omitted = [], []
    for job in jobs:
        record = records.find(job) if resume else None
        if record is None:
            watcher.making(job.technique, None)
            word = build_apart(job, progress=_following(watcher, job.technique))
            if isinstance(word, Refused):
                omitted.append(Omission(name=job.technique.name, reason=word.reason))
                watcher.made()
                continue
            record = Record(job=job, built=word)
            records.keep(record)
        # The folder may have been moved since.
        made.append(structs.replace(record, job=job))
        watcher.made()
    return made, omitted


def judged(
    made: Sequence[Record], pictures: PictureSet, spec: str, records: Records, *, watcher: Watcher
) -> list[Record]:
    """The same records with their quality; each picture is read once for all that lack it.

    Args:
        made: the variants.
        pictures: what to judge them on.
        spec: what the pictures are called.
        records: where to keep the outcome.
        watcher: sees the pictures pass by.

    Raises:
        PicturesError: a picture cannot be read, or there is nothing in any.
        EdgedError: a model was refused.
    """
    lacking = [one for one in made if one.quality is None or one.quality.pictures != spec]
    with ExitStack() as stack:
        contenders = [stack.enter_context(Contender(Path(one.job.out))) for one in lacking]
        judgements = judge(contenders, pictures, watch=watcher.shown) if lacking else []
    found = {
        one.job.technique.name: structs.replace(one, quality=_quality(judgement.evaluation, spec))
        for one, judgement in zip(lacking, judgements, strict=True)
    }
    for record in found.values():
        records.keep(record)
    return [found.get(one.job.technique.name, one) for one in made]


def measured(made: Sequence[Record], runtimes: Sequence[str], *, watcher: Watcher) -> list[Row]:
    """The rows; all are measured anew, for figures of different hours are not compared.

    Raises:
        ToolError: a measuring process failed.
    """
    models = [Path(one.job.out) for one in made]
    costs = costs_of(models, runtimes, progress=watcher.measured)
    return [_row(one, mine) for one, mine in zip(made, costs, strict=True)]


def _following(watcher: Watcher, technique: Technique) -> Callable[[Done], None]:
    return lambda done: watcher.making(technique, done)


def _quality(evaluation: Evaluation, spec: str) -> Quality:
    if evaluation.ap is None or evaluation.ap50 is None or evaluation.recall is None:
        raise PicturesError(f"{spec}: nothing is labelled in them that the net could find")
    return Quality(
        pictures=spec,
        ap=evaluation.ap,
        ap50=evaluation.ap50,
        recall=evaluation.recall,
        false_alarms=evaluation.false_alarms_per_empty_picture,
    )


def _row(record: Record, costs: tuple[Cost, ...]) -> Row:
    built, technique = record.built, record.job.technique
    return Row(
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
