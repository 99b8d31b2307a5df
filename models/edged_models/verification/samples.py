"""Inputs for the comparison of a result with its source."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edged.errors import ModelError
from edged.families.inputs import image_input
from edged.interfaces import ModelFamily
from edged.model.encode import Encoder
from edged.model.load import find_family
from edged.types import Fit, Fitting, Frame, InputSpec, ModelSignature, PixelFormat, TensorInfo

MAX_PICTURES = 32
_NOISE_SEED = 1
U8 = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Samples:
    """Inputs of the written model, and the same ones for its source.

    Attributes:
        written: (P, *shape of the input) in the written model's dtype.
        source: (P, *shape of the input) in the source's dtype.
        fits: how each picture was fitted into the tensor; empty for noise.
        family: the daemon's family of the written model; None if none fits.
        source_family: the family of the same model with float tensors, which decodes the source's outputs; None if none fits.
        fault: what is wrong with the inputs already; None if nothing is.
    """

    written: NDArray[np.generic]
    source: NDArray[np.generic]
    fits: tuple[Fit, ...]
    family: ModelFamily | None
    source_family: ModelFamily | None
    fault: str | None


def make_samples(signature: ModelSignature, images: Sequence[U8], *, source_dtype: str) -> Samples:
    """Encode pictures as the daemon does; noise, if the model's input is no picture with a known normalisation.

    Args:
        signature: the written model's.
        images: (H, W, 3) uint8, RGB.
        source_dtype: dtype of the source's input.
    """
    plain = _undo_quantization(signature, source_dtype)
    family, source_family = _try_family(signature), _try_family(plain)
    spec = family.input if family else _spec_from_metadata(signature)
    source_spec = source_family.input if source_family else _spec_from_metadata(plain)
    if spec is None or source_spec is None:
        noise = _draw_noise(signature.inputs[0], source_dtype, len(images))
        return Samples(
            written=noise[0], source=noise[1], fits=(), family=None, source_family=None, fault=None
        )
    written, fits = _encode(images, spec)
    source, _ = _encode(images, source_spec)
    fault = _find_fault(signature, written, source)
    if source_family and not family:
        fault = f"the daemon's family {source_family.name} reads the source's outputs, but not the result's"
    return Samples(
        written=written,
        source=source,
        fits=fits,
        family=family,
        source_family=source_family,
        fault=fault,
    )


def _undo_quantization(signature: ModelSignature, source_dtype: str) -> ModelSignature:
    """Return the signature that the model has before quantisation."""
    inputs = tuple(
        replace(one, dtype=source_dtype, scale=0.0, zero_point=0) for one in signature.inputs
    )
    outputs = tuple(
        replace(one, dtype="float32", scale=0.0, zero_point=0) if one.scale else one
        for one in signature.outputs
    )
    return replace(signature, inputs=inputs, outputs=outputs)


def _try_family(signature: ModelSignature) -> ModelFamily | None:
    try:
        return find_family(signature, Path("model"))
    except ModelError:
        return None


def _spec_from_metadata(signature: ModelSignature) -> InputSpec | None:
    if not (signature.metadata.mean and signature.metadata.std):
        return None
    spec = image_input(signature, fitting=Fitting.STRETCH, mean=0.0, std=1.0)
    return None if isinstance(spec, str) else spec


def _encode(images: Sequence[U8], spec: InputSpec) -> tuple[NDArray[np.generic], tuple[Fit, ...]]:
    encoder = Encoder(spec)
    arrays, fits = [], []
    for image in images:
        frame = Frame.from_pixels(np.ascontiguousarray(image), PixelFormat.RGB24)
        tensor = encoder(frame)
        arrays.append(tensor.array.copy())
        fits.append(tensor.fit)
    return np.stack(arrays), tuple(fits)


def _find_fault(
    signature: ModelSignature, written: NDArray[np.generic], source: NDArray[np.generic]
) -> str | None:
    """Return a clause if the daemon would give the written model other values than the source was given."""
    info = signature.inputs[0]
    if written.dtype == source.dtype:
        return None if np.array_equal(written, source) else "its input is encoded in another way"
    step = info.scale or 1.0
    real = (written.astype(np.float64) - info.zero_point) * step
    worst = float(np.abs(real - source.astype(np.float64)).max(initial=0.0))
    if worst <= _MAX_STEPS * step:
        return None
    return (
        f"the daemon would give it {real.min():.3g}..{real.max():.3g} where the source gets {source.min():.3g}..{source.max():.3g}: "
        "give the normalisation with --mean and --std"
    )


def _draw_noise(
    info: TensorInfo, source_dtype: str, count: int
) -> tuple[NDArray[np.generic], NDArray[np.generic]]:
    """Return noise, (count, *shape) twice: for the written model, and for its source."""
    shape = (count, *(max(1, side) for side in info.shape))
    values = np.random.default_rng(_NOISE_SEED).uniform(0.0, 1.0, shape)
    if np.dtype(source_dtype).kind in "iu":
        whole = (values * 255).astype(source_dtype)
        return whole.astype(info.dtype), whole
    source = values.astype(source_dtype)
    if np.dtype(info.dtype).kind == "f":
        return source.astype(info.dtype), source
    limits = np.iinfo(info.dtype)
    rounded = np.rint(values / (info.scale or 1.0) + info.zero_point)
    return np.clip(rounded, limits.min, limits.max).astype(info.dtype), source


_MAX_STEPS = 1.0
"""An input is rounded to half a step, and its scale is rounded itself."""
