"""A model that needs no model: it finds strongly coloured rectangles, in numpy, and fails when told to.

It speaks like an SSD with the post-process op, so that all that follows an interpreter runs as it does on a real one.
"""

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edged.clock import Clock, SystemClock
from edged.errors import DelegateError, InvokeError
from edged.types import F32, FileMetadata, ModelSignature, OpInfo, TensorInfo

WIDTH_PX, HEIGHT_PX = 320, 240
LABELS = ("red", "green", "blue")
_CELL_PX = 4
_LEAST_EXCESS = 80
"""By how much a pixel's own channel must outshine both others."""
_MOST = 10
_FAULTS = ("latency_ms", "fail_after", "hang_after", "crash_after")


class SimulatedInterpreter:
    """See `edged.interfaces.Interpreter`.

    Faults come through `delegate_options`: ``latency_ms`` is slept in each invocation; ``fail_after``, ``hang_after`` and
    ``crash_after`` count the invocations that still go well before one raises, never returns, or aborts the process.
    """

    def __init__(
        self,
        path: Path | None = None,
        *,
        threads: int = 1,
        delegate: str | None = None,
        delegate_options: Mapping[str, str] | None = None,
        custom_ops: Mapping[str, str] | None = None,
    ) -> None:
        """Take the arguments of every interpreter; the file need not exist.

        Raises:
            DelegateError: an option is not known, or not a number.
        """
        del path, threads, delegate, custom_ops
        self._faults = _parse(delegate_options or {})
        self._clock: Clock = SystemClock()
        self._invocations = 0
        self.runtime = "simulated"
        self.delegate = ""
        self.signature = _SIGNATURE

    def invoke(self, array: NDArray[np.generic]) -> tuple[NDArray[np.generic], ...]:
        """Find connected blocks in which one channel outshines the others: class 0 red, 1 green, 2 blue.

        The score is the share of the block's bounding box that the colour fills.
        """
        if array.shape != (1, HEIGHT_PX, WIDTH_PX, 3) or array.dtype != np.uint8:
            raise InvokeError(
                f"simulated: expected uint8 {_INPUT.shape}, got {array.dtype} {array.shape}"
            )
        self._suffer()
        found = [
            (score, class_id, box)
            for class_id in range(3)
            for score, box in _blocks(_coloured_cells(array[0], class_id))
        ]
        found.sort(key=lambda item: -item[0])
        boxes = np.zeros((1, _MOST, 4), np.float32)
        classes = np.zeros((1, _MOST), np.float32)
        scores = np.zeros((1, _MOST), np.float32)
        for i, (score, class_id, box) in enumerate(found[:_MOST]):
            boxes[0, i], classes[0, i], scores[0, i] = box, class_id, score
        return boxes, classes, scores, np.array([min(len(found), _MOST)], np.float32)

    def close(self) -> None:
        """Nothing is held."""

    def _suffer(self) -> None:
        done, self._invocations = self._invocations, self._invocations + 1
        if "latency_ms" in self._faults:
            self._clock.sleep(self._faults["latency_ms"] / 1000)
        if done >= self._faults.get("crash_after", np.inf):
            os.abort()
        while done >= self._faults.get("hang_after", np.inf):
            self._clock.sleep(60.0)
        if done >= self._faults.get("fail_after", np.inf):
            raise InvokeError(f"simulated: failed on purpose after {done} invocations")


def _parse(options: Mapping[str, str]) -> dict[str, float]:
    unknown = set(options) - set(_FAULTS)
    if unknown:
        raise DelegateError(
            f"the simulated interpreter has no option {min(unknown)!r}; there are: {', '.join(_FAULTS)}"
        )
    try:
        return {name: float(value) for name, value in options.items()}
    except ValueError as error:
        raise DelegateError(f"an option of the simulated interpreter: {error}") from error


def _coloured_cells(pixels: NDArray[np.uint8], channel: int) -> NDArray[np.bool_]:
    cells = pixels.reshape(HEIGHT_PX // _CELL_PX, _CELL_PX, WIDTH_PX // _CELL_PX, _CELL_PX, 3)
    colour = cells[:, _CELL_PX // 2, :, _CELL_PX // 2].astype(np.int16)
    others = np.delete(colour, channel, axis=2).max(axis=2)
    return np.asarray(colour[:, :, channel] - others >= _LEAST_EXCESS)


def _blocks(cells: NDArray[np.bool_]) -> list[tuple[float, F32]]:
    """Four-connected blocks of at least four cells, as (fill, [y1, x1, y2, x2])."""
    left = {(int(row), int(column)) for row, column in np.argwhere(cells)}
    blocks = []
    while left:
        block = edge = {min(left)}
        while edge:
            left -= edge
            edge = {
                (row + down, column + right)
                for row, column in edge
                for down, right in ((-1, 0), (1, 0), (0, -1), (0, 1))
            } & left
            block = block | edge
        if len(block) >= _CELL_PX:
            corners = np.array(sorted(block))
            low, high = corners.min(axis=0), corners.max(axis=0) + 1
            fill = len(block) / float(np.prod(high - low))
            box = np.concatenate([low / cells.shape, high / cells.shape])
            blocks.append((fill, box.astype(np.float32)))
    return blocks


_INPUT = TensorInfo(
    index=0, name="image", shape=(1, HEIGHT_PX, WIDTH_PX, 3), dtype="uint8", scale=1.0
)
_SIGNATURE = ModelSignature(
    inputs=(_INPUT,),
    outputs=(
        TensorInfo(index=1, name="boxes", shape=(1, _MOST, 4), dtype="float32"),
        TensorInfo(index=2, name="classes", shape=(1, _MOST), dtype="float32"),
        TensorInfo(index=3, name="scores", shape=(1, _MOST), dtype="float32"),
        TensorInfo(index=4, name="count", shape=(1,), dtype="float32"),
    ),
    ops=(OpInfo(name="TFLite_Detection_PostProcess", inputs=(0,), outputs=(1, 2, 3, 4)),),
    metadata=FileMetadata(name="simulated", version="1", labels=LABELS),
)
