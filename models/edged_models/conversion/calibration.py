"""Pictures to calibrate with, encoded as the daemon will encode them."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from edged.errors import EdgedError, ModelError
from edged.families.inputs import image_input
from edged.model.encode import Encoder
from edged.model.load import find_family
from edged.registry import INTERPRETERS, load_driver
from edged.types import Fitting, Frame, InputSpec, ModelSignature, PixelFormat
from edged_models.conversion.suppress_stderr import suppress_stderr
from edged_models.errors import PicturesError, SourceError

MIN_PICTURES = 20
"""Fewer pictures do not show a net its ranges."""
RECOMMENDED_PICTURES = 100
"""From here on more pictures change little."""
U8 = NDArray[np.uint8]


def check_picture_count(count: int) -> None:
    """Refuse what would give wrong ranges.

    Raises:
        PicturesError: there are fewer than `LEAST`.
    """
    if count < MIN_PICTURES:
        raise PicturesError(
            f"calibration needs {MIN_PICTURES} pictures or more of what the camera will see, and there were {count}; "
            "a few hundred are good"
        )


def encode_pictures(pictures: Iterable[U8], spec: InputSpec) -> Iterator[NDArray[np.generic]]:
    """(H, W, 3) uint8 RGB -> input tensors, by the daemon's own encoder; each is its own memory."""
    encoder = Encoder(spec)
    for picture in pictures:
        frame = Frame.from_pixels(np.ascontiguousarray(picture), PixelFormat.RGB24)
        yield encoder(frame).array.copy()


def find_input_spec(model: bytes, name: str) -> InputSpec:
    """How the daemon will feed a float32 model: as its family is fed; by its own metadata where no family reads it.

    Raises:
        SourceError: no family reads it and it does not say how it is fed, or it cannot be run.
    """
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.tflite"
        path.write_bytes(model)
        try:
            with suppress_stderr():
                interpreter = load_driver(INTERPRETERS, "litert")(
                    path, threads=1, delegate=None, delegate_options={}
                )
        except EdgedError as error:
            why = str(error).replace(str(path), name)
            raise SourceError(f"cannot calibrate what cannot be run: {why}") from error
        signature: ModelSignature = interpreter.signature
        interpreter.close()
    try:
        return find_family(signature, Path(name)).input
    except ModelError as error:
        return _input_spec_from_metadata(signature, error)


def _input_spec_from_metadata(signature: ModelSignature, error: ModelError) -> InputSpec:
    if not (signature.metadata.mean and signature.metadata.std):
        raise SourceError(
            f"{error}; to calibrate it all the same, say how it is fed with --mean and --std"
        )
    spec = image_input(signature, fitting=Fitting.STRETCH, mean=0.0, std=1.0)
    if isinstance(spec, str):
        raise SourceError(f"{error}; and {spec}")
    return spec
