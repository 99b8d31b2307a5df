"""Verification of a written model: it is run on both runtimes, and compared with its source."""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from edged.types import ModelSignature
from edged_models.conversion.source import ModelSource, Precision
from edged_models.conversion.tflite_model import parse_model
from edged_models.errors import SourceError, ToolError
from edged_models.verification.comparison import compare_outputs
from edged_models.verification.normalisation import SettledSource
from edged_models.verification.report import RuntimeResult, Verification
from edged_models.verification.runtime_messages import RUNTIMES, RuntimeLoaded, RuntimeRefusal
from edged_models.verification.runtime_process import Outputs, RuntimeProcess
from edged_models.verification.samples import Samples, make_samples
from edged_models.verification.source_outputs import BUDGET_S, MIN_PICTURES, run_source

_MAX_VALUES = 16_000_000
"""Values of all outputs that are kept."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ComparisonPictures:
    """The pictures of a comparison.

    Attributes:
        images: (H, W, 3) uint8, RGB.
        description: what they are, as ``pictures of the calibration``.
    """

    images: Sequence[NDArray[np.uint8]]
    description: str


def verify_model(
    model: bytes, settled: SettledSource, pictures: ComparisonPictures, *, scheme: str
) -> Verification:
    """Run a written model on both runtimes, each in a child process, and compare it with its source.

    Args:
        model: the .tflite, with its metadata.
        settled: the source.
        pictures: the pictures to run.
        scheme: ``float32``, or the quantisation scheme.

    Raises:
        SourceError: the source cannot be run, or the .tflite is damaged.
        ToolError: the file cannot be written to a temporary folder.
    """
    began_s = time.perf_counter()
    with TemporaryDirectory(prefix="edged-models-") as folder:
        path = Path(folder) / "model.tflite"
        _write(path, model)
        results, samples, reference = _run_runtimes(path, settled.source, pictures, scheme)
    is_noise = samples is not None and not samples.fits
    return Verification(
        normalisation=settled.normalisation,
        pictures="inputs of noise, because no normalisation is known" if is_noise else pictures.description,
        reference=reference,
        runtimes=tuple(results),
        seconds=time.perf_counter() - began_s,
    )  # fmt: skip


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise ToolError(f"cannot write {path}: {error.strerror or error}") from error


def _run_runtimes(
    path: Path, source: ModelSource, pictures: ComparisonPictures, scheme: str
) -> tuple[list[RuntimeResult], Samples | None, str | None]:
    with ExitStack() as stack:
        processes = [stack.enter_context(RuntimeProcess(path, name)) for name in RUNTIMES]
        replies = [process.load() for process in processes]
        loaded = [one for one in replies if isinstance(one, RuntimeLoaded)]
        if not loaded:
            return [_refused(*one) for one in zip(RUNTIMES, replies, strict=True)], None, None
        samples = _make_samples(loaded[0].signature, source, pictures)
        outputs = _run_processes(processes, replies, samples, path.with_name("inputs.npy"))
    most = max((len(one) for one in outputs if isinstance(one, list)), default=0)
    expected = run_source(source, loaded[0].signature, samples.source[:most], scheme=scheme)
    results = [
        _judge(name, reply, one, samples, expected and expected[0], scheme=scheme)
        for name, reply, one in zip(RUNTIMES, replies, outputs, strict=True)
    ]
    return results, samples, expected and expected[1]


def _make_samples(
    signature: ModelSignature, source: ModelSource, pictures: ComparisonPictures
) -> Samples:
    graph = parse_model(source.to_tflite(Precision.FLOAT32), source.name)
    dtype = graph.get_tensors(graph.inputs)[0].dtype.lower()
    return make_samples(signature, _limit(signature, pictures.images), source_dtype=dtype)


def _run_processes(
    processes: Sequence[RuntimeProcess],
    replies: Sequence[RuntimeLoaded | RuntimeRefusal],
    samples: Samples,
    inputs: Path,
) -> list[Outputs | RuntimeRefusal]:
    """Return the outputs of each process, or why it has none; they run at the same time."""
    np.save(inputs, samples.written)
    pairs = list(zip(processes, replies, strict=True))
    for process, reply in pairs:
        if isinstance(reply, RuntimeLoaded):
            process.start(inputs, budget_s=BUDGET_S, min_pictures=MIN_PICTURES)
    return [
        process.collect(len(reply.signature.outputs)) if isinstance(reply, RuntimeLoaded) else reply
        for process, reply in pairs
    ]


def _limit(
    signature: ModelSignature, images: Sequence[NDArray[np.uint8]]
) -> Sequence[NDArray[np.uint8]]:
    values = sum(int(np.prod([max(1, side) for side in one.shape])) for one in signature.outputs)
    return images[: max(MIN_PICTURES, _MAX_VALUES // max(1, values))]


def _judge(
    name: str,
    reply: RuntimeLoaded | RuntimeRefusal,
    outputs: Outputs | RuntimeRefusal,
    samples: Samples,
    expected: Outputs | None,
    *,
    scheme: str,
) -> RuntimeResult:
    if isinstance(reply, RuntimeRefusal) or isinstance(outputs, RuntimeRefusal):
        refusal = reply if isinstance(reply, RuntimeRefusal) else outputs
        return _refused(name, refusal, getattr(reply, "runtime", None))
    if samples.fault:
        return RuntimeResult(name=name, runtime=reply.runtime, runs=True, faults=(samples.fault,))
    if expected is None:
        note = "TensorFlow cannot run the source: TFLite_Detection_PostProcess exists in TensorFlow Lite only"
        return RuntimeResult(name=name, runtime=reply.runtime, runs=True, notes=(note,))
    found = compare_outputs(reply.signature, samples, expected, outputs, scheme=scheme)
    return RuntimeResult(
        name=name,
        runtime=reply.runtime,
        runs=True,
        pictures=found.pictures,
        outputs=found.outputs,
        classes=found.classes,
        boxes=found.boxes,
        faults=found.faults,
        notes=found.notes,
    )


def _refused(name: str, refusal: RuntimeRefusal, runtime: str | None = None) -> RuntimeResult:
    return RuntimeResult(name=name, runtime=runtime, runs=False, reason=refusal.reason)


def find_failures(verification: Verification, *, must_run_on: Sequence[str]) -> list[str]:
    """Return why the model must not be written; empty if it may.

    Args:
        verification: the results.
        must_run_on: names of the runtimes that must run it; one of any if there are none.
    """
    results = verification.runtimes
    if not must_run_on:
        if any(one.is_good for one in results):
            return []
        judged = [one for one in results if one.runs][:1] or list(results)
    else:
        judged = [one for one in results if one.name in must_run_on and not one.is_good]
    return [_describe_failure(one) for one in judged]


def _describe_failure(result: RuntimeResult) -> str:
    if result.runs:
        return "; ".join(result.faults)
    return f"{result.runtime or result.name} does not run it: {result.reason}"


def refuse(source: ModelSource, failures: Sequence[str]) -> SourceError:
    """Return the error for a model that is not written."""
    return SourceError(
        f"{source.name} is not written, because it would be ruined: {'; '.join(failures)}; --accept-loss writes it nevertheless"
    )
