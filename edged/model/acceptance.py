"""Acceptance test, which refuses models that load and run but give wrong results.

A model runs on two generated pictures, the second the mirrored negative of the first, and must

- give the same bytes for the first picture in two freshly loaded interpreters of one thread, one of them in memory that was filled before. Only
  the rows beyond the count of a detection post-process are left out, which its operator never writes. Not tested with an external
  delegate, whose device may be open only once and which need not be exact to the bit;
- find less than 50 objects with a score of 0.5 or more in one of them: a pose model whose keypoints are taken for scores finds more;
- give numbers: no NaN, no infinity, no impossible class, no impossible count (`ModelFamily.decode` refuses those);
- give different outputs for the two, if it finds anything at all;
- not give the same score to all that it finds, unless that score is nearly 0;
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

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from edged.clock import SystemClock
from edged.config.settings import ModelSettings
from edged.errors import ModelError
from edged.host.memory_fill import filled_memory
from edged.model.acceptance_record import AcceptanceRecord
from edged.model.load import Model, load_model
from edged.model.refusal.message import short_messages, shorten_name
from edged.types import Detections, Frame

_WIDTH_PX, _HEIGHT_PX = 640, 480
_MIN_BOXES = 16
_MAX_SAME_SIZE_SHARE = 0.2
_MAX_OBJECTS = 50
_EMPTY_SCORE = 0.05
"""Largest score of an empty cell: heads for the EdgeTPU clamp their logits at -4, the score 0.018, so that all are the same."""
_OBJECT_SCORE = 0.5


@dataclass(frozen=True, kw_only=True, eq=False)
class _Outcome:
    """What a model gives for one picture."""

    detections: Detections
    digest: bytes
    invoke_ms: float


def load_accepted_model(settings: ModelSettings, record: AcceptanceRecord | None = None) -> Model:
    """Load a model and test it. If its interpreter is repeatable, that is the second one, after a first with which it is compared.

    Args:
        settings: the model's settings.
        record: what was accepted before, and is not tested again; None to test it in any case. With an external delegate it is always
            tested, because that tests the device as well.

    Raises:
        ModelError: the model cannot be loaded, or gives wrong results; the message describes them.
        DelegateError: the delegate cannot be loaded, or its device is absent.
        InvokeError: the runtime or the delegate's device failed.
        RegistryError: no such runtime or family, or the runtime is not installed.
    """
    files = [file for file in (settings.resolve_file(), settings.labels_file) if file]
    with short_messages(files):
        model = load_model(settings)
        if not model.interpreter.is_repeatable:
            return _accept(model, expected=None)
        if record is None:
            return _accept_repeatable(model, settings)
        if not record.has(model):
            model = _accept_repeatable(model, settings)
            record.add(model)
        return model


def _accept_repeatable(model: Model, settings: ModelSettings) -> Model:
    """Close a model, and return it as it is loaded again, once both have passed the test.

    They are compared on one thread: with more, the post-process operator orders boxes of equal scores differently each time.
    """
    compared = replace(settings, threads=1)
    if settings.threads > 1:
        model.interpreter.close()
        model = load_model(compared)
    try:
        pictures = make_test_images()
        expected = _digest_picture(model, pictures[0])
    finally:
        model.interpreter.close()  # one after the other: two at once would need twice the memory
    with filled_memory():
        model = _accept(load_model(compared), expected=expected, pictures=pictures)
    if settings.threads > 1:
        model.interpreter.close()
        model = _accept(load_model(settings), expected=None, pictures=pictures)
    return model


def run_acceptance_test(
    model: Model, *, expected: bytes | None = None, pictures: tuple[Frame, Frame] | None = None
) -> float:
    """Test a model on generated test images; the invocations also warm it.

    Args:
        model: the model; nothing else may use it meanwhile.
        expected: what another interpreter answered to the first picture; None if nothing is compared.
        pictures: what `make_test_images` returned, if the caller has it.

    Returns:
        Duration of the second invocation in milliseconds.

    Raises:
        ModelError: the model gives wrong results; the message describes them.
        InvokeError: the runtime or the delegate's device failed.
    """
    picture, other_picture = pictures or make_test_images()
    first = _run_again(model, picture, expected)
    second = _run(model, other_picture)
    if first.digest == second.digest and len(first.detections):
        raise ModelError(
            f"the model {shorten_name(model.name)} gives the same output for two different pictures"
        )
    for answer in (first, second):
        _check_scores(model, answer.detections)
        _check_sizes(model, answer.detections)
    _check_counts(model, (first.detections, second.detections))
    return second.invoke_ms


def _accept(
    model: Model, *, expected: bytes | None, pictures: tuple[Frame, Frame] | None = None
) -> Model:
    try:
        run_acceptance_test(model, expected=expected, pictures=pictures)
    except BaseException:
        model.interpreter.close()
        raise
    return model


def _digest_picture(model: Model, picture: Frame) -> bytes:
    try:
        return _run(model, picture).digest
    except ModelError as error:  # the next interpreter fails, too, or it answers otherwise
        return str(error).encode()


def _run_again(model: Model, picture: Frame, expected: bytes | None) -> _Outcome:
    try:
        answer = _run(model, picture)
        digest = answer.digest
    except ModelError as error:
        digest = str(error).encode()
        if expected in (None, digest):
            raise
    if expected not in (None, digest):
        raise ModelError(
            f"the model {shorten_name(model.name)} answers the same picture differently at each load: its conversion reads memory that "
            "nothing has written; convert it again"
        )
    return answer


def _run(model: Model, picture: Frame) -> _Outcome:
    clock = SystemClock()
    tensor = model.encoder(picture)
    start_ns = clock.monotonic_ns()
    outputs = model.interpreter.invoke(tensor.array)
    invoke_ms = (clock.monotonic_ns() - start_ns) / 1e6
    detections = model.family.decode(outputs, tensor.fit, min_score=0.0)
    arrays: list[NDArray[np.generic]] = [detections.boxes, detections.scores, detections.class_ids]
    if model.interpreter.signature.postprocess is None:
        arrays.extend(outputs)
    digest = hashlib.sha256(b"".join(array.tobytes() for array in arrays)).digest()
    return _Outcome(detections=detections, digest=digest, invoke_ms=invoke_ms)


def _check_counts(model: Model, detections: Iterable[Detections]) -> None:
    count = min(int((found.scores >= _OBJECT_SCORE).sum()) for found in detections)
    if count >= _MAX_OBJECTS:
        raise ModelError(
            f"the model {shorten_name(model.name)} finds {count} objects in pictures that show none: it is no detector (but for pose, "
            "landmarks, oriented boxes?), or its conversion is broken"
        )


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
    boxes = np.array(sorted({tuple(box) for box in detections.boxes.tolist()}), np.float32)
    boxes = boxes.reshape(-1, 4)
    inside = ((boxes[:, :2] > 0.0) & (boxes[:, 2:] < 1.0)).all(axis=1)
    sizes = (boxes[:, 2:] - boxes[:, :2])[inside]
    if len(sizes) < _MIN_BOXES:
        return 0.0
    # Not by numpy.unique, which imports numpy.ma: 30 ms and 4 MB of each vision worker.
    counts = Counter(map(tuple, np.rint(sizes * 1000).tolist()))
    return max(counts.values()) / len(sizes)


def _check_sizes(model: Model, detections: Detections) -> None:
    share = commonest_size_share(detections)
    if share > _MAX_SAME_SIZE_SHARE:
        raise ModelError(
            f"the model {shorten_name(model.name)} gives {share:.0%} of its boxes the same size: its head was quantised over too small a "
            "range; convert it again, in float16 or without quantising the head"
        )


def _check_scores(model: Model, detections: Detections) -> None:
    if (
        len(detections) >= _MIN_BOXES
        and detections.scores[0] == detections.scores[-1] > _EMPTY_SCORE
    ):
        raise ModelError(
            f"the model {shorten_name(model.name)} gives every box of a picture the score {detections.scores[0]:.2f}"
        )
