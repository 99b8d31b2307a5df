"""A moving scene with marks, and its ground truth. Frame k depends only on the arguments and on k."""

import math
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from edged.marks import backdrop
from edged.marks.draw import MARK_LABELS, draw_mark
from edged.marks.mark import U8, Mark
from edged.marks.schedule import Pose, Schedule, ScheduledMark, compute_pose
from edged.types import F32

_CODES = ("qr_code", "barcode", "fiducial_tag")
_CARD_MARGIN = 0.08
_NOISE_SHIFTS_PX = 64
_BACKDROP_STREAM, _NOISE_STREAM, _SPRITE_STREAM = 3, 4, 5


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundTruth:
    """The true box of one mark in one frame.

    Attributes:
        id: number from 1 in order of entry, the same in all frames.
        label: one of `MARK_LABELS`.
        box: (4,) float32, [x1, y1, x2, y2] normalised to the frame, clipped to it.
        visible_share: share of its box that is within the frame and not behind another mark's box.
    """

    id: int
    label: str
    box: F32
    visible_share: float


class SyntheticScene:
    """A still room in which printed marks enter, sway, and leave.

    Args:
        width: width of the frames in pixels.
        height: height of the frames in pixels.
        fps: frames per second of scene time.
        seed: source of all variation.
        labels: the marks that take part.
        interval_s: seconds between two entries.
        duration_s: seconds that a mark stays, approximately.
        noise: standard deviation of the sensor's noise, in grey levels.
    """

    def __init__(
        self,
        *,
        width: int,
        height: int,
        fps: float,
        seed: int,
        labels: tuple[str, ...] = MARK_LABELS,
        interval_s: float = 4.0,
        duration_s: float = 5.0,
        noise: float = 4.0,
    ) -> None:
        self.schedule = Schedule(
            seed=seed, labels=labels, interval_s=interval_s, duration_s=duration_s
        )
        self._size = (width, height)
        self._fps = fps
        self._seed = seed
        room = backdrop.draw_backdrop(
            np.random.default_rng([seed, _BACKDROP_STREAM]), width=width, height=height
        )
        self._backdrop = np.ascontiguousarray(room[..., ::-1])
        self._noise = self._make_noise(noise)
        self._sprite = lru_cache(maxsize=16)(self._make_sprite)

    def render_frame(self, frame_index: int) -> U8:
        """Render one frame; return a new array.

        Returns:
            (H, W, 3) uint8, BGR.
        """
        canvas = self._backdrop.copy()
        at_s = frame_index / self._fps
        for mark in self.schedule.list_present(at_s):
            _draw_sprite(canvas, self._sprite(mark), compute_pose(mark, at_s))
        dx, dy = (frame_index * 37) % _NOISE_SHIFTS_PX, (frame_index * 53) % _NOISE_SHIFTS_PX
        width, height = self._size
        grain = self._noise[dy : dy + height, dx : dx + width]
        return np.asarray(cv2.add(canvas, grain, dst=canvas, dtype=cv2.CV_8U), np.uint8)

    def get_ground_truth(self, frame_index: int) -> tuple[GroundTruth, ...]:
        """Return every mark of which some part is visible in a frame, in order of entry."""
        at_s = frame_index / self._fps
        marks = tuple(self.schedule.list_present(at_s))
        boxes = [self._compute_box(mark, compute_pose(mark, at_s)) for mark in marks]
        return tuple(
            GroundTruth(
                id=mark.id,
                label=mark.label,
                box=np.clip(box, 0, 1),
                visible_share=visible,
            )
            for place, (mark, box) in enumerate(zip(marks, boxes, strict=True))
            if (visible := _visible_share(box, boxes[place + 1 :])) > 0
        )

    def _compute_box(self, scheduled_mark: ScheduledMark, pose: Pose) -> F32:
        """Return the mark's box, normalised to the frame and not clipped."""
        mark = self._sprite(scheduled_mark)
        height, width = mark.alpha.shape
        size = np.array([width, height], np.float32)
        matrix = _affine_matrix(mark, pose, self._size)
        points = (mark.outline * size) @ matrix[:, :2].T + matrix[:, 2]
        box = np.concatenate([points.min(axis=0), points.max(axis=0)])
        return np.asarray(box / np.tile(self._size, 2), np.float32)

    def _make_sprite(self, scheduled_mark: ScheduledMark) -> Mark:
        """Return the mark in BGR at its size in the scene; codes are on a white card."""
        rng = np.random.default_rng([self._seed, _SPRITE_STREAM, scheduled_mark.id])
        mark = draw_mark(scheduled_mark.label, rng)
        if scheduled_mark.label in _CODES:
            margin = int(_CARD_MARGIN * max(mark.alpha.shape))
            mark = mark.place_on_card((margin,) * 4, (240.0, 240.0, 236.0))
        mark = mark.resize(scheduled_mark.size * self._size[1])
        return Mark(np.ascontiguousarray(mark.rgb[..., ::-1]), mark.alpha, mark.outline)

    def _make_noise(self, deviation: float) -> NDArray[np.int8]:
        """Return a noise field larger than the frame: shown at another offset in every frame, it looks new each time."""
        rng = np.random.default_rng([self._seed, _NOISE_STREAM])
        width, height = self._size
        shape = (height + _NOISE_SHIFTS_PX, width + _NOISE_SHIFTS_PX, 3)
        grain = deviation * rng.standard_normal(shape, np.float32)
        return np.asarray(np.clip(np.rint(grain), -127, 127), np.int8)


def _affine_matrix(mark: Mark, pose: Pose, frame_size: tuple[int, int]) -> F32:
    """Return the (2, 3) transformation from the mark's pixels to the frame's."""
    height, width = mark.alpha.shape
    cos, sin = pose.scale * math.cos(pose.angle), pose.scale * math.sin(pose.angle)
    x, y = pose.x * frame_size[0], pose.y * frame_size[1]
    return np.array(
        [
            [cos, -sin, x - cos * width / 2 + sin * height / 2],
            [sin, cos, y - sin * width / 2 - cos * height / 2],
        ],
        np.float32,
    )


def _draw_sprite(canvas: U8, mark: Mark, pose: Pose) -> None:
    """Draw the mark into the part of the canvas that it covers."""
    frame_h, frame_w = canvas.shape[:2]
    height, width = mark.alpha.shape
    matrix = _affine_matrix(mark, pose, (frame_w, frame_h))
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
    """Return the share of a 16 x 16 grid over `box` that is in the frame and in no box of `nearer`."""
    steps = (np.arange(16) + 0.5) / 16
    x = (box[0] + (box[2] - box[0]) * steps)[None, :]
    y = (box[1] + (box[3] - box[1]) * steps)[:, None]
    seen = (x >= 0) & (x < 1) & (y >= 0) & (y < 1)
    for front in nearer:
        seen &= ~((x >= front[0]) & (x < front[2]) & (y >= front[1]) & (y < front[3]))
    return float(seen.mean())
