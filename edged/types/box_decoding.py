"""The decoding of a detector's boxes as its file describes it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edged.types.detections import F32


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxDecoding:
    """The decoding of raw boxes and scores, from MediaPipe's DETECTOR_METADATA.

    ``centre = code / scale * anchor size + anchor centre``; ``size = exp(code / scale) * anchor size``, or without `exp`.

    Attributes:
        packed_anchors: N times 4 float32 in the machine's byte order, as `read_anchors` returns them; reports leave them out.
        class_count: number of columns of the scores.
        value_count: number of columns of the boxes; more than 4 where key points follow.
        scales: divisors of a box's codes, in the order y, x, height, width.
        has_exponential_sizes: whether the sizes are powers of e.
        has_logits: whether the scores need a sigmoid.
        output_names: the outputs' names in the metadata, in the file's order; "location" are the boxes, "score" the scores.
    """

    packed_anchors: bytes
    class_count: int
    value_count: int
    scales: tuple[float, float, float, float]
    has_exponential_sizes: bool
    has_logits: bool
    output_names: tuple[str, ...] = ()

    def read_anchors(self) -> "F32":
        """Return the anchors: (N, 4) float32, centre y, centre x, height, width, in fractions of the tensor's picture."""
        import numpy as np  # only the worker decodes: the supervisor runs without numpy

        return np.frombuffer(self.packed_anchors, np.float32).reshape(-1, 4)
