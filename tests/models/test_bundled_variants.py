"""Every file that is made of the bundled checkpoint runs in both runtimes, its family found by itself, and sees the same."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from edged.config.settings import ModelSettings
from edged.marks import MARKS
from edged.scene.geometry import iou_matrix
from edged.selftest.process import try_model
from edged.types import Detections
from edged_models import bundled
from edged_models.conversion.convert import convert
from edged_models.conversion.sources import open_source
from edged_models.detector.checkpoint import load_checkpoint
from edged_models.evaluation.contender import Contender
from edged_models.pictures.labelled import PictureSet
from edged_models.release.variants import VARIANTS, Variant, shifted

RUNTIMES = ("litert", "tflite")
SURE, LEAST_IOU = 0.5, 0.75


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("variant", VARIANTS, ids=lambda v: v.file)
def test_the_daemon_takes_it_as_it_is(variant: Variant, runtime: str) -> None:
    path = bundled.FOLDER / variant.file
    report = try_model(ModelSettings(path=path, runtime=runtime))
    assert report.family == ("ssd" if variant.head == "postprocess" else "ssd-raw")
    assert report.labels == MARKS
    assert report.name.startswith(f"{variant.name}@")
    assert (report.input.width, report.input.height) == (variant.side_px, variant.side_px)
    assert report.signature.inputs[0].dtype == "uint8"
    assert path.stat().st_size < 600 * 1024


def _seen(path: Path, runtime: str, pictures: PictureSet) -> list[Detections]:
    with Contender(path, runtime=runtime) as contender:
        return [contender.find(one, min_score=0.2)[0] for one in pictures]


def _agreement(one: Sequence[Detections], other: Sequence[Detections]) -> float:
    """Share of the sure detections of `one` that `other` has too, of the same class, at nearly the same place."""
    sure = found = 0
    for left, right in zip(one, other, strict=True):
        mine = left[left.scores >= SURE]
        same = mine.class_ids[:, None] == right.class_ids[None, :]
        overlap = np.where(same, iou_matrix(mine.boxes, right.boxes), 0)
        sure += len(mine)
        found += int((overlap.max(axis=1, initial=0) >= LEAST_IOU).sum())
    assert sure > 10
    return found / sure


@pytest.mark.parametrize("name", ["marks", "marks-fast"])
def test_all_forms_of_a_net_see_the_same(name: str, scenes: PictureSet, tmp_path: Path) -> None:
    """Both heads, both runtimes, and the float net that they were quantised from."""
    variant = next(v for v in VARIANTS if v.file == f"{name}.tflite")
    weights = tmp_path / "shifted.npz"
    shifted(load_checkpoint(bundled.checkpoint_file()), variant.score_shift).save(weights)
    whole = tmp_path / "float.tflite"
    whole.write_bytes(convert(open_source(str(weights), side_px=variant.side_px)))
    reference = _seen(whole, "litert", scenes)
    for file in (f"{name}.tflite", f"{name}-raw.tflite"):
        for runtime in RUNTIMES:
            seen = _seen(bundled.FOLDER / file, runtime, scenes)
            assert _agreement(reference, seen) >= 0.9, (file, runtime)
            assert _agreement(seen, reference) >= 0.9, (file, runtime)
