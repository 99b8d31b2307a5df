"""Results of a verification, and how they are shown."""

from msgspec import Struct
from msgspec.structs import asdict

from edged_models.conversion.conversion_report import ConversionReport
from edged_models.verification.agreement import BoxAgreement, ClassAgreement
from edged_models.verification.normalisation import UsedNormalisation
from edged_models.verification.tensor_error import TensorError


class RuntimeResult(Struct, frozen=True, kw_only=True):
    """The model on one runtime.

    Attributes:
        name: ``litert`` or ``tflite``.
        runtime: its name and version; None if it could not be asked.
        runs: whether it loads and runs the model.
        reason: why it does not, in its own words; None if it does.
        pictures: number of pictures that were run and compared.
        outputs: the error of each output; empty if the outputs are rows that may change places.
        classes: agreement of a classifier; None for others.
        boxes: agreement of a detector; None for others.
        faults: what is wrong with the outputs, with the way out; empty if they are within the bounds.
        notes: what was not compared, and why.
    """

    name: str
    runtime: str | None
    runs: bool
    reason: str | None = None
    pictures: int = 0
    outputs: tuple[TensorError, ...] = ()
    classes: ClassAgreement | None = None
    boxes: BoxAgreement | None = None
    faults: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def is_good(self) -> bool:
        """True if it runs, and its outputs are within the bounds."""
        return self.runs and not self.faults


class Verification(Struct, frozen=True, kw_only=True):
    """The comparison of a written model with its source.

    Attributes:
        normalisation: how pixels become the model's input, and what says so.
        pictures: origin of the pictures.
        reference: what the result was compared with; None if there was nothing to compare with.
        runtimes: the results on both runtimes.
        accepted_loss: the failures that an option accepted.
        seconds: duration of the verification.
    """

    normalisation: UsedNormalisation
    pictures: str
    reference: str | None
    runtimes: tuple[RuntimeResult, ...]
    accepted_loss: tuple[str, ...] = ()
    seconds: float = 0.0


class VerifiedReport(ConversionReport, frozen=True, kw_only=True):
    """A converted model with its verification.

    Attributes:
        verification: the comparison with the source.
    """

    verification: Verification


def add_verification(report: ConversionReport, verification: Verification) -> VerifiedReport:
    """Return a report with a verification."""
    return VerifiedReport(**asdict(report), verification=verification)


def verification_rows(verification: Verification) -> list[tuple[str, str]]:
    """Return the table rows of a verification: normalisation, runtimes, and the comparison."""
    return [
        ("normalisation", verification.normalisation.describe()),
        ("runs on", _format_runtimes(verification)),
        ("compared", _format_comparison(verification)),
    ]


def list_warnings(verification: Verification) -> list[str]:
    """Return warnings: accepted losses, and a runtime that does not run the model or gives something else."""
    warnings = [f"accepted: {one}" for one in verification.accepted_loss]
    good = [one for one in verification.runtimes if one.is_good]
    for one in verification.runtimes:
        if good and not one.is_good:
            runtime = one.runtime or one.name
            warnings.append(
                f"on {runtime} the model gives something else: {'; '.join(one.faults)}"
                if one.runs
                else f"the model does not run on {runtime}: {one.reason}"
            )
    return warnings


def _format_runtimes(verification: Verification) -> str:
    good = [one.runtime or one.name for one in verification.runtimes if one.is_good]
    bad = [one.runtime or one.name for one in verification.runtimes if not one.is_good]
    text = " and ".join(good) or "no runtime"
    return f"{text}, not on {' and '.join(bad)}" if bad else text


def _format_comparison(verification: Verification) -> str:
    """Return the result on the first runtime that runs the model."""
    judged = next((one for one in verification.runtimes if one.is_good), None) or next(
        (one for one in verification.runtimes if one.runs), None
    )
    if judged is None or verification.reference is None:
        notes = judged.notes if judged else ()
        return f"with nothing: {'; '.join(notes) or 'no runtime runs the model'}"
    parts = [f"with {verification.reference} on {judged.pictures} {verification.pictures}"]
    parts += _format_agreement(judged)
    errors = [one for one in judged.outputs if one.snr_db is not None]
    if errors:
        worst = min(errors, key=lambda one: one.snr_db)
        parts.append(
            f"error {_format_share(worst.relative_rms)} of the signal ({worst.snr_db:.0f} dB, {worst.output})"
        )
    parts += judged.notes
    return f"{'; '.join(parts)}; {verification.seconds:.1f} s"


def _format_agreement(judged: RuntimeResult) -> list[str]:
    parts = []
    if judged.classes is not None:
        same = round(judged.classes.top1 * judged.classes.pictures)
        parts.append(f"same top class on {same} of {judged.classes.pictures}")
    if judged.boxes is not None and judged.boxes.agreement is not None:
        boxes = judged.boxes
        parts.append(
            f"{100 * boxes.agreement:.0f} % of {boxes.source_objects} and {boxes.result_objects} objects in common"
        )
        if boxes.mean_iou is not None:
            parts.append(
                f"IoU {boxes.mean_iou:.2f}, scores off by {boxes.mean_score_difference:.3f}"
            )
    return parts


def _format_share(share: float) -> str:
    return f"{100 * share:.2g} %"
