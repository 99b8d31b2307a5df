"""An interpreter without a model: it finds strongly coloured rectangles, with numpy, and fails on command.

Its outputs are those of an SSD with the post-process op, so that everything behind an interpreter runs as it does with a real one.
"""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from edged.clock import NS_PER_S, Clock, SystemClock
from edged.errors import DelegateError, InvokeError
from edged.interfaces import Library
from edged.interpreters.simulated_model import COLOURS, is_due, load_simulated_model
from edged.types import F32, FileMetadata, ModelSignature, OpInfo, TensorInfo

WIDTH_PX, HEIGHT_PX = 320, 240
LABELS = COLOURS
_CELL_PX = 4
_MIN_EXCESS = 80
"""How much larger than both other channels a pixel's own channel must be, 0..255."""
_MAX_DETECTIONS = 10
_FLOOD_SIDE = 20
"""Number of rows, and of boxes in each row, of a flood."""

_Outputs = tuple[NDArray[np.generic], ...]
_Detection = tuple[float, int, F32]
"""Score, class id, and [y1, x1, y2, x2] in fractions."""


class SimulatedInterpreter:
    """A simulated interpreter.

    `delegate_options`, or a JSON file in place of a model, say which faults it has: see `edged.interpreters.simulated_model`. A
    `delegate` is the name of a device that only one interpreter at a time can use.
    """

    libraries: ClassVar[tuple[Library, ...]] = ()
    _devices: ClassVar[dict[str, "SimulatedInterpreter"]] = {}
    """Devices in use, each with the interpreter that claimed it, until that is closed."""

    def __init__(
        self,
        path: Path | None = None,
        *,
        threads: int = 1,
        delegate: str | None = None,
        delegate_options: Mapping[str, str] | None = None,
        custom_ops: Mapping[str, str] | None = None,
    ) -> None:
        """Load the simulated model and claim the device.

        Args:
            path: the model; a JSON file that begins with ``{`` is read as a `SimulatedModel`; any other need not exist.
            threads: unused.
            delegate: name of the device; None for no device.
            delegate_options: fields of `InjectedFaults`, as text.
            custom_ops: unused.

        Raises:
            DelegateError: an option is unknown or out of range, or another interpreter uses the device.
            ModelError: the file is not a valid simulated model.
        """
        del threads, custom_ops
        model = load_simulated_model(path, delegate_options or {})
        self._faults = model.faults
        self._channels = tuple(COLOURS.index(label) for label in model.labels)
        self._clock: Clock = SystemClock()
        self._invocations = 0
        self._is_open = True
        self._clock.sleep(model.faults.open_ms / 1000)
        if delegate:
            self._claim_device(delegate)
        self.runtime = "simulated"
        self.is_repeatable = False  # its faults are counted and random
        self.delegate: str | None = f"simulated ({delegate})" if delegate else None
        self.signature = _make_signature(model.name, model.version, model.labels)

    def share_input(self) -> None:
        """Return None: there is no tensor."""

    def invoke(self, array: NDArray[np.generic]) -> _Outputs:
        """Find connected blocks in which one channel exceeds the others; the label's index is the class id.

        The score is the share of the block's bounding box that the colour fills.

        Args:
            array: (1, 240, 320, 3) uint8, RGB.

        Returns:
            boxes (1, N, 4) float32 as [y1, x1, y2, x2] normalised to the picture, class ids (1, N) float32, scores (1, N) float32,
            and the number of detections (1,) float32.

        Raises:
            InvokeError: the array is not such a picture, the interpreter is closed, or a fault is due.
        """
        if array.shape != (1, HEIGHT_PX, WIDTH_PX, 3) or array.dtype != np.uint8:
            raise InvokeError(
                f"simulated: expected uint8 {_INPUT.shape}, got {array.dtype} {array.shape}"
            )
        if not self._is_open:
            raise InvokeError("simulated: invoked after it was closed")
        cpu_began_ns = time.thread_time_ns()
        done, self._invocations = self._invocations, self._invocations + 1
        self._inject_faults(done)
        outputs = _pack_outputs(self._detect(array[0].astype(np.uint8, copy=False), done))
        if is_due(self._faults.slow_after, done):
            # Not until a fixed time: waiting for a processor must not count as the device's work.
            computed_s = (time.thread_time_ns() - cpu_began_ns) / NS_PER_S
            self._clock.sleep(max(self._faults.latency_ms / 1000 - computed_s, 0.0))
        return outputs

    def close(self) -> None:
        """Release the device."""
        self._is_open = False
        for name, owner in list(self._devices.items()):
            if owner is self:
                del self._devices[name]

    def _detect(self, pixels: NDArray[np.uint8], invocations: int) -> list[_Detection]:
        if is_due(self._faults.blind_after, invocations):
            return []
        if is_due(self._faults.flood_after, invocations):
            return _make_flood()
        if is_due(self._faults.nan_after, invocations):
            return [(np.nan, 0, np.zeros(4, np.float32))]
        detections = [
            (score, class_id, box)
            for class_id, channel in enumerate(self._channels)
            for score, box in _find_blocks(_find_coloured_cells(pixels, channel))
        ]
        detections.sort(key=lambda item: -item[0])
        if self._faults.noise:
            detections = _add_noise(detections, self._faults.noise, seed=invocations)
        return detections[:_MAX_DETECTIONS]

    def _claim_device(self, device: str) -> None:
        if self._devices.setdefault(device, self) is not self:
            raise DelegateError(f"the simulated device {device} is in use")

    def _inject_faults(self, invocations: int) -> None:
        faults = self._faults
        if is_due(faults.crash_after, invocations):
            os.abort()
        while is_due(faults.hang_after, invocations):
            self._clock.sleep(60.0)
        if is_due(faults.fail_after, invocations):
            raise InvokeError(f"simulated: failed on purpose after {invocations} invocations")


def _pack_outputs(detections: list[_Detection]) -> _Outputs:
    rows = max(_MAX_DETECTIONS, len(detections))
    boxes = np.zeros((1, rows, 4), np.float32)
    classes = np.zeros((1, rows), np.float32)
    scores = np.zeros((1, rows), np.float32)
    for i, (score, class_id, box) in enumerate(detections):
        boxes[0, i], classes[0, i], scores[0, i] = box, class_id, score
    return boxes, classes, scores, np.array([len(detections)], np.float32)


def _make_flood() -> list[_Detection]:
    corners = [(y, x) for y in range(_FLOOD_SIDE) for x in range(_FLOOD_SIDE)]
    side = 1 / _FLOOD_SIDE
    return [
        (0.9, 0, np.array([y * side, x * side, (y + 1) * side, (x + 1) * side], np.float32))
        for y, x in corners
    ]


def _add_noise(detections: list[_Detection], share: float, *, seed: int) -> list[_Detection]:
    rng = np.random.default_rng(seed)
    kept = [one for one in detections if rng.random() >= share]
    for _ in range(int((rng.random(max(1, len(detections))) < share).sum())):
        low = rng.uniform(0.0, 0.7, 2)
        kept.append((0.9, 0, np.concatenate([low, low + 0.2]).astype(np.float32)))
    return kept


def _find_coloured_cells(pixels: NDArray[np.uint8], channel: int) -> NDArray[np.bool_]:
    cells = pixels.reshape(HEIGHT_PX // _CELL_PX, _CELL_PX, WIDTH_PX // _CELL_PX, _CELL_PX, 3)
    colour = cells[:, _CELL_PX // 2, :, _CELL_PX // 2].astype(np.int16)
    others = np.delete(colour, channel, axis=2).max(axis=2)
    return np.asarray(colour[:, :, channel] - others >= _MIN_EXCESS)


def _find_blocks(cells: NDArray[np.bool_]) -> list[tuple[float, F32]]:
    """Return the four-connected blocks of at least four cells, as (fill, [y1, x1, y2, x2])."""
    unvisited = {(int(row), int(column)) for row, column in np.argwhere(cells)}
    blocks = []
    while unvisited:
        block = _take_block(unvisited)
        if len(block) >= _CELL_PX:
            corners = np.array(sorted(block))
            low, high = corners.min(axis=0), corners.max(axis=0) + 1
            fill = len(block) / float(np.prod(high - low))
            box = np.concatenate([low / cells.shape, high / cells.shape])
            blocks.append((fill, box.astype(np.float32)))
    return blocks


def _take_block(unvisited: set[tuple[int, int]]) -> set[tuple[int, int]]:
    """Remove the first cell and all that are connected to it, and return them."""
    block = edge = {min(unvisited)}
    while edge:
        unvisited -= edge
        edge = {
            (row + down, column + right)
            for row, column in edge
            for down, right in ((-1, 0), (1, 0), (0, -1), (0, 1))
        } & unvisited
        block = block | edge
    return block


_INPUT = TensorInfo(
    index=0, name="image", shape=(1, HEIGHT_PX, WIDTH_PX, 3), dtype="uint8", scale=1.0
)
_OUTPUTS = (
    TensorInfo(index=1, name="boxes", shape=(1, _MAX_DETECTIONS, 4), dtype="float32"),
    TensorInfo(index=2, name="classes", shape=(1, _MAX_DETECTIONS), dtype="float32"),
    TensorInfo(index=3, name="scores", shape=(1, _MAX_DETECTIONS), dtype="float32"),
    TensorInfo(index=4, name="count", shape=(1,), dtype="float32"),
)


def _make_signature(name: str, version: str, labels: tuple[str, ...]) -> ModelSignature:
    return ModelSignature(
        inputs=(_INPUT,),
        outputs=_OUTPUTS,
        ops=(OpInfo(name="TFLite_Detection_PostProcess", inputs=(0,), outputs=(1, 2, 3, 4)),),
        metadata=FileMetadata(name=name, version=version, labels=labels),
    )
