"""Check that a manifest names labels of its model."""

from edged.config.label_names import class_names, find_unknown_labels
from edged.config.problems import format_key
from edged.errors import BundleError
from edged.updates.bundle.manifest import Thresholds


def check_threshold_labels(thresholds: Thresholds, labels: tuple[str, ...]) -> None:
    """Check that the recommended thresholds are for labels of the model; others would have no effect on any device.

    Raises:
        BundleError: the model does not have a label; the message has each of them.
    """
    named = [(("thresholds", "labels", label), label) for label in thresholds.labels]
    problems = [
        f"{format_key(problem.key_path)}: {problem.message}; {problem.hint}"
        for problem in find_unknown_labels(named, class_names(labels))
    ]
    if problems:
        raise BundleError("; ".join(problems))
