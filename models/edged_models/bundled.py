"""The files of the bundled model in a checkout: models/bundled."""

from pathlib import Path

FOLDER = Path(__file__).parents[1] / "bundled"


def checkpoint_file() -> Path:
    """Return the path of the weights from which the bundled .tflite files are made."""
    return FOLDER / "marks.npz"
