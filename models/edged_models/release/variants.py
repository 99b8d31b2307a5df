"""The model files that are converted from the bundled checkpoint."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from edged_models.conversion.kinds.checkpoint import detector_source
from edged_models.conversion.model_metadata import ModelMetadata
from edged_models.conversion.thresholds import attach_thresholds
from edged_models.detector.checkpoint import Checkpoint
from edged_models.detector.graph import DetectorHead
from edged_models.detector.weights import restore_net
from edged_models.pictures.open_pictures import open_pictures
from edged_models.pictures.subset import take_evenly
from edged_models.quantization.quantize import quantize
from edged_models.quantization.scheme import IoType, Scheme

CALIBRATION_PICTURES = "scenes:train"


@dataclass(frozen=True, slots=True, kw_only=True)
class BundledVariant:
    """One model file.

    Attributes:
        file: name of the file.
        name: name in the model's metadata.
        side_px: side of the square input, pixels.
        head: the kind of outputs.
        score_shift: added to the logits of the scores, so that the threshold 0.5 gives few false alarms; it keeps the order of the
            detections, and so the average precision.
        calibrated_on: number of calibration scenes.
        thresholds: by label, the smallest score of a detection that the file recommends; labels without one have the daemon's default.
    """

    file: str
    name: str
    side_px: int
    head: DetectorHead
    score_shift: float = 0.0
    calibrated_on: int = 300
    thresholds: Mapping[str, float] = field(default_factory=dict)


def _both_heads(
    name: str, side_px: int, *, score_shift: float, thresholds: Mapping[str, float]
) -> tuple[BundledVariant, BundledVariant]:
    """Return the variant with the post-process operator, and the all-int8 one for accelerators that lack it."""
    postprocess = BundledVariant(
        file=f"{name}.tflite",
        name=f"edged-{name}",
        side_px=side_px,
        head=DetectorHead.POSTPROCESS,
        score_shift=score_shift,
        thresholds=thresholds,
    )
    raw = replace(
        postprocess,
        file=f"{name}-raw.tflite",
        name=f"{postprocess.name}-raw",
        head=DetectorHead.RAW,
    )
    return postprocess, raw


_THRESHOLDS = {
    "qr_code": 0.6,
    "barcode": 0.65,
    "fiducial_tag": 0.55,
    "warning_sign": 0.6,
    "mandatory_sign": 0.65,
}
_FAST_THRESHOLDS = {
    "barcode": 0.6,
    "fiducial_tag": 0.55,
    "warning_sign": 0.65,
    "safe_condition_sign": 0.55,
}
_ACCURATE_THRESHOLDS = {
    "qr_code": 0.65,
    "barcode": 0.6,
    "fiducial_tag": 0.6,
    "warning_sign": 0.55,
    "fire_sign": 0.6,
}
"""From the tables of false alarms and recall in bundled/ABOUT.md; the other labels have the default of 0.5."""

VARIANTS = (
    *_both_heads("marks", 256, score_shift=-0.6, thresholds=_THRESHOLDS),  # the daemon's default
    *_both_heads(
        "marks-fast", 192, score_shift=-0.6, thresholds=_FAST_THRESHOLDS
    ),  # the fastest; misses small marks
    *_both_heads(
        "marks-accurate", 320, score_shift=-0.75, thresholds=_ACCURATE_THRESHOLDS
    ),  # detects the smallest marks
)
"""With these shifts there are 0.08 false alarms of at least 0.5 per empty scene (the 512 of scenes:held-out and scenes:hard)."""


def convert_variant(variant: BundledVariant, checkpoint: Checkpoint, *, version: str) -> bytes:
    """Convert one variant: uint8 pixels in, int8 inside; the same checkpoint gives the same bytes.

    Args:
        variant: the file to make.
        checkpoint: the trained weights.
        version: version in the model's metadata.

    Returns:
        The content of the .tflite file.

    Raises:
        SourceError: the checkpoint lacks weights, or TensorFlow cannot convert it.
    """
    net = restore_net(shift_scores(checkpoint, variant.score_shift), side_px=variant.side_px)
    labels = checkpoint.architecture.labels
    source = detector_source(net, name=variant.name, labels=labels, head=variant.head)
    pictures = take_evenly(open_pictures(CALIBRATION_PICTURES), variant.calibrated_on)
    content = quantize(
        replace(source, metadata=_build_metadata(variant.name, version, labels)),
        scheme=Scheme.INT8,
        io=IoType.UINT8,
        calibration=(picture.image for picture in pictures),
    )
    return attach_thresholds(content, variant.thresholds, variant.file)


def _build_metadata(name: str, version: str, labels: tuple[str, ...]) -> ModelMetadata:
    return ModelMetadata(
        name=name,
        version=version,
        description="Printed codes, fiducial tags and safety signs, by kind.",
        author="The edged authors",
        licence="Apache-2.0",
        labels=labels,
        mean=(0.0,),
        std=(255.0,),
    )


def shift_scores(checkpoint: Checkpoint, offset: float) -> Checkpoint:
    """Return the same net with `offset` added to the logits of all scores."""
    weights = {
        name: array + np.float32(offset) if name.endswith("_score/bias") else array
        for name, array in checkpoint.weights.items()
    }
    return replace(checkpoint, weights=weights)
