"""The figures of an evaluation of a classifier."""

from msgspec import Struct

from edged_models.evaluation.results import Confusion


class ClassResult(Struct, frozen=True, kw_only=True):
    """The figures of one class of a classifier; the best class of a picture counts, whatever its score.

    Attributes:
        label: name of the class.
        count: number of its pictures.
        precision: share of pictures of the class among those in which it was the best; None if it never was.
        recall: share of its pictures in which it was the best; None without pictures of it.
        f1: harmonic mean of precision and recall; None if there is neither.
    """

    label: str
    count: int
    precision: float | None
    recall: float | None
    f1: float | None


class ReliabilityBin(Struct, frozen=True, kw_only=True):
    """The pictures whose best score lies in one range.

    Attributes:
        low: the range's lower end, not contained in it but for 0.
        high: the range's upper end.
        count: number of pictures.
        mean_score: mean of their best scores; None without pictures.
        accuracy: share of them whose best class is right; None without pictures.
    """

    low: float
    high: float
    count: int
    mean_score: float | None
    accuracy: float | None


class ClassifierEvaluation(
    Struct, frozen=True, kw_only=True, tag_field="task", tag="classification"
):
    """The figures of a classifier on a set of pictures.

    Attributes:
        model: path of the file, as given.
        model_sha256: hexadecimal digest of the file.
        runtime: name and version of the runtime.
        threads: CPU threads of the interpreter.
        input_px: width and height of the model's input.
        pictures_name: the origin of the pictures.
        pictures: number of pictures of the evaluated classes.
        ignored_pictures: number of pictures of classes that the model lacks.
        min_score: the threshold for `reported` and `reported_accuracy`.
        top1: share of pictures whose class is the best.
        top5: share of pictures whose class is among the five best; None for a model with five classes or fewer.
        reported: share of pictures whose best score reaches the threshold: those that the daemon reports.
        reported_accuracy: share of these whose best class is right; None without any.
        calibration_error: expected calibration error: mean difference of best score and accuracy over `reliability`, by number of pictures.
        reliability: pictures by their best score.
        by_label: figures of each class.
        confusion: a row for each true class, a column for each best class; the last is ``other``, the classes of the model that the
            pictures lack.
        unknown_to_model: classes in the pictures that the model lacks; their pictures are ignored.
        not_in_pictures: classes of the model that the pictures lack; where one of them is the best, the model is wrong.
        invoke_ms_p50: median duration of an invocation, ms.
        invoke_ms_p95: 95th percentile of the duration, ms.
        seconds: duration of the evaluation, including reading the pictures.
    """

    model: str
    model_sha256: str
    runtime: str
    threads: int
    input_px: tuple[int, int]
    pictures_name: str
    pictures: int
    ignored_pictures: int
    min_score: float
    top1: float
    top5: float | None
    reported: float
    reported_accuracy: float | None
    calibration_error: float
    reliability: tuple[ReliabilityBin, ...]
    by_label: tuple[ClassResult, ...]
    confusion: Confusion
    unknown_to_model: tuple[str, ...]
    not_in_pictures: tuple[str, ...]
    invoke_ms_p50: float
    invoke_ms_p95: float
    seconds: float
