"""The normalisation of a model's input: which one is used, and what says so."""

from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from msgspec import Struct

from edged.errors import ModelError
from edged.model.load import find_family
from edged.types import ModelSignature
from edged_models.conversion.calibration import read_signature
from edged_models.conversion.metadata import attach_metadata
from edged_models.conversion.model_metadata import ModelMetadata
from edged_models.conversion.source import ModelSource, Precision
from edged_models.errors import SourceError
from edged_models.verification.input_scaling import (
    PIXEL_RANGES,
    InputScaling,
    find_normalisation_fault,
    find_pixel_range,
)
from edged_models.verification.tflite_scaling import find_tflite_scaling

_IMAGENET = (
    "123.675,116.28,103.53 and 58.395,57.12,57.375 (the statistics of ImageNet, as in PyTorch)"
)
ACCEPT_DEFAULT_OPTION = "--accept-default-normalisation"


class NormalisationOrigin(StrEnum):
    """The origin of the normalisation of pixels."""

    OPTION = "option"
    METADATA = "metadata"
    """The source's own, as a checkpoint's or a .tflite's."""
    GRAPH = "graph"
    """The model scales pixels itself."""
    PIXELS = "pixels"
    """The input is uint8."""
    DEFAULT = "default"
    """That of the daemon's family, confirmed by an option."""
    UNKNOWN = "unknown"
    """No family of the daemon fits, and nothing says it."""


class UsedNormalisation(Struct, frozen=True, kw_only=True):
    """The normalisation ``(pixel - mean) / std`` of pixels 0..255.

    Attributes:
        mean: one for all channels or one for each; () if it is unknown.
        std: likewise.
        origin: what says so, a `NormalisationOrigin`.
        reason: the same as a clause.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    origin: str
    reason: str

    def describe(self) -> str:
        """Return a line for the result."""
        if not self.mean:
            return self.reason
        return f"(pixel - {_join(self.mean)}) / {_join(self.std)}: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SettledSource:
    """A source whose normalisation is settled and in its metadata.

    Attributes:
        source: the source.
        normalisation: the normalisation.
    """

    source: ModelSource
    normalisation: UsedNormalisation


def settle_normalisation(
    source: ModelSource, *, given: ModelMetadata, accept_default: bool, accept_loss: bool
) -> SettledSource:
    """Find the normalisation of a source, and put it into its metadata.

    The first that says it counts: the options, the source's metadata, a uint8 input, the model's own scaling, the default of the
    daemon's family.

    Args:
        source: the source, its metadata filled with the options.
        given: the metadata from the options alone.
        accept_default: whether a family's default is confirmed.
        accept_loss: whether an input that is normalised twice, or not at all, is accepted.

    Raises:
        SourceError: only a family's default is known, and not confirmed; or the normalisation contradicts the model's own scaling.
    """
    metadata = source.metadata
    model = source.to_tflite(Precision.FLOAT32)
    scaling = _find_scaling(source, model)
    if metadata.mean and metadata.std:
        _check_fault(source, scaling, accept_loss=accept_loss)
        origin = NormalisationOrigin.OPTION if given.mean else NormalisationOrigin.METADATA
        reason = "--mean and --std" if given.mean else "the source's metadata"
        return _settle(source, origin, metadata.mean, metadata.std, reason)
    signature = _try_read_signature(attach_metadata(model, metadata, source.name), source.name)
    if signature is not None and signature.inputs[0].dtype == "uint8":
        return _settle(source, NormalisationOrigin.PIXELS, (0.0,), (1.0,), "the input is uint8")
    pixels = find_pixel_range(scaling) if scaling else None
    if scaling and pixels:
        reason = f"the model's own {' and '.join(scaling.ops)} behind its input are made for {pixels.text}"
        return _settle(source, NormalisationOrigin.GRAPH, (pixels.mean,), (pixels.std,), reason)
    return _settle_by_family(source, signature, accept_default=accept_default)


def _settle_by_family(
    source: ModelSource, signature: ModelSignature | None, *, accept_default: bool
) -> SettledSource:
    try:
        family = find_family(signature, Path(source.name)) if signature else None
    except ModelError:
        family = None
    if family is None:
        unknown = "unknown: no family of edged fits the model; set it with --mean and --std"
        used = UsedNormalisation(
            mean=(), std=(), origin=NormalisationOrigin.UNKNOWN, reason=unknown
        )
        return SettledSource(source=source, normalisation=used)
    mean, std = family.input.mean, family.input.std
    default = f"the default of the family {family.name}"
    if not accept_default:
        raise SourceError(
            f"nothing says how {source.name} was trained to get its pixels: no option, no metadata, no scaling behind its input. "
            f"Give --mean and --std: {_list_candidates()}; or confirm {default}, {_join(mean)} and {_join(std)}, with "
            f"{ACCEPT_DEFAULT_OPTION}"
        )
    return _settle(source, NormalisationOrigin.DEFAULT, mean, std, f"{default}, as confirmed")


def _settle(
    source: ModelSource,
    origin: NormalisationOrigin,
    mean: tuple[float, ...],
    std: tuple[float, ...],
    reason: str,
) -> SettledSource:
    used = UsedNormalisation(mean=mean, std=std, origin=origin, reason=reason)
    settled = replace(source, metadata=replace(source.metadata, mean=mean, std=std))
    return SettledSource(source=settled, normalisation=used)


def _find_scaling(source: ModelSource, model: bytes) -> InputScaling | None:
    function = getattr(source, "function", None)
    scaling = None
    if function is not None:
        from edged_models.verification.function_scaling import find_function_scaling

        scaling = find_function_scaling(function)
    return scaling or find_tflite_scaling(model, source.name)


def _check_fault(source: ModelSource, scaling: InputScaling | None, *, accept_loss: bool) -> None:
    metadata = source.metadata
    fault = find_normalisation_fault(scaling, metadata.mean, metadata.std) if scaling else None
    if fault and not accept_loss:
        wanted = find_pixel_range(scaling)
        raise SourceError(
            f"{source.name}: {fault}; give --mean {wanted.mean:g} --std {wanted.std:g}"
        )


def _try_read_signature(model: bytes, name: str) -> ModelSignature | None:
    try:
        return read_signature(model, name)
    except SourceError:  # it needs custom operators, or is reported when it is run
        return None


def _list_candidates() -> str:
    usual = [f"{one.mean:g} and {one.std:g} ({one.text})" for one in PIXEL_RANGES]
    return ", ".join([*usual, _IMAGENET])


def _join(values: tuple[float, ...]) -> str:
    return ",".join(f"{value:g}" for value in values)
