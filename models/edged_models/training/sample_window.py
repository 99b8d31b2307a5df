"""The lessons in use at a step: drawn ahead by other processes, each used a few times, then forgotten.

Drawing a scene costs as much as learning from it, so none is thrown away after one use; and keeping them all would fill a
disk. Which lessons a step sees depends on the seed and the step alone, so training can go on where it stopped.
"""

import multiprocessing
from concurrent.futures import Future, ProcessPoolExecutor
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from edged_models.training.training_samples import SampleSource, TrainingSample

_INITIAL_SIZE = 128
_MAX_SIZE = 1024
_FRESH_PER_STEP = 2
_PREFETCHED = 64


class SampleWindow:
    """The last lessons of an endless row; use it in a ``with`` block."""

    def __init__(self, samples: SampleSource, *, seed: int, processes: int = 1) -> None:
        self._samples = samples
        self._seed = seed
        # Spawned: TensorFlow's threads do not survive a fork.
        context = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(processes, mp_context=context)
        self._futures: dict[int, Future[TrainingSample]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._pool.shutdown(cancel_futures=True)

    def batch(self, step: int, size: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """The lessons of one step.

        Args:
            step: counted from 0; steps are asked for in order.
            size: how many.

        Returns:
            (size, S, S, 3) uint8 pictures and (size, M, 5) float32 truth.

        Raises:
            PicturesError: one of the pictures cannot be read.
        """
        begin, end = window_bounds(step)
        self._prefetch(begin, end + _PREFETCHED)
        rng = np.random.default_rng([self._seed, step])
        chosen = [self._futures[int(n)].result() for n in rng.integers(begin, end, size)]
        return np.stack([one.image for one in chosen]), np.stack([one.truth for one in chosen])

    def _prefetch(self, begin: int, end: int) -> None:
        for number in [n for n in self._futures if n < begin]:
            self._futures.pop(number).cancel()
        for number in range(max(begin, max(self._futures, default=-1) + 1), end):
            self._futures[number] = self._pool.submit(self._samples, number)


def window_bounds(step: int) -> tuple[int, int]:
    """First number of the window at a step, and the number after its last."""
    end = _INITIAL_SIZE + _FRESH_PER_STEP * step
    return max(0, end - _MAX_SIZE), end
