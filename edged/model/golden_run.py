"""Shows a loaded model the pictures of which it is known what it must find."""

import hashlib
from pathlib import Path

import cv2
import numpy as np

from edged.errors import ModelError
from edged.model.goldens import Golden, Goldens, find_mismatches, read_goldens
from edged.model.load import Model
from edged.model.picture import Pixels
from edged.types import Frame


def run_goldens(model: Model, goldens_file: Path) -> tuple[str, ...]:
    """Run a model on its goldens, which also warms it.

    Args:
        model: loaded; nobody else uses it meanwhile.
        goldens_file: see `edged.model.goldens`; the pictures lie beside it.

    Returns:
        A clause for each fault, which begins with the picture's name; none if all is as expected.

    Raises:
        ModelError: the goldens or a picture cannot be read, a picture is not the one that they mean, or the outputs are nonsense.
        InvokeError: the runtime or the delegate's device failed.
    """
    goldens = read_goldens(_read_file(goldens_file))
    return tuple(
        f"{golden.picture}: {clause}"
        for golden in goldens.goldens
        for clause in _run_golden(model, goldens, golden, goldens_file.with_name(golden.picture))
    )


def _run_golden(model: Model, goldens: Goldens, golden: Golden, picture: Path) -> tuple[str, ...]:
    tensor = model.encoder(Frame.from_pixels(_load_picture(golden, picture)))
    found = model.family.decode(
        model.interpreter.invoke(tensor.array),
        tensor.fit,
        min_score=goldens.tolerances.lower_min_score(goldens.min_score),
    )
    return find_mismatches(
        golden.detections, found, goldens.tolerances, min_score=goldens.min_score
    )


def _load_picture(golden: Golden, path: Path) -> Pixels:
    content = _read_file(path)
    if hashlib.sha256(content).hexdigest() != golden.sha256:
        raise ModelError(f"{path} is not the picture that the goldens mean: its sha256 differs")
    # An empty buffer makes OpenCV raise, where any other that is no picture gives None.
    pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR) if content else None
    if pixels is None:
        raise ModelError(f"{path} cannot be read as a picture")
    return np.asarray(pixels, np.uint8)


def _read_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"cannot read {path}: {error.strerror or error}") from error
