"""The process that builds and evaluates variants of a network; the optimisation toolkit changes the layers that it wraps.

The processes are forked from a server that has imported this module, so TensorFlow is imported once for all of them and its memory is
shared. A fork is safe here: the server only imports, and TensorFlow starts its threads when it first computes.
"""

import gc
import hashlib
import signal
import zlib
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import msgspec

from edged.errors import EdgedError
from edged.ipc.child import bind_lifetime_to_parent
from edged_models.compression.build_messages import (
    BuildJob,
    BuildMessage,
    BuildProgress,
    BuildRefused,
    BuildResult,
    Evaluated,
    EvaluationProgress,
    Quality,
    WorkFailed,
    WorkPackage,
)
from edged_models.compression.file_facts import read_file_facts
from edged_models.compression.shared_pictures import SharedPictures
from edged_models.compression.variants import GridBuilder, release_memory
from edged_models.errors import PicturesError
from edged_models.evaluation.classifier_results import ClassifierEvaluation
from edged_models.evaluation.evaluate_any import evaluate_any
from edged_models.evaluation.evaluated_model import EvaluatedModel
from edged_models.evaluation.results import Evaluation
from edged_models.files import write_bytes
from edged_models.pictures.labelled import LabelledPicture
from edged_models.threads import limit_threads

_MIN_SCORE = 0.5
_PROGRESS_STEP = 10
"""Pictures between two messages about the evaluation."""

Send = Callable[[BuildMessage], None]


def run_package(package: bytes, connection: Connection) -> None:
    """Build and evaluate the variants of a package; the target of a process.

    Args:
        package: a `WorkPackage` as JSON.
        connection: where the `BuildMessage`s are sent, as JSON.
    """
    bind_lifetime_to_parent()
    # The parent ends its children when it is interrupted.
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def send(message: BuildMessage) -> None:
        connection.send_bytes(msgspec.json.encode(message))

    _run(msgspec.json.decode(package, type=WorkPackage), send)


def _run(package: WorkPackage, send: Send) -> None:
    limit_threads(package.threads)
    shared = SharedPictures(Path(package.shared))
    builder = GridBuilder(package.works[0].job.network, shared)
    for work in package.works:
        job = work.job
        try:
            if not work.is_built:
                send(build(builder, job, send))
        except EdgedError as error:
            send(BuildRefused(job=job.name, reason=str(error)))
            continue
        release_memory()
        try:
            send(Evaluated(job=job.name, quality=_evaluate(job, package, shared, send)))
        except EdgedError as error:
            send(WorkFailed(job=job.name, reason=str(error)))


def build(builder: GridBuilder, job: BuildJob, send: Send) -> BuildResult:
    """Build one variant, and write the .tflite.

    Args:
        builder: builds the variants of the network.
        job: the technique and its settings.
        send: receives the progress.

    Raises:
        ToolError: the technique cannot be applied, or the file cannot be written.
    """
    total = job.tuning.steps
    variant = builder.build(
        job, progress=lambda done: send(BuildProgress(job=job.name, done=done, total=total))
    )
    write_bytes(Path(job.out), variant.model)
    return BuildResult(
        job=job.name,
        parameters=variant.parameters,
        remark=variant.remark,
        sha256=hashlib.sha256(variant.model).hexdigest(),
        file_bytes=len(variant.model),
        deflated_bytes=len(zlib.compress(variant.model, 9)),
        facts=read_file_facts(variant.model),
    )


def _evaluate(job: BuildJob, package: WorkPackage, shared: SharedPictures, send: Send) -> Quality:
    pictures = shared.open_evaluation(package.pictures, job.network.labels or None)

    def track(items: Iterable[LabelledPicture]) -> Iterator[LabelledPicture]:
        for done, picture in enumerate(items):
            if done % _PROGRESS_STEP == 0:
                send(EvaluationProgress(job=job.name, done=done, total=len(pictures)))
            yield picture

    with EvaluatedModel(Path(job.out)) as model:
        (result,) = evaluate_any([model], pictures, min_score=_MIN_SCORE, track=track)
    return _summarize(result.evaluation, package.pictures)


def _summarize(evaluation: Evaluation | ClassifierEvaluation, pictures: str) -> Quality:
    if not isinstance(evaluation, Evaluation):
        return Quality(pictures=pictures, measure="top-1", value=evaluation.top1)
    if evaluation.ap50 is None:
        raise PicturesError(
            f"{pictures}: no picture has a labelled object of the network's classes"
        )
    return Quality(
        pictures=pictures,
        measure="AP50",
        value=evaluation.ap50,
        ap=evaluation.ap,
        recall=evaluation.recall,
        false_alarms=evaluation.false_alarms_per_empty_picture,
    )


# In the server: its objects are left out of garbage collection, which would write to their pages and so copy them to each process.
gc.collect()
gc.freeze()
