"""Filters for detections: thresholds by label, allowed labels, size and shape.

There are two levels. A *strong* detection reaches its label's threshold and may begin an object. A *weak* one reaches the share
`TrackSettings.keep_threshold` of it, and may only continue a known object, because scores flicker while objects persist.
(Zhang et al. 2022, "ByteTrack", section 3: the low-score boxes of known objects are worth keeping.)

Labels flicker too: a detection whose label is not listed may continue a known object as well, and begins none.
"""

import math
import re
import struct
from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct

from edged.config.settings import DetectSettings, LabelFilter
from edged.types import DetectedBox, label_of

DEFAULT_THRESHOLD = 0.5
_UNREACHABLE = 2.0
_NUMBERED_CLASS = re.compile(r"class-(\d{1,4})")
NO_SETTINGS = DetectSettings()
_SettingGetter = Callable[[DetectSettings | LabelFilter], float | None]
_FLOAT32 = struct.Struct("<f")
_MIN_HEIGHT_PX = 1e-9
"""Height of a box without height, so that it has a ratio."""


def is_detecting(general: DetectSettings, camera: DetectSettings) -> bool:
    """Return whether the model runs on a camera's frames.

    Args:
        general: ``[detect]``.
        camera: ``[camera.NAME.detect]``.
    """
    return general.enabled is not False if camera.enabled is None else camera.enabled


class FilteredDetections(Struct, frozen=True, gc=False):
    """The detections of one frame that passed the filters.

    Attributes:
        detections: the weak and strong ones.
        strong: which of them reach their threshold.
        listed: which of them have a label that `DetectSettings.labels` lists; a strong one may begin an object.
        reportable: those that may begin an object.
    """

    detections: Sequence[DetectedBox] = ()
    strong: Sequence[bool] = ()
    listed: Sequence[bool] = ()
    reportable: Sequence[DetectedBox] = ()


_NOTHING = FilteredDetections()


class ClassLimits(Struct, frozen=True):
    """The filters of one class.

    Attributes:
        threshold: minimum score of a strong detection, rounded to float32 like the scores: a score of 0.7 reaches a threshold of 0.7.
        keep_threshold: minimum score of a weak one, likewise.
        is_listed: whether the class is allowed.
        area: minimum and maximum, in fractions of the frame's area; None: any.
        ratio: minimum and maximum of width / height, both in pixels; None: any.
    """

    threshold: float
    keep_threshold: float
    is_listed: bool
    area: tuple[float, float] | None
    ratio: tuple[float, float] | None

    def fits_size(self, detected: DetectedBox, *, width: int, height: int) -> bool:
        """Return whether a detection's size and shape are within the limits.

        Args:
            detected: the detection.
            width: width of the frame in pixels.
            height: height of the frame in pixels.
        """
        x1, y1, x2, y2 = detected.box
        if self.area and not self.area[0] <= (x2 - x1) * (y2 - y1) <= self.area[1]:
            return False
        if self.ratio is None:
            return True
        ratio = (x2 - x1) * width / max((y2 - y1) * height, _MIN_HEIGHT_PX)
        return self.ratio[0] <= ratio <= self.ratio[1]


class DetectionFilters:
    """The filters of one camera with one model."""

    def __init__(self, limits: Sequence[ClassLimits]) -> None:
        """Use these filters.

        Args:
            limits: one for each class with a label or settings of its own, and a last one for all class ids beyond them.
        """
        self._limits = tuple(limits)
        self._last_row = len(limits) - 1

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

        def column(setting: _SettingGetter, default: float) -> list[float]:
            configured = (_resolve_setting(setting, layers, name) for name in names)
            by_maker = (_resolve_setting(setting, (recommended,), name) for name in names)
            return [
                next((value for value in pair if value is not None), default)
                for pair in zip(configured, by_maker, strict=True)
            ]

        thresholds = map(_to_float32, column(lambda s: s.threshold, DEFAULT_THRESHOLD))
        areas = zip(
            column(lambda s: s.min_area, 0.0), column(lambda s: s.max_area, 1.0), strict=True
        )
        ratios = zip(
            column(lambda s: s.min_ratio, 0.0), column(lambda s: s.max_ratio, math.inf), strict=True
        )
        return cls(
            [
                ClassLimits(
                    threshold=threshold,
                    keep_threshold=_to_float32(threshold * _to_float32(keep_threshold)),
                    is_listed=listed is None or name in listed,
                    area=None if area == (0.0, 1.0) else area,
                    ratio=None if ratio == (0.0, math.inf) else ratio,
                )
                for name, threshold, area, ratio in zip(
                    names, thresholds, areas, ratios, strict=True
                )
            ]
        )

    @property
    def thresholds(self) -> tuple[float, ...]:
        """The minimum scores of strong detections: of each class with a label or settings of its own, and of all others."""
        return tuple(limits.threshold for limits in self._limits)

    @property
    def start_scores(self) -> tuple[float, ...]:
        """The minimum scores with which an object can begin, by class like `thresholds`; above 1 for a class that is not listed."""
        return tuple(one.threshold if one.is_listed else _UNREACHABLE for one in self._limits)

    @property
    def min_score(self) -> float:
        """The lowest score that can pass, down to which a decoder must deliver; 1.0 if no label is allowed."""
        return min((one.keep_threshold for one in self._limits if one.is_listed), default=1.0)

    def apply(
        self, detections: Sequence[DetectedBox], *, width: int, height: int
    ) -> FilteredDetections:
        """Return the detections that pass; those of labels that are not listed too, because they may continue an object.

        Args:
            detections: the detections of one frame.
            width: width of that frame in pixels.
            height: height of that frame in pixels.
        """
        if not detections:
            return _NOTHING
        passed: list[DetectedBox] = []
        strong: list[bool] = []
        listed: list[bool] = []
        reportable: list[DetectedBox] = []
        all_limits, last_row = self._limits, self._last_row
        for detected in detections:
            score, class_id = detected.score, detected.class_id
            limits = all_limits[min(last_row, class_id)]
            if score < limits.keep_threshold or (
                (limits.area or limits.ratio)
                and not limits.fits_size(detected, width=width, height=height)
            ):
                continue
            is_strong, is_listed = score >= limits.threshold, limits.is_listed
            passed.append(detected)
            strong.append(is_strong)
            listed.append(is_listed)
            if is_strong and is_listed:
                reportable.append(detected)
        return FilteredDetections(passed, strong, listed, reportable)


def _to_float32(value: float) -> float:
    """Round to the nearest float32."""
    return float(_FLOAT32.unpack(_FLOAT32.pack(value))[0])


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
