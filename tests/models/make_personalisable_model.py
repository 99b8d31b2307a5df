"""Makes tests/support/personalisable.tflite: the first layers of the bundled detector, with a last layer of four classes that a device can train.

    .venv-models/bin/python tests/models/make_personalisable_model.py

It is run by hand, because the tests of the daemon have no TensorFlow.
"""

from pathlib import Path

from edged import bundled
from edged_models.personalise.personalisable import make_personalisable

OUT = Path(__file__).parents[1] / "support" / "personalisable.tflite"


def make_model() -> bytes:
    """Return the model; it is the same each time."""
    detector = bundled.model_path().read_bytes()
    return make_personalisable(detector, classes=4, tensor="stage8b_sum")


if __name__ == "__main__":
    OUT.write_bytes(make_model())
