"""Pictures for calibration, encoded as the daemon encodes its input."""

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
"""With fewer pictures the ranges of tensors are wrong."""
RECOMMENDED_PICTURES = 100
"""With more pictures the ranges change little."""
U8 = NDArray[np.uint8]


def check_picture_count(count: int) -> None:
    """Check that there are enough pictures for calibration.

    Raises:
        PicturesError: there are fewer than `MIN_PICTURES`.
    """
    if count < MIN_PICTURES:
        raise PicturesError(
            f"calibration needs {MIN_PICTURES} pictures or more that show what the camera will see, but there are {count}; "
            "use some hundred"
        )


def encode_pictures(pictures: Iterable[U8], spec: InputSpec) -> Iterator[NDArray[np.generic]]:
    """Encode pictures with the daemon's own encoder.

    Args:
        pictures: (H, W, 3) uint8, RGB.
        spec: the model's input.

    Yields:
        (1, H, W, C) of the model's input, in its dtype: uint8, int8 or float32. No two arrays share memory.
    """
    encoder = Encoder(spec)
    for picture in pictures:
        frame = Frame.from_pixels(np.ascontiguousarray(picture), PixelFormat.RGB24)
        yield encoder(frame).array.copy()


def find_input_spec(model: bytes, name: str) -> InputSpec:
    """Return how the daemon will preprocess the input of a float32 model.

    The model's family decides; if no family matches, the model's metadata does.

    Args:
        model: the .tflite.
        name: the model's, for messages.

    Raises:
        SourceError: no family matches and the model has no metadata, or the model cannot be loaded.
    """
    signature = read_signature(model, name)
    try:
        return find_family(signature, Path(name)).input
    except ModelError as error:
        return _input_spec_from_metadata(signature, error)


def read_signature(model: bytes, name: str) -> ModelSignature:
    """Return a model's tensors, operators and metadata, as litert shows them.

    Raises:
        SourceError: the model cannot be loaded.
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
            reason = str(error).replace(str(path), name)
            raise SourceError(f"{name} cannot be run: {reason}") from error
        signature: ModelSignature = interpreter.signature
        interpreter.close()
    return signature


def _input_spec_from_metadata(signature: ModelSignature, error: ModelError) -> InputSpec:
    if not (signature.metadata.mean and signature.metadata.std):
        raise SourceError(
            f"{error}; to calibrate the model nevertheless, give its normalisation with --mean and --std"
        )
    spec = image_input(signature, fitting=Fitting.STRETCH, mean=0.0, std=1.0)
    if isinstance(spec, str):
        raise SourceError(f"{error}; {spec}")
    return spec
