"""The figures of an evaluation."""

from msgspec import Struct


class LabelResult(Struct, frozen=True, kw_only=True):
    """The figures of one class.

    Attributes:
        label: name of the class.
        count: number of its objects in the pictures.
        ap: average precision, mean over IoU 0.5 to 0.95; None without objects of the class.
        ap50: average precision at IoU 0.5.
        precision: share of correct detections at the threshold; None without detections.
        recall: share of detected objects at the threshold; None without objects of the class.
        f1: harmonic mean of precision and recall.
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
    """The figures of objects of one size, in pixels of the model's input.

    Attributes:
        size: ``small``, ``medium`` or ``large``.
        below_px: upper bound of the square root of an object's area; None for large ones.
        count: number of such objects in the pictures.
        ap: average precision, mean over the classes and IoU 0.5 to 0.95.
        ap50: average precision at IoU 0.5, mean over the classes.
    """

    size: str
    below_px: float | None
    count: int
    ap: float | None
    ap50: float | None


class Confusion(Struct, frozen=True, kw_only=True):
    """The confusion matrix at the threshold and IoU 0.5.

    Attributes:
        labels: of rows and columns; the last is ``background``.
        counts: a row for each true class, a column for each detected class. The last row counts detections that match no object, the
            last column objects that were not detected.
    """

    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


class Evaluation(Struct, frozen=True, kw_only=True, tag_field="task", tag="detection"):
    """The figures of a detector on a set of pictures.

    Attributes:
        model: path of the file, as given.
        model_sha256: hexadecimal digest of the file.
        runtime: name and version of the runtime.
        threads: CPU threads of the interpreter.
        input_px: width and height of the model's input.
        pictures_name: the origin of the pictures.
        pictures: number of pictures.
        empty_pictures: number of pictures without any object or crowd.
        objects: number of objects of the evaluated classes.
        min_score: the threshold for precision, recall, confusion and false alarms.
        ap: average precision as COCO defines it, mean over the classes and IoU 0.5 to 0.95; None without objects.
        ap50: average precision at IoU 0.5.
        ap75: average precision at IoU 0.75.
        precision: share of correct detections, at the threshold and IoU 0.5; None without detections.
        recall: share of detected objects, at the threshold and IoU 0.5; None without objects.
        f1: harmonic mean of precision and recall.
        false_alarms_per_empty_picture: mean number of detections at the threshold in a picture without objects; None without such pictures.
        by_label: figures of each class.
        by_size: figures of each object size.
        confusion: the confusion matrix.
        unknown_to_model: classes in the pictures that the model lacks; their objects are ignored.
        not_in_pictures: classes of the model that the pictures' labels lack; their detections are ignored.
        invoke_ms_p50: median duration of an invocation, ms.
        invoke_ms_p95: 95th percentile of the duration, ms.
        seconds: duration of the evaluation, including reading or drawing the pictures.
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
