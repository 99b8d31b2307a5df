"""The files of the bundled model in a checkout: models/bundled."""

from pathlib import Path

FOLDER = Path(__file__).parents[1] / "bundled"


def checkpoint_file() -> Path:
    """The weights that the bundled .tflite files were made of."""
    return FOLDER / "marks.npz"
