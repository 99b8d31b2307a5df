"""The messages of the process that builds and evaluates variants."""

from pathlib import Path

from msgspec import Struct, structs

from edged_models.compression.fine_tune_settings import FineTuneSettings
from edged_models.compression.techniques import Technique


class NetworkSpec(Struct, frozen=True, kw_only=True):
    """The arguments of `open_network`.

    Attributes:
        path: path of the checkpoint or the Keras file.
        digest: digest of architecture and weights.
        labels: class names of a Keras network; empty if they are not known.
        mean: mean of a Keras network's normalisation; empty if it is in the network.
        std: standard deviation of the normalisation; empty likewise.
    """

    path: str
    digest: str
    labels: tuple[str, ...] = ()
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()


class BuildJob(Struct, frozen=True, kw_only=True):
    """One variant to build.

    Attributes:
        technique: the technique to apply.
        network: the network.
        tuning: settings of the fine-tuning.
        calibration: pictures for the calibration, as `open_pictures` takes them; None if there are none.
        out: path of the .tflite to write.
    """

    technique: Technique
    network: NetworkSpec
    tuning: FineTuneSettings
    calibration: str | None
    out: str

    @property
    def name(self) -> str:
        """The name of the variant, which no other one of a comparison has."""
        return Path(self.out).stem

    def is_equivalent(self, other: "BuildJob") -> bool:
        """Return whether both jobs build the same model; paths do not matter."""
        network = structs.replace(other.network, path=self.network.path)
        return structs.replace(other, network=network, out=self.out) == self


class Work(Struct, frozen=True, kw_only=True):
    """One variant to build and to evaluate.

    Attributes:
        job: the variant.
        is_built: whether an earlier run has built it, so that it is only to be evaluated.
    """

    job: BuildJob
    is_built: bool


class WorkPackage(Struct, frozen=True, kw_only=True):
    """The input of one process: variants that share the network and its conversion.

    Attributes:
        works: the variants, one after the other.
        pictures: the pictures for the evaluation, as `open_pictures` takes them.
        shared: folder of the pictures that all processes share.
        threads: number of TensorFlow's threads.
    """

    works: tuple[Work, ...]
    pictures: str
    shared: str
    threads: int


class BuildProgress(Struct, frozen=True, kw_only=True, tag="training"):
    """The progress of the fine-tuning.

    Attributes:
        job: name of the variant.
        done: number of finished steps.
        total: number of all steps.
    """

    job: str
    done: int
    total: int


class EvaluationProgress(Struct, frozen=True, kw_only=True, tag="evaluating"):
    """The progress of the evaluation.

    Attributes:
        job: name of the variant.
        done: number of evaluated pictures.
        total: number of all pictures.
    """

    job: str
    done: int
    total: int


class FileFacts(Struct, frozen=True, kw_only=True):
    """The facts of a .tflite about its own weights and operators.

    Attributes:
        zero_share: share of zeros among the weights of convolutions and dense layers, without depthwise ones.
        max_distinct: number of different stored values in that kernel which has most of them.
        ops: number of operators.
        float_ops: number of operators that compute with floats, without the detection post-process.
        edgetpu_ops: number of operators that the EdgeTPU would run; 0 if its compiler rejects the file.
    """

    zero_share: float
    max_distinct: int
    ops: int
    float_ops: int
    edgetpu_ops: int


class BuildResult(Struct, frozen=True, kw_only=True, tag="built"):
    """A built variant.

    Attributes:
        job: name of the variant.
        parameters: number of the network's parameters.
        remark: what the technique did; None if the title is complete without it.
        sha256: SHA-256 of the .tflite.
        file_bytes: size of the .tflite.
        deflated_bytes: size of the compressed .tflite, as in a package or a delta update.
        facts: what the file says about itself.
    """

    job: str
    parameters: int
    remark: str | None
    sha256: str
    file_bytes: int
    deflated_bytes: int
    facts: FileFacts


class Quality(Struct, frozen=True, kw_only=True):
    """Accuracy of a variant.

    Attributes:
        pictures: the pictures for the evaluation, as `open_pictures` takes them.
        measure: ``AP50``, average precision at IoU 0.5 of a detector, or ``top-1``, the share of right answers of a classifier.
        value: the measure.
        ap: average precision of a detector, mean over IoU 0.5 to 0.95.
        recall: share of all objects that a detector finds at a score of 0.5.
        false_alarms: false alarms of a detector in a picture without objects, on average; None if there are no such pictures.
    """

    pictures: str
    measure: str
    value: float
    ap: float | None = None
    recall: float | None = None
    false_alarms: float | None = None


class Evaluated(Struct, frozen=True, kw_only=True, tag="evaluated"):
    """The accuracy of a variant; the last message about it.

    Attributes:
        job: name of the variant.
        quality: its accuracy.
    """

    job: str
    quality: Quality


class BuildRefused(Struct, frozen=True, kw_only=True, tag="refused"):
    """A technique that cannot be applied; the last message about it.

    Attributes:
        job: name of the variant.
        reason: why it cannot be applied.
    """

    job: str
    reason: str


class WorkFailed(Struct, frozen=True, kw_only=True, tag="failed"):
    """An error that is not the technique's, as unreadable pictures: the comparison ends.

    Attributes:
        job: name of the variant.
        reason: the error.
    """

    job: str
    reason: str


BuildMessage = (
    BuildProgress | EvaluationProgress | BuildResult | Evaluated | BuildRefused | WorkFailed
)
