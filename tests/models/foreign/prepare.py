"""Writes the three networks that ``make -C models tables`` compares, and what the comparison needs, to a folder.

``python -m foreign.prepare FOLDER``: classifier.keras with the class folders ``train`` and ``held-out``, yolo.keras and ssd.keras with
labels.txt.
"""

import sys
from collections.abc import Callable
from pathlib import Path

from edged.marks import MARK_LABELS
from edged_models.tensorflow import keras
from foreign import classifier, ssd, yolo_head

_HELD_OUT_SEED = 2


def prepare(folder: Path) -> None:
    """Write what is not there yet; `folder` is made if it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    train, held_out = folder / "train", folder / "held-out"
    if not held_out.is_dir():
        classifier.write_class_folder(train, count=120)
        classifier.write_class_folder(held_out, count=120, seed=_HELD_OUT_SEED)
    (folder / "labels.txt").write_text("\n".join(MARK_LABELS) + "\n")
    _save(folder / "classifier.keras", lambda: classifier.train(train))
    _save(folder / "yolo.keras", yolo_head.trained)
    _save(folder / "ssd.keras", ssd.trained)


def _save(path: Path, make: Callable[[], keras.Model]) -> None:
    if not path.is_file():
        keras.backend.clear_session()
        make().save(path)


if __name__ == "__main__":
    prepare(Path(sys.argv[1]))
