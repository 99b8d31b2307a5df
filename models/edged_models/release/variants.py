"""The files that are made of the bundled checkpoint."""

from dataclasses import dataclass, replace

import numpy as np

from edged_models.conversion.kinds.checkpoint import detector_source
from edged_models.conversion.model_metadata import ModelMetadata
from edged_models.conversion.quantize import IoType, Scheme, quantize
from edged_models.detector.checkpoint import Checkpoint
from edged_models.detector.graph import DetectorHead
from edged_models.detector.weights import restore_net
from edged_models.pictures.open_pictures import open_pictures
from edged_models.pictures.subset import take_evenly

CALIBRATION_PICTURES = "scenes:train"


@dataclass(frozen=True, slots=True, kw_only=True)
class BundledVariant:
    """One file.

    Attributes:
        file: its name.
        name: as the model calls itself.
        side_px: of the input.
        head: what it gives.
        description: a line about it.
        score_shift: added to the scores' logits, so that 0.5 is a threshold that lets few false alarms pass; it changes no order, and
            so no average precision.
        calibrated_on: how many scenes the quantisation sees.
    """

    file: str
    name: str
    side_px: int
    head: DetectorHead
    description: str
    score_shift: float = 0.0
    calibrated_on: int = 300


def _both_heads(
    name: str, side_px: int, *, score_shift: float, description: str
) -> tuple[BundledVariant, BundledVariant]:
    plain = BundledVariant(
        file=f"{name}.tflite",
        name=f"edged-{name}",
        side_px=side_px,
        head=DetectorHead.POSTPROCESS,
        description=description,
        score_shift=score_shift,
    )
    raw = replace(
        plain,
        file=f"{name}-raw.tflite",
        name=f"{plain.name}-raw",
        head=DetectorHead.RAW,
        description=f"{description}; all int8, for what has no post-process operator",
    )
    return plain, raw


VARIANTS = (
    *_both_heads(
        "marks", 256, score_shift=-0.6, description="what the daemon runs if nothing else is set"
    ),
    *_both_heads(
        "marks-fast", 192, score_shift=-0.6, description="the fastest; misses small marks"
    ),
    *_both_heads("marks-accurate", 320, score_shift=-0.75, description="finds the smallest marks"),
)
"""The shifts leave 0.08 false alarms of at least 0.5 on an empty drawn scene (the 512 of scenes:held-out and scenes:hard)."""


def convert_variant(variant: BundledVariant, checkpoint: Checkpoint, *, version: str) -> bytes:
    """The .tflite of a variant: uint8 pixels in, int8 within; the same checkpoint gives the same bytes."""
    net = restore_net(shift_scores(checkpoint, variant.score_shift), side_px=variant.side_px)
    labels = checkpoint.architecture.labels
    source = detector_source(net, name=variant.name, labels=labels, head=variant.head)
    card = ModelMetadata(
        name=variant.name,
        version=version,
        description="Printed codes, fiducial tags and safety signs, by kind.",
        author="The edged authors",
        licence="Apache-2.0",
        labels=labels,
        mean=(0.0,),
        std=(255.0,),
    )
    pictures = take_evenly(open_pictures(CALIBRATION_PICTURES), variant.calibrated_on)
    return quantize(
        replace(source, metadata=card),
        scheme=Scheme.INT8,
        io=IoType.UINT8,
        calibration=(one.image for one in pictures),
    )


def shift_scores(checkpoint: Checkpoint, offset: float) -> Checkpoint:
    """The same net, all its scores' logits moved."""
    weights = {
        name: array + np.float32(offset) if name.endswith("_score/bias") else array
        for name, array in checkpoint.weights.items()
    }
    return replace(checkpoint, weights=weights)
