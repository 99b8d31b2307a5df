"""Pictures that are the same, or nearly: re-encoded, resized, made brighter, or frames of one clip.

A difference hash (128 bits: whether each cell of a coarse grid is brighter than its neighbour) finds the candidates, and the correlation of
two small grey pictures confirms them: flat pictures have similar hashes. Pictures that are turned, mirrored or cut are not found.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

import cv2
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

_GRID = 8
_BITS = 2 * _GRID * _GRID
_MAX_DISTANCE_BITS = 16
_MIN_CORRELATION = 0.95
_GREY_SIDE_PX = 16
_CHUNK_ROWS = 1024


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The fingerprint of a picture, by which it is compared with others.

    Attributes:
        number: number of the picture in its set, from 0.
        name: name of the picture.
        sha256: digest of its size and pixels.
        signs: (128,) float32, 1 where a cell is brighter than its neighbour, else -1.
        grey: (256,) float32, the small grey picture with mean 0 and length 1; zeros for a flat picture.
    """

    number: int
    name: str
    sha256: bytes
    signs: NDArray[np.float32]
    grey: NDArray[np.float32]


class SimilarPair(Struct, frozen=True, kw_only=True):
    """Two pictures that are the same, or nearly.

    Attributes:
        first_set: index of the first picture's set.
        first: number of the first picture in it, from 0.
        first_name: its name.
        second_set: index of the second picture's set.
        second: number of the second picture in it, from 0.
        second_name: its name.
        is_same: whether all pixels are equal.
    """

    first_set: int
    first: int
    first_name: str
    second_set: int
    second: int
    second_name: str
    is_same: bool


def compute_fingerprint(number: int, name: str, image: NDArray[np.uint8]) -> Fingerprint:
    """Compute the fingerprint of a picture.

    Args:
        number: number of the picture in its set, from 0.
        name: name of the picture.
        image: (H, W, 3) uint8, RGB.
    """
    grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)
    wide, high = _shrink(grey, _GRID + 1, _GRID), _shrink(grey, _GRID, _GRID + 1)
    brighter = np.concatenate(
        [(wide[:, 1:] > wide[:, :-1]).ravel(), (high[1:] > high[:-1]).ravel()]
    )
    small = _shrink(grey, _GREY_SIDE_PX, _GREY_SIDE_PX).astype(np.float32).ravel()
    small -= small.mean()
    length = np.linalg.norm(small)
    digest = sha256(str(image.shape).encode())
    digest.update(np.ascontiguousarray(image).data)
    return Fingerprint(
        number,
        name,
        digest.digest(),
        np.where(brighter, 1, -1).astype(np.float32),
        (small / length if length else small).astype(np.float32),
    )


def find_similar(sets: Sequence[Sequence[Fingerprint]]) -> list[SimilarPair]:
    """Return the similar pictures of any two different sets, those that are the same first."""
    pairs = [
        SimilarPair(
            first_set=a,
            first=sets[a][i].number,
            first_name=sets[a][i].name,
            second_set=b,
            second=sets[b][j].number,
            second_name=sets[b][j].name,
            is_same=sets[a][i].sha256 == sets[b][j].sha256,
        )
        for a in range(len(sets))
        for b in range(a + 1, len(sets))
        for i, j in _match(sets[a], sets[b])
    ]
    return sorted(pairs, key=lambda pair: not pair.is_same)


def find_repeated(fingerprints: Iterable[Fingerprint]) -> list[list[str]]:
    """Return the names of the pictures of one set that have equal pixels, those of each picture together."""
    by_digest: dict[bytes, list[str]] = {}
    for one in fingerprints:
        by_digest.setdefault(one.sha256, []).append(one.name)
    return [names for names in by_digest.values() if len(names) > 1]


def _match(first: Sequence[Fingerprint], second: Sequence[Fingerprint]) -> list[tuple[int, int]]:
    if not first or not second:
        return []
    # A flat picture correlates with nothing, but can be there twice.
    by_digest = defaultdict[bytes, list[int]](list)
    for number, one in enumerate(second):
        by_digest[one.sha256].append(number)
    found = {(i, j) for i, one in enumerate(first) for j in by_digest.get(one.sha256, ())}
    signs = np.stack([one.signs for one in second]).T
    greys = np.stack([one.grey for one in second]).T
    for start in range(0, len(first), _CHUNK_ROWS):
        rows = first[start : start + _CHUNK_ROWS]
        distances = (_BITS - np.stack([one.signs for one in rows]) @ signs) / 2
        correlations = np.stack([one.grey for one in rows]) @ greys
        near = (distances <= _MAX_DISTANCE_BITS) & (correlations >= _MIN_CORRELATION)
        found.update((start + row, column) for row, column in np.argwhere(near).tolist())
    return sorted(found)


def _shrink(grey: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    return np.asarray(cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
