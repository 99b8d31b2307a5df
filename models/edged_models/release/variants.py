"""The files that are made of the bundled checkpoint."""

from dataclasses import dataclass, replace

import numpy as np

from edged_models.conversion.card import Card
from edged_models.conversion.kinds.checkpoint import detector_source
from edged_models.conversion.quantize import Io, Scheme, quantize
from edged_models.detector.checkpoint import Checkpoint
from edged_models.detector.graph import Head
from edged_models.detector.weights import restore
from edged_models.pictures.sources import open_pictures
from edged_models.pictures.subset import at_most

CALIBRATION = "scenes:train"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One file.

    Attributes:
        file: its name.
        name: as the model calls itself.
        side_px: of the input.
        head: what it gives.
        what: a line about it.
        score_shift: added to the scores' logits, so that 0.5 is a threshold that lets few false alarms pass; it changes no order, and
            so no average precision.
        calibrated_on: how many scenes the quantisation sees.
    """

    file: str
    name: str
    side_px: int
    head: Head
    what: str
    score_shift: float = 0.0
    calibrated_on: int = 300


def _both_heads(
    name: str, side_px: int, *, score_shift: float, what: str
) -> tuple[Variant, Variant]:
    plain = Variant(
        file=f"{name}.tflite",
        name=f"edged-{name}",
        side_px=side_px,
        head=Head.POSTPROCESS,
        what=what,
        score_shift=score_shift,
    )
    raw = replace(
        plain,
        file=f"{name}-raw.tflite",
        name=f"{plain.name}-raw",
        head=Head.RAW,
        what=f"{what}; all int8, for what has no post-process operator",
    )
    return plain, raw


VARIANTS = (
    *_both_heads(
        "marks", 256, score_shift=-0.6, what="what the daemon runs if nothing else is set"
    ),
    *_both_heads("marks-fast", 192, score_shift=-0.6, what="the fastest; misses small marks"),
    *_both_heads("marks-accurate", 320, score_shift=-0.75, what="finds the smallest marks"),
)
"""The shifts leave 0.08 false alarms of at least 0.5 on an empty drawn scene (the 512 of scenes:held-out and scenes:hard)."""


def made(variant: Variant, checkpoint: Checkpoint, *, version: str) -> bytes:
    """The .tflite of a variant: uint8 pixels in, int8 within; the same checkpoint gives the same bytes."""
    net = restore(shifted(checkpoint, variant.score_shift), side_px=variant.side_px)
    labels = checkpoint.architecture.labels
    source = detector_source(net, name=variant.name, labels=labels, head=variant.head)
    card = Card(
        name=variant.name,
        version=version,
        description="Printed codes, fiducial tags and safety signs, by kind.",
        author="The edged authors",
        licence="Apache-2.0",
        labels=labels,
        mean=(0.0,),
        std=(255.0,),
    )
    pictures = at_most(open_pictures(CALIBRATION), variant.calibrated_on)
    return quantize(
        replace(source, card=card),
        scheme=Scheme.INT8,
        io=Io.UINT8,
        calibration=(one.image for one in pictures),
    )


def shifted(checkpoint: Checkpoint, by: float) -> Checkpoint:
    """The same net, all its scores' logits moved."""
    weights = {
        name: array + np.float32(by) if name.endswith("_score/bias") else array
        for name, array in checkpoint.weights.items()
    }
    return replace(checkpoint, weights=weights)
