"""The steps of a comparison: build and evaluate the variants in several processes, then measure their costs."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from msgspec import structs

from edged_models.compression.build_messages import (
    BuildJob,
    BuildMessage,
    BuildProgress,
    BuildRefused,
    BuildResult,
    Evaluated,
    EvaluationProgress,
    Work,
    WorkFailed,
    WorkPackage,
)
from edged_models.compression.build_pool import run_packages, start_server
from edged_models.compression.comparison import Cost, OmittedTechnique, TableRow, VariantRecord
from edged_models.compression.costs import measure_costs
from edged_models.compression.record_store import RecordStore
from edged_models.compression.shared_pictures import SharedPictures
from edged_models.errors import ToolError
from edged_models.pictures.labelled import PictureSet


class GridListener(Protocol):
    """Receives the progress of a comparison."""

    def on_work(self, message: BuildProgress | EvaluationProgress) -> None:
        """Note the progress of one variant."""

    def on_finished(self, name: str) -> None:
        """Note that a variant is built and evaluated, was found from an earlier run, or is omitted."""

    def on_measured(self) -> None:
        """Note that the costs of a variant are measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GridInputs:
    """The pictures of a comparison, and how to work on it.

    Attributes:
        pictures: the pictures for the evaluation.
        pictures_spec: their name, as `open_pictures` takes it.
        training: the pictures that edged's own detector is trained on; None for another network, whose trainer reads its own.
        side_px: side of the detector's input; None for another network.
        processes: number of processes at a time.
        threads: number of TensorFlow's threads in each.
    """

    pictures: PictureSet
    pictures_spec: str
    training: PictureSet | None
    side_px: int | None
    processes: int
    threads: int


def build_variants(
    jobs: Sequence[BuildJob],
    records: RecordStore,
    inputs: GridInputs,
    *,
    resume: bool,
    listener: GridListener,
) -> tuple[list[VariantRecord], list[OmittedTechnique]]:
    """Build and evaluate the variants.

    Args:
        jobs: the variants to build.
        records: storage of finished variants.
        inputs: the pictures, and the number of processes.
        resume: whether to use variants of an earlier run.
        listener: receives the progress.

    Returns:
        The variants, and the techniques that cannot be applied.

    Raises:
        PicturesError: a picture cannot be read.
        ToolError: a build process failed, or a file cannot be written.
    """
    progress = _GridProgress(jobs, records, listener)
    found = {job.name: records.find(job) if resume else None for job in jobs}
    works = []
    for job in jobs:
        record = found[job.name]
        if record is None:
            works.append(Work(job=job, is_built=False))
            continue
        progress.add_record(record, job)
        if record.quality is None or record.quality.pictures != inputs.pictures_spec:
            works.append(Work(job=job, is_built=True))
        else:
            listener.on_finished(job.name)
    if works:
        with _share_pictures(Path(jobs[0].out).parent, inputs) as folder:
            packages = _pack(works, inputs, folder)
            for message in run_packages(packages, processes=inputs.processes, folder=folder):
                progress.handle(message)
    return progress.results()


def measure_variants(
    built: Sequence[VariantRecord], runtimes: Sequence[str], *, listener: GridListener
) -> list[TableRow]:
    """Measure the costs of all techniques, also of those from an earlier run: costs of different runs are not comparable.

    Args:
        built: the variants; those of a technique follow each other, and the first one is measured.
        runtimes: names in `edged.registry.INTERPRETERS`.
        listener: receives the progress.

    Returns:
        The rows of the table.

    Raises:
        ToolError: a measuring process failed.
    """
    techniques: dict[str, list[VariantRecord]] = {}
    for one in built:
        techniques.setdefault(one.job.technique.name, []).append(one)
    models = [Path(records[0].job.out) for records in techniques.values()]
    costs = measure_costs(models, runtimes, progress=listener.on_measured)
    return [
        _build_row(records, its_costs)
        for records, its_costs in zip(techniques.values(), costs, strict=True)
    ]


class _GridProgress:
    """Collects what the processes report."""

    def __init__(
        self, jobs: Sequence[BuildJob], records: RecordStore, listener: GridListener
    ) -> None:
        self._jobs = {job.name: job for job in jobs}
        self._store = records
        self._listener = listener
        self._variants: dict[str, VariantRecord] = {}
        self._omitted: dict[str, OmittedTechnique] = {}

    def add_record(self, record: VariantRecord, job: BuildJob) -> None:
        # The folder may have been moved since an earlier run, so the paths are those of this job.
        self._variants[job.name] = structs.replace(record, job=job)

    def handle(self, message: BuildMessage) -> None:
        match message:
            case BuildProgress() | EvaluationProgress():
                self._listener.on_work(message)
            case BuildResult(job=name):
                self._save(VariantRecord(job=self._jobs[name], built=message))
            case Evaluated(job=name, quality=quality):
                self._save(structs.replace(self._variants[name], quality=quality))
                self._listener.on_finished(name)
            case BuildRefused(job=name, reason=reason):
                technique = self._jobs[name].technique.name
                self._omitted.setdefault(technique, OmittedTechnique(name=technique, reason=reason))
                self._listener.on_finished(name)
            case WorkFailed(reason=reason):
                raise ToolError(reason)

    def results(self) -> tuple[list[VariantRecord], list[OmittedTechnique]]:
        order = list(self._jobs)
        variants = sorted(self._variants.values(), key=lambda one: order.index(one.job.name))
        kept = [one for one in variants if one.job.technique.name not in self._omitted]
        names = [job.technique.name for job in self._jobs.values()]
        return kept, sorted(self._omitted.values(), key=lambda one: names.index(one.name))

    def _save(self, record: VariantRecord) -> None:
        self._variants[record.job.name] = record
        self._store.save(record)


@contextmanager
def _share_pictures(parent: Path, inputs: GridInputs) -> Iterator[Path]:
    """Start the server of the processes, and store the pictures for them; the folder is removed afterwards."""
    start_server()
    try:
        parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ToolError(f"cannot write {parent}: {error.strerror or error}") from error
    # Beside the results: the folder for temporary files may be in memory.
    with TemporaryDirectory(dir=parent, prefix=".pictures-") as name:
        shared = SharedPictures(Path(name))
        if inputs.training is not None and inputs.side_px is not None:
            shared.keep_training(inputs.training, side_px=inputs.side_px)
        shared.keep_evaluation(inputs.pictures)
        yield Path(name)


def _pack(works: Sequence[Work], inputs: GridInputs, folder: Path) -> list[WorkPackage]:
    """Return the packages, the longest first: one for each variant that is fine-tuned, and one for all that share a network."""
    trained = [work for work in works if work.job.technique.is_trained and not work.is_built]
    scaled = [work for work in works if work not in trained and work.job.technique.side_px]
    plain = [work for work in works if work not in trained and work not in scaled]
    groups = [*([one] for one in trained), plain, *([one] for one in scaled)]
    return [
        WorkPackage(
            works=tuple(group),
            pictures=inputs.pictures_spec,
            shared=str(folder),
            threads=inputs.threads,
        )
        for group in groups
        if group
    ]


def _build_row(records: Sequence[VariantRecord], costs: tuple[Cost, ...]) -> TableRow:
    first = records[0]
    built, technique = first.built, first.job.technique
    return TableRow(
        name=technique.name,
        title=technique.title,
        model=Path(first.job.out).name,
        parameters=built.parameters,
        remark=built.remark,
        file_bytes=built.file_bytes,
        deflated_bytes=built.deflated_bytes,
        facts=built.facts,
        qualities=tuple(one.quality for one in records if one.quality is not None),
        costs=costs,
    )
