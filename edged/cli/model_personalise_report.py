"""The result of ``edged model personalise``, and its text."""

from msgspec import Struct

from edged.personalise.report import LearningReport
from edged.terminal.escape import one_line


class PersonaliseResult(Struct, frozen=True, kw_only=True):
    """The result of the command.

    Attributes:
        learning: what was learnt, and what it cost.
        bundle: the bundle that was made; "" if none was.
        deployment: ID of its deployment; "" if none was started.
        model: the model file that was written; "" if it was only installed.
        changed: something was written or started.
    """

    learning: LearningReport
    bundle: str = ""
    deployment: str = ""
    model: str = ""
    changed: bool = False


def describe_refusal(report: LearningReport) -> str:
    """Return why a new model is not installed."""
    return (
        f"nothing is installed: the new model classifies {report.accuracy_after:.0%} of {report.held_out_pictures} held-out pictures correctly, the old one "
        f"{report.accuracy_before:.0%}, and guessing {report.accuracy_of_guessing:.0%}: add pictures, or use --even-if-worse"
    )


def format_result(result: PersonaliseResult) -> str:
    """Format the result for people."""
    learnt = result.learning
    lines = [
        f"{', '.join(learnt.labels)}: learnt from {learnt.training_pictures} pictures",
        f"held-out pictures: {learnt.accuracy_after:.0%} of {learnt.held_out_pictures} correct, {learnt.accuracy_before:.0%} before",
        f"cost: features {learnt.features_s:.1f} s, training {learnt.training_s:.2f} s, peak memory {learnt.peak_memory_mib:.0f} MiB",
    ]
    if not result.changed:
        lines.append("nothing to do: this model is there already")
    elif result.model:
        lines.append(f"{result.model}: written; nothing is installed")
    else:
        lines.append(
            f"{result.deployment}: started; `edged model wait {result.deployment}` waits for the outcome of the trial"
        )
    return "\n".join(map(one_line, lines))
