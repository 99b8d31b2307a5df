"""Scenes, drawn once and kept outside the tree, so that every epoch need not draw them again.

Run as ``python -m models.marks.dataset``.
"""

import argparse
import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edged_models.marks.scenes import SIDE_PX, scene

RECIPE = 1
"""Raise it when the scenes change: stored ones of another recipe are not used."""
MOST_BOXES = 8

TRAIN_SEEDS = range(20_000)
HELD_OUT_SEEDS = range(900_000, 901_000)


@dataclass(frozen=True, slots=True)
class Dataset:
    """Stored scenes.

    Attributes:
        images: (N, SIDE_PX, SIDE_PX, 3) uint8 RGB, memory-mapped.
        truth: (N, MOST_BOXES, 5) float32: x1 y1 x2 y2 in pixels and the class; class -1 where there is no box.
    """

    images: NDArray[np.uint8]
    truth: NDArray[np.float32]

    def digest(self) -> str:
        """SHA-256 over all pictures and boxes."""
        sha = hashlib.sha256(np.ascontiguousarray(self.truth).tobytes())
        for start in range(0, len(self.images), 500):
            sha.update(self.images[start : start + 500].tobytes())
        return sha.hexdigest()


def load(seeds: range, *, hard: bool = False, processes: int = 1) -> Dataset:
    """The scenes of these seeds; drawn first if they are not in the cache."""
    name = f"{'hard' if hard else 'plain'}-{seeds.start}-{seeds.stop}"
    folder = cache_folder() / name
    if not (folder / "truth.npy").exists():
        folder.mkdir(parents=True, exist_ok=True)
        _draw(folder, seeds, hard=hard, processes=processes)
    images = np.load(folder / "images.npy", mmap_mode="r")
    return Dataset(images, np.load(folder / "truth.npy"))


def cache_folder() -> Path:
    """Where scenes and checkpoints of this recipe are kept."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "edged" / f"marks-{RECIPE}"


def _draw(folder: Path, seeds: range, *, hard: bool, processes: int) -> None:
    shape = (len(seeds), SIDE_PX, SIDE_PX, 3)
    images = np.lib.format.open_memmap(folder / "images.npy", "w+", np.uint8, shape)
    truth = np.full((len(seeds), MOST_BOXES, 5), -1, np.float32)
    for place, (image, boxes) in enumerate(_scenes(seeds, hard=hard, processes=processes)):
        images[place] = image
        truth[place, : len(boxes)] = boxes
        if (place + 1) % 1000 == 0:
            print(f"{place + 1} of {len(seeds)} scenes", flush=True)
    images.flush()
    # Last, because it says that the folder is whole.
    np.save(folder / "truth.npy", truth)


def _scenes(seeds: range, *, hard: bool, processes: int) -> Iterator[tuple[NDArray, NDArray]]:
    with ProcessPoolExecutor(processes) as pool:
        yield from pool.map(partial(_one, hard=hard), seeds, chunksize=64)


def _one(seed: int, *, hard: bool) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    cv2.setNumThreads(1)
    drawn = scene(seed, hard=hard)
    rows = np.concatenate([drawn.boxes, drawn.classes[:, None]], axis=1).astype(np.float32)
    return drawn.image, rows[:MOST_BOXES]


def main() -> None:
    """Draw what training and evaluation need."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    processes = parser.parse_args().processes
    for seeds, hard in ((TRAIN_SEEDS, False), (HELD_OUT_SEEDS, False), (HELD_OUT_SEEDS, True)):
        stored = load(seeds, hard=hard, processes=processes)
        boxes = int((stored.truth[..., 4] >= 0).sum())
        print(
            f"{len(stored.images)} {'hard ' if hard else ''}scenes, {boxes} marks, sha256 {stored.digest()}"
        )


if __name__ == "__main__":
    main()
