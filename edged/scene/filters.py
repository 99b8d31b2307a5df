"""Filters for detections: thresholds by label, allowed labels, size and shape.

There are two levels. A *strong* detection reaches its label's threshold and may begin an object. A *weak* one reaches the share
`TrackSettings.keep_threshold` of it, and may only continue a known object, because scores flicker while objects persist.
(Zhang et al. 2022, "ByteTrack", section 3: the low-score boxes of known objects are worth keeping.)

Labels flicker too: a detection whose label is not listed may continue a known object as well, and begins none.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edged.config.settings import DetectSettings, LabelFilter
from edged.scene.geometry import areas
from edged.types import F32, Detections, label_of

DEFAULT_THRESHOLD = 0.5
_NUMBERED_CLASS = re.compile(r"class-(\d{1,4})")
NO_SETTINGS = DetectSettings()
_SettingGetter = Callable[[DetectSettings | LabelFilter], float | None]


@dataclass(frozen=True, slots=True)
class FilteredDetections:
    """The detections of one frame that passed the filters.

    Attributes:
        detections: the weak and strong ones.
        strong: (N,) bool, which of them reach their threshold.
        listed: (N,) bool, which of them have a label that `DetectSettings.labels` lists; a strong one may begin an object.
    """

    detections: Detections
    strong: NDArray[np.bool_]
    listed: NDArray[np.bool_]

    @property
    def reportable(self) -> Detections:
        """The detections that may begin an object."""
        return self.detections[self.strong & self.listed]


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectionFilters:
    """The filters of one camera with one model.

    Every array has one entry for each class with a label or settings of its own, and a last one for all class ids beyond them.

    Attributes:
        thresholds: (C + 1,) float32, minimum score of a strong detection.
        keep_threshold: share of the threshold from which a detection is weak.
        allowed: (C + 1,) bool, whether the class is allowed.
        area_limits: (2, C + 1) float32, minimum and maximum, in fractions of the frame's area.
        ratio_limits: (2, C + 1) float32, minimum and maximum of width / height, both in pixels.
    """

    thresholds: F32
    keep_threshold: float
    allowed: NDArray[np.bool_]
    area_limits: F32
    ratio_limits: F32

    @classmethod
    def from_settings(
        cls,
        general: DetectSettings,
        camera: DetectSettings,
        labels: tuple[str, ...],
        *,
        keep_threshold: float,
        recommended: DetectSettings = NO_SETTINGS,
    ) -> "DetectionFilters":
        """Resolve the settings of one camera for each label.

        A label's own setting comes before the camera's, and that before the general one; the model maker's recommendation fills in what
        none of them sets.

        Args:
            general: ``[detect]``.
            camera: ``[camera.NAME.detect]``.
            labels: the model's labels; ``labels[class_id]`` names a class.
            keep_threshold: `TrackSettings.keep_threshold`.
            recommended: filters that the model's maker recommends.
        """
        layers = (camera, general)
        listed = next((layer.labels for layer in layers if layer.labels is not None), None)
        named = (*(listed or ()), *camera.label, *general.label)
        class_count = max(len(labels), _count_numbered_classes(named))
        names = (*(label_of(labels, index) for index in range(class_count)), "")
        allowed = [listed is None or name in listed for name in names]

        def column(setting: _SettingGetter, default: float) -> list[float]:
            configured = (_resolve_setting(setting, layers, name) for name in names)
            by_maker = (_resolve_setting(setting, (recommended,), name) for name in names)
            return [
                next((value for value in pair if value is not None), default)
                for pair in zip(configured, by_maker, strict=True)
            ]

        return cls(
            thresholds=np.array(column(lambda s: s.threshold, DEFAULT_THRESHOLD), np.float32),
            keep_threshold=keep_threshold,
            allowed=np.array(allowed, np.bool_),
            area_limits=np.array(
                (column(lambda s: s.min_area, 0.0), column(lambda s: s.max_area, 1.0)), np.float32
            ),
            ratio_limits=np.array(
                (column(lambda s: s.min_ratio, 0.0), column(lambda s: s.max_ratio, np.inf)),
                np.float32,
            ),
        )

    @property
    def min_score(self) -> float:
        """The lowest score that can pass, down to which a decoder must deliver; 1.0 if no label is allowed."""
        if not self.allowed.any():
            return 1.0
        return float(self.thresholds[self.allowed].min()) * self.keep_threshold

    def apply(self, detections: Detections, *, width: int, height: int) -> FilteredDetections:
        """Return the detections that pass; those of labels that are not listed too, because they may continue an object.

        Args:
            detections: the detections of one frame.
            width: width of that frame in pixels.
            height: height of that frame in pixels.
        """
        row = np.minimum(detections.class_ids, len(self.allowed) - 1)
        area = areas(detections.boxes)
        sides = detections.boxes[:, 2:] - detections.boxes[:, :2]
        ratio = sides[:, 0] * width / np.maximum(sides[:, 1] * height, 1e-9)
        threshold = self.thresholds[row]
        passes = (
            (detections.scores >= threshold * np.float32(self.keep_threshold))
            & (area >= self.area_limits[0, row])
            & (area <= self.area_limits[1, row])
            & (ratio >= self.ratio_limits[0, row])
            & (ratio <= self.ratio_limits[1, row])
        )
        return FilteredDetections(
            detections[passes],
            strong=(detections.scores >= threshold)[passes],
            listed=self.allowed[row][passes],
        )


def _count_numbered_classes(names: Iterable[str]) -> int:
    """Return the number of classes of which ``class-7`` can be one: such names are for classes beyond the label list, too."""
    matches = (_NUMBERED_CLASS.fullmatch(name) for name in names)
    return max((int(match[1]) + 1 for match in matches if match), default=0)


def _resolve_setting(
    setting: _SettingGetter, layers: tuple[DetectSettings, ...], name: str
) -> float | None:
    """Return the first value that is set: the label's in each layer, then the layers' own; None if none is."""
    owners: list[DetectSettings | LabelFilter] = [
        layer.label[name] for layer in layers if name in layer.label
    ]
    values = (setting(owner) for owner in (*owners, *layers))
    return next((value for value in values if value is not None), None)
