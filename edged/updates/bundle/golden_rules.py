"""The rules for the goldens of a bundle: they must tell a sound model from one that always gives the same."""

from edged.errors import BundleError
from edged.model.goldens import Goldens

CLASSIFICATION = "classification"
"""The family of models that give one class for the whole picture; many of them give one for every picture."""
MIN_GOLDENS = 8
MIN_EMPTY_GOLDENS = 2
MIN_GOLDEN_CLASSES = 2
"""Different answers that the goldens of a classifier must have, instead of empty scenes."""


def check_golden_count(name: str, goldens: Goldens, family: str) -> None:
    """Check that there are enough goldens, and with different results.

    Args:
        name: of the goldens file, for messages.
        goldens: its content.
        family: the model's.

    Raises:
        BundleError: there are too few.
    """
    pictures = len({golden.picture for golden in goldens.goldens})
    if family == CLASSIFICATION:
        answers = {one.detections[0].label if one.detections else "" for one in goldens.goldens}
        variety, least = len(answers), MIN_GOLDEN_CLASSES
        clause = f" with {variety} different answers of the classifier"
    else:
        variety, least = sum(not one.detections for one in goldens.goldens), MIN_EMPTY_GOLDENS
        clause = f", {variety} of them empty scenes"
    if pictures < MIN_GOLDENS or variety < least:
        raise BundleError(
            f"{name} has {pictures} pictures{clause}; at least {MIN_GOLDENS} and {least} are required"
        )
