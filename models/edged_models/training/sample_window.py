"""A sliding window over the training samples: drawn ahead by other processes, each used a few times, then dropped.

Drawing a scene costs as much as a training step on it, so samples are used more than once; keeping all of them would fill a disk.
The samples of a step depend only on the seed and the step, so that an interrupted training can be resumed.
"""

import multiprocessing
from concurrent.futures import Future, ProcessPoolExecutor
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from edged_models.training.training_samples import SampleSource, TrainingSample, stack_truths

_INITIAL_SIZE = 128
_MAX_SIZE = 1024
_MAX_BYTES = 320 << 20
"""1,024 pictures of 320 px; fewer of larger ones, so that the memory is the same."""
_FRESH_PER_STEP = 2
_PREFETCHED = 64


class SampleWindow:
    """The latest samples of an endless sequence; use it in a ``with`` block."""

    def __init__(self, samples: SampleSource, *, seed: int, processes: int = 1) -> None:
        """Start the processes.

        Args:
            samples: the source of samples.
            seed: determines the samples of each batch.
            processes: number of processes that draw samples.
        """
        self._samples = samples
        self._seed = seed
        self._size = window_size(samples.side_px)
        # Spawned, because TensorFlow's threads do not survive a fork.
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
        """Return the samples of one step; call it for the steps in order.

        Args:
            step: number of the step, from 0.
            size: number of samples.

        Returns:
            Pictures, (size, S, S, 3) uint8, and ground truth, (size, M, 5) float32.

        Raises:
            PicturesError: a picture cannot be read.
        """
        begin, end = window_bounds(step, self._size)
        self._prefetch(begin, end + _PREFETCHED)
        rng = np.random.default_rng([self._seed, step])
        chosen = [self._futures[int(n)].result() for n in rng.integers(begin, end, size)]
        images = np.stack([sample.image for sample in chosen])
        return images, stack_truths([sample.truth for sample in chosen])

    def _prefetch(self, begin: int, end: int) -> None:
        for number in [n for n in self._futures if n < begin]:
            self._futures.pop(number).cancel()
        for number in range(max(begin, max(self._futures, default=-1) + 1), end):
            self._futures[number] = self._pool.submit(self._samples, number)


def window_size(side_px: int) -> int:
    """Return the largest number of samples in the window, for square pictures of a side."""
    return min(_MAX_SIZE, max(_INITIAL_SIZE, _MAX_BYTES // (3 * side_px * side_px)))


def window_bounds(step: int, size: int) -> tuple[int, int]:
    """Return the number of the first sample in the window at a step, and the number after the last.

    Args:
        step: number of the step, from 0.
        size: the largest number of samples in the window.
    """
    end = _INITIAL_SIZE + _FRESH_PER_STEP * step
    return max(0, end - size), end
