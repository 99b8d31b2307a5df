"""Runs of a loaded model on its goldens."""

import hashlib
from pathlib import Path

from edged.errors import ModelError, PictureError
from edged.model.goldens import Golden, Goldens, find_mismatches, read_goldens
from edged.model.load import Model
from edged.model.picture import Pixels
from edged.pictures.decode import decode_picture
from edged.types import Frame


def run_goldens(model: Model, goldens_file: Path) -> tuple[str, ...]:
    """Run a model on its goldens, which also warms it.

    Args:
        model: the loaded model; nothing else may use it meanwhile.
        goldens_file: path of the goldens, see `edged.model.goldens`; the pictures are in the same folder.

    Returns:
        A clause for each mismatch, which begins with the picture's name; empty if every detection is as expected.

    Raises:
        ModelError: the goldens or a picture cannot be read, a picture is not the one of the goldens, or the outputs are invalid.
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
    detections = model.family.decode(
        model.interpreter.invoke(tensor.array),
        tensor.fit,
        min_score=goldens.tolerances.lower_min_score(goldens.min_score),
    )
    return find_mismatches(
        golden.detections, detections, goldens.tolerances, min_score=goldens.min_score
    )


def _load_picture(golden: Golden, path: Path) -> Pixels:
    content = _read_file(path)
    if hashlib.sha256(content).hexdigest() != golden.sha256:
        raise ModelError(f"{path} is not the picture of the goldens: its sha256 differs")
    try:
        return decode_picture(content)
    except PictureError as error:
        raise ModelError(f"{path} cannot be decoded as a picture: {error}") from error


def _read_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"cannot read {path}: {error.strerror or error}") from error
