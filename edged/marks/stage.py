"""A moving scene with marks, and the truth about it. Frame k depends on the arguments and on k, on nothing else."""

import math
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from edged.marks import backdrop
from edged.marks.draw import MARKS, draw
from edged.marks.mark import U8, Mark
from edged.marks.schedule import Performer, Pose, Schedule, pose
from edged.types import F32

_CODES = ("qr_code", "barcode", "fiducial_tag")
_CARD_MARGIN = 0.08
_NOISE_SHIFTS_PX = 64
_BACKDROP, _NOISE, _COSTUME = 3, 4, 5


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueObject:
    """One mark in one frame.

    Attributes:
        id: the same over all frames, from 1 in order of entrance.
        label: one of `MARKS`.
        box: (4,) float32, x1 y1 x2 y2 normalised to the frame, clipped to it.
        visible: share of its box that is within the frame and not behind another's box.
    """

    id: int
    label: str
    box: F32
    visible: float


class Stage:
    """A still room in which printed marks enter, sway, and leave.

    Args:
        width: of the frames, pixels.
        height: of the frames, pixels.
        fps: frames a second of scene time.
        seed: all that chance depends on.
        labels: which marks take part.
        every_s: a mark enters so often.
        stay_s: and stays about so long.
        noise: standard deviation of the sensor's noise, in grey levels.
    """

    def __init__(
        self,
        *,
        width: int,
        height: int,
        fps: float,
        seed: int,
        labels: tuple[str, ...] = MARKS,
        every_s: float = 4.0,
        stay_s: float = 5.0,
        noise: float = 4.0,
    ) -> None:
        self.schedule = Schedule(seed=seed, labels=labels, every_s=every_s, stay_s=stay_s)
        self._size = (width, height)
        self._fps = fps
        self._seed = seed
        room = backdrop.draw(np.random.default_rng([seed, _BACKDROP]), width=width, height=height)
        self._room = np.ascontiguousarray(room[..., ::-1])
        self._noise = self._make_noise(noise)
        self._costume = lru_cache(maxsize=16)(self._make_costume)

    def frame(self, k: int) -> U8:
        """(height, width, 3) uint8, BGR; a fresh array."""
        canvas = self._room.copy()
        at_s = k / self._fps
        for performer in self.schedule.present(at_s):
            _show(canvas, self._costume(performer), pose(performer, at_s))
        dx, dy = (k * 37) % _NOISE_SHIFTS_PX, (k * 53) % _NOISE_SHIFTS_PX
        width, height = self._size
        grain = self._noise[dy : dy + height, dx : dx + width]
        return np.asarray(cv2.add(canvas, grain, dst=canvas, dtype=cv2.CV_8U), np.uint8)

    def truth(self, k: int) -> tuple[TrueObject, ...]:
        """Every mark of which something can be seen in frame `k`, in order of entrance."""
        at_s = k / self._fps
        cast = tuple(self.schedule.present(at_s))
        whole = [self._box(performer, pose(performer, at_s)) for performer in cast]
        return tuple(
            TrueObject(
                id=performer.id,
                label=performer.label,
                box=np.clip(box, 0, 1),
                visible=visible,
            )
            for place, (performer, box) in enumerate(zip(cast, whole, strict=True))
            if (visible := _visible_share(box, whole[place + 1 :])) > 0
        )

    def _box(self, performer: Performer, at: Pose) -> F32:
        """The mark's box, unclipped, normalised."""
        mark = self._costume(performer)
        height, width = mark.alpha.shape
        size = np.array([width, height], np.float32)
        matrix = _placement(mark, at, self._size)
        points = (mark.outline * size) @ matrix[:, :2].T + matrix[:, 2]
        box = np.concatenate([points.min(axis=0), points.max(axis=0)])
        return np.asarray(box / np.tile(self._size, 2), np.float32)

    def _make_costume(self, performer: Performer) -> Mark:
        """The performer's mark at the size it is shown in, in BGR; codes are on a white card."""
        rng = np.random.default_rng([self._seed, _COSTUME, performer.id])
        mark = draw(performer.label, rng)
        if performer.label in _CODES:
            margin = int(_CARD_MARGIN * max(mark.alpha.shape))
            mark = mark.on_card((margin,) * 4, (240.0, 240.0, 236.0))
        mark = mark.resized(performer.size * self._size[1])
        return Mark(np.ascontiguousarray(mark.rgb[..., ::-1]), mark.alpha, mark.outline)

    def _make_noise(self, deviation: float) -> NDArray[np.int8]:
        """One field larger than the frame: shown at another offset in every frame, it looks fresh."""
        rng = np.random.default_rng([self._seed, _NOISE])
        width, height = self._size
        shape = (height + _NOISE_SHIFTS_PX, width + _NOISE_SHIFTS_PX, 3)
        grain = deviation * rng.standard_normal(shape, np.float32)
        return np.asarray(np.clip(np.rint(grain), -127, 127), np.int8)


def _placement(mark: Mark, at: Pose, frame_size: tuple[int, int]) -> F32:
    """(2, 3): from the mark's own pixels to the frame's."""
    height, width = mark.alpha.shape
    cos, sin = at.scale * math.cos(at.angle), at.scale * math.sin(at.angle)
    x, y = at.x * frame_size[0], at.y * frame_size[1]
    return np.array(
        [
            [cos, -sin, x - cos * width / 2 + sin * height / 2],
            [sin, cos, y - sin * width / 2 - cos * height / 2],
        ],
        np.float32,
    )


def _show(canvas: U8, mark: Mark, at: Pose) -> None:
    """Draw the mark into the part of the canvas that it covers."""
    frame_h, frame_w = canvas.shape[:2]
    height, width = mark.alpha.shape
    matrix = _placement(mark, at, (frame_w, frame_h))
    ends = np.array([[0, 0], [width, 0], [width, height], [0, height]]) @ matrix[:, :2].T
    ends = ends + matrix[:, 2]
    x1, y1 = np.maximum(np.floor(ends.min(axis=0)).astype(int), 0)
    x2, y2 = np.minimum(np.ceil(ends.max(axis=0)).astype(int) + 1, [frame_w, frame_h])
    if x1 >= x2 or y1 >= y2:
        return
    matrix[:, 2] -= [x1, y1]
    size = (int(x2 - x1), int(y2 - y1))
    picture = cv2.warpAffine(mark.rgb, matrix, size, borderMode=cv2.BORDER_REPLICATE)
    alpha = cv2.warpAffine(mark.alpha, matrix, size)
    region = canvas[y1:y2, x1:x2]
    share = cv2.cvtColor(alpha, cv2.COLOR_GRAY2BGR)
    front = cv2.multiply(picture, share, scale=1 / 255)
    behind = cv2.multiply(region, cv2.bitwise_not(share), scale=1 / 255)
    cv2.add(front, behind, dst=region)


def _visible_share(box: F32, nearer: list[F32]) -> float:
    """Share of a 16 x 16 grid over `box` that is in the frame and in no box of `nearer`."""
    steps = (np.arange(16) + 0.5) / 16
    x = (box[0] + (box[2] - box[0]) * steps)[None, :]
    y = (box[1] + (box[3] - box[1]) * steps)[:, None]
    seen = (x >= 0) & (x < 1) & (y >= 0) & (y < 1)
    for front in nearer:
        seen &= ~((x >= front[0]) & (x < front[2]) & (y >= front[1]) & (y < front[3]))
    return float(seen.mean())
