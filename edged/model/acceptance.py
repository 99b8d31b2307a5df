"""Acceptance test, which refuses models that load and run but give wrong results.

A model runs on two generated pictures, the second the mirrored negative of the first, and must

- give numbers: no NaN, no infinity, no impossible class, no impossible count (`ModelFamily.decode` refuses those);
- give different outputs for the two, if it finds anything at all;
- not give the same score, other than 0, to all that it finds;
- not give the same size to a fifth of what it finds. A head that was quantised over too small a range clamps its box sizes to
  the end of that range. Share of the commonest size, in thousandths of the picture, among the 16 or more boxes that lie
  wholly inside the picture. A box that stands there for several classes counts once:

  =========================================  =============  ==============
  measured on both runtimes                  first picture  second picture
  =========================================  =============  ==============
  YOLOX-nano, int8, its head clamped         0.35 .. 0.37   0.44
  YOLOX-nano, float16                        0.03           0.04
  a uint8 SSD with room for 50 boxes         0.05           0.04
  =========================================  =============  ==============

The content of the pictures does not matter: the rules hold for models of any classes, at any score.
"""

import numpy as np

from edged.clock import SystemClock
from edged.errors import ModelError
from edged.model.load import Model
from edged.types import Detections, Frame

_WIDTH_PX, _HEIGHT_PX = 640, 480
_MIN_BOXES = 16
_MAX_SAME_SIZE_SHARE = 0.2


def run_acceptance_test(model: Model) -> float:
    """Test a model on generated test images; the two invocations also warm it.

    Returns:
        Duration of the second invocation in milliseconds.

    Raises:
        ModelError: the model gives wrong results; the message describes them.
        InvokeError: the runtime or the delegate's device failed.
    """
    clock = SystemClock()
    results, invoke_ms = [], 0.0
    for picture in make_test_images():
        tensor = model.encoder(picture)
        start_ns = clock.monotonic_ns()
        outputs = model.interpreter.invoke(tensor.array)
        invoke_ms = (clock.monotonic_ns() - start_ns) / 1e6
        detections = model.family.decode(outputs, tensor.fit, min_score=0.0)
        _check_scores(model, detections)
        _check_sizes(model, detections)
        results.append((len(detections), [output.tobytes() for output in outputs]))
    if results[0] == results[1] and results[0][0]:
        raise ModelError(f"the model {model.name} gives the same output for two different pictures")
    return invoke_ms


def make_test_images() -> tuple[Frame, Frame]:
    """Return two generated pictures, always the same: waves of every width under blocks and discs, and their mirrored negative."""
    y, x = np.mgrid[:_HEIGHT_PX, :_WIDTH_PX].astype(np.float32)
    waves = np.sin(x * x / 4000) * np.sin(y * y / 3000 + x / 50)
    picture = np.stack([127 + 100 * waves, 255 * x / _WIDTH_PX, 255 * y / _HEIGHT_PX], axis=-1)
    picture[80:400, 100:300] = (20, 200, 30)
    picture[(x - 450) ** 2 + (y - 240) ** 2 < 100**2] = (200, 30, 220)
    picture[(x - 200) ** 2 + 2 * (y - 160) ** 2 < 60**2] = (180, 200, 240)
    first = np.ascontiguousarray(picture.astype(np.uint8))
    return Frame.from_pixels(first), Frame.from_pixels(np.ascontiguousarray(255 - first[:, ::-1]))


def commonest_size_share(detections: Detections) -> float:
    """Return the share of the commonest size among the different boxes off the border; 0.0 if there are fewer than 16 such boxes.

    Sizes are compared as width and height in thousandths of the picture.
    """
    # One anchor may stand for several classes: its box is one and the same, and says nothing about the others.
    boxes = np.unique(detections.boxes, axis=0)
    inside = ((boxes[:, :2] > 0.0) & (boxes[:, 2:] < 1.0)).all(axis=1)
    sizes = (boxes[:, 2:] - boxes[:, :2])[inside]
    if len(sizes) < _MIN_BOXES:
        return 0.0
    _, counts = np.unique(np.rint(sizes * 1000), axis=0, return_counts=True)
    return float(counts.max() / len(sizes))


def _check_sizes(model: Model, detections: Detections) -> None:
    share = commonest_size_share(detections)
    if share > _MAX_SAME_SIZE_SHARE:
        raise ModelError(
            f"the model {model.name} gives {share:.0%} of its boxes the same size, as a detection head does that was "
            "quantised over too small a range: convert it again, in float16 or without quantising the head"
        )


def _check_scores(model: Model, detections: Detections) -> None:
    if len(detections) >= _MIN_BOXES and detections.scores[0] == detections.scores[-1] > 0.0:
        raise ModelError(
            f"the model {model.name} gives every box of a picture the score {detections.scores[0]:.2f}"
        )
