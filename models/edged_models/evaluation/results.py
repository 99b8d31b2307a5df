"""What comes out of judging a model."""

from msgspec import Struct


class LabelResult(Struct, frozen=True, kw_only=True):
    """Of one class.

    Attributes:
        label: its name.
        count: how many of it are in the pictures.
        ap: average precision, mean over IoU 0.5 to 0.95; None if none of it is in the pictures.
        ap50: the same at IoU 0.5.
        precision: share of the detections that are right, at the threshold; None if there are no detections.
        recall: share of the objects that are found, at the threshold.
        f1: harmonic mean of the two.
        false_alarms: detections at the threshold in pictures without any object.
    """

    label: str
    count: int
    ap: float | None
    ap50: float | None
    precision: float | None
    recall: float | None
    f1: float | None
    false_alarms: int


class SizeResult(Struct, frozen=True, kw_only=True):
    """Of the objects of one size, in pixels of the model's input.

    Attributes:
        size: ``small``, ``medium`` or ``large``.
        below_px: the square root of an object's area is below this; None for large ones.
        count: how many of them are in the pictures.
        ap: as in `LabelResult`, mean over the classes.
        ap50: likewise.
    """

    size: str
    below_px: float | None
    count: int
    ap: float | None
    ap50: float | None


class Confusion(Struct, frozen=True, kw_only=True):
    """What objects were taken for, at the threshold and IoU 0.5.

    Attributes:
        labels: of rows and columns; the last is ``background``.
        counts: a row for each true class, a column for each that was found. The last row are detections of nothing, the last column
            objects that were not found.
    """

    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


class Evaluation(Struct, frozen=True, kw_only=True):
    """How good a model is on a set of pictures.

    Attributes:
        model: its path, as given.
        model_sha256: of the file.
        runtime: name and version of what ran it.
        threads: CPU threads of the interpreter.
        input_px: width and height of the model's input.
        pictures_name: where the pictures come from.
        pictures: how many there were.
        empty_pictures: how many of them have no object in them.
        objects: how many objects of the judged classes are in them.
        min_score: the threshold of precision, recall, confusion and false alarms.
        ap: average precision as COCO counts it, mean over the classes and IoU 0.5 to 0.95; None without objects.
        ap50: the same at IoU 0.5.
        ap75: the same at IoU 0.75.
        precision: share of all detections that are right, at the threshold and IoU 0.5; None if there are no detections.
        recall: share of all objects that are found, likewise; None without objects.
        f1: harmonic mean of the two.
        false_alarms_per_empty_picture: detections at the threshold in a picture without objects, mean; None if there is none.
        by_label: the same for each class.
        by_size: the same for each size.
        confusion: what was taken for what.
        unknown_to_model: classes in the pictures that the model does not know; they are left out.
        not_in_pictures: the model's classes that the pictures' labels lack; detections of them are left out.
        invoke_ms_p50: median time of an invocation.
        invoke_ms_p95: 95th percentile of the same.
        seconds: how long the judging took, reading or drawing of the pictures included.
    """

    model: str
    model_sha256: str
    runtime: str
    threads: int
    input_px: tuple[int, int]
    pictures_name: str
    pictures: int
    empty_pictures: int
    objects: int
    min_score: float
    ap: float | None
    ap50: float | None
    ap75: float | None
    precision: float | None
    recall: float | None
    f1: float | None
    false_alarms_per_empty_picture: float | None
    by_label: tuple[LabelResult, ...]
    by_size: tuple[SizeResult, ...]
    confusion: Confusion
    unknown_to_model: tuple[str, ...]
    not_in_pictures: tuple[str, ...]
    invoke_ms_p50: float
    invoke_ms_p95: float
    seconds: float
