"""The outputs of a source, with which those of the written model are compared."""

import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from edged.types import ModelSignature
from edged_models.conversion.source import ModelSource, Precision
from edged_models.verification.runtime_messages import RUNTIMES, RuntimeRefusal
from edged_models.verification.runtime_process import Outputs, RuntimeProcess

MIN_PICTURES = 4
"""So many pictures are run however long that takes."""
BUDGET_S = 4.0
"""Seconds of one runtime, or of the source, after which no further picture is run."""
_FLOAT32 = "float32"


def run_source(
    source: ModelSource, signature: ModelSignature, inputs: NDArray[np.generic], *, scheme: str
) -> tuple[Outputs, str] | None:
    """Run a source, or its float32 .tflite where only TensorFlow Lite has one of its operators.

    Args:
        source: the source.
        signature: the written model's.
        inputs: (P, *shape of the input) in the source's dtype; the last ones are left out if they take too long.
        scheme: the scheme of the conversion.

    Returns:
        The outputs of each picture, and what they are from; None if nothing but the written model itself has them.

    Raises:
        SourceError: the source cannot be run.
    """
    if not len(inputs):
        return None
    first = source.run(inputs[0])
    if _fit_signature(first, signature):
        return _run_within_budget(source, first, inputs), "the source"
    if scheme == _FLOAT32:
        return None
    outputs = _run_float_model(source, inputs)
    return None if isinstance(outputs, RuntimeRefusal) else (outputs, "the float32 model")


def _fit_signature(outputs: Sequence[NDArray[np.generic]], signature: ModelSignature) -> bool:
    """Return whether a source's outputs are the model's: TensorFlow has only a placeholder for the detection post-process."""
    if signature.postprocess is None:
        return True
    sizes = [int(np.prod(info.shape)) for info in signature.outputs]
    return [one.size for one in outputs] == sizes


def _run_within_budget(
    source: ModelSource, first: list[NDArray[np.generic]], inputs: NDArray[np.generic]
) -> Outputs:
    outputs: Outputs = [first]
    began_s = time.perf_counter()
    for tensor in inputs[1:]:
        if len(outputs) >= MIN_PICTURES and time.perf_counter() - began_s > BUDGET_S:
            break
        outputs.append(source.run(tensor))
    return outputs


def _run_float_model(source: ModelSource, inputs: NDArray[np.generic]) -> Outputs | RuntimeRefusal:
    with TemporaryDirectory(prefix="edged-models-") as folder:
        path = Path(folder) / "float.tflite"
        path.write_bytes(source.to_tflite(Precision.FLOAT32))
        np.save(path.with_name("inputs.npy"), inputs)
        with RuntimeProcess(path, RUNTIMES[0]) as process:
            reply = process.load()
            if isinstance(reply, RuntimeRefusal):
                return reply
            process.start(
                path.with_name("inputs.npy"), budget_s=BUDGET_S, min_pictures=MIN_PICTURES
            )
            return process.collect(len(reply.signature.outputs))
