"""Every file converted from the bundled checkpoint runs on both runtimes, its family is recognised, and the detections agree."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from edged.config.settings import ModelSettings
from edged.marks import MARK_LABELS
from edged.scene.box_arrays import iou_matrix
from edged.selftest.process import self_test_model
from edged.types import Detections
from edged_models import bundled
from edged_models.conversion.convert import convert
from edged_models.conversion.open_source import open_source
from edged_models.detector.checkpoint import load_checkpoint
from edged_models.evaluation.evaluated_model import EvaluatedModel
from edged_models.pictures.labelled import PictureSet
from edged_models.release.variants import VARIANTS, BundledVariant, shift_scores

RUNTIMES = ("litert", "tflite")
MIN_SCORE, MIN_IOU = 0.5, 0.75


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("variant", VARIANTS, ids=lambda v: v.file)
def test_the_daemon_runs_it_without_further_settings(variant: BundledVariant, runtime: str) -> None:
    path = bundled.FOLDER / variant.file
    report = self_test_model(ModelSettings(path=path, runtime=runtime))
    assert report.family == ("ssd" if variant.head == "postprocess" else "ssd-raw")
    assert report.labels == MARK_LABELS
    assert report.name.startswith(f"{variant.name}@")
    assert (report.input.width, report.input.height) == (variant.side_px, variant.side_px)
    assert report.signature.inputs[0].dtype == "uint8"
    assert path.stat().st_size < 600 * 1024


def _detect(path: Path, runtime: str, pictures: PictureSet) -> list[Detections]:
    with EvaluatedModel(path, runtime=runtime) as opened:
        return [opened.detect(one, min_score=0.2)[0] for one in pictures]


def _share_matched(one: Sequence[Detections], other: Sequence[Detections]) -> float:
    """Return the share of detections in `one` that `other` has too: same class, similar box."""
    total = matched = 0
    for left, right in zip(one, other, strict=True):
        kept = left[left.scores >= MIN_SCORE]
        same = kept.class_ids[:, None] == right.class_ids[None, :]
        overlap = np.where(same, iou_matrix(kept.boxes, right.boxes), 0)
        total += len(kept)
        matched += int((overlap.max(axis=1, initial=0) >= MIN_IOU).sum())
    assert total > 10
    return matched / total


@pytest.mark.parametrize("name", ["marks", "marks-fast"])
def test_all_forms_of_a_net_give_the_same_detections(
    name: str, scenes: PictureSet, tmp_path: Path
) -> None:
    """Both heads, both runtimes, and the float net that they were quantised from."""
    variant = next(v for v in VARIANTS if v.file == f"{name}.tflite")
    weights = tmp_path / "shifted.npz"
    shift_scores(load_checkpoint(bundled.checkpoint_file()), variant.score_shift).save(weights)
    whole = tmp_path / "float.tflite"
    whole.write_bytes(convert(open_source(str(weights), side_px=variant.side_px)))
    reference = _detect(whole, "litert", scenes)
    for file in (f"{name}.tflite", f"{name}-raw.tflite"):
        for runtime in RUNTIMES:
            detections = _detect(bundled.FOLDER / file, runtime, scenes)
            assert _share_matched(reference, detections) >= 0.9, (file, runtime)
            assert _share_matched(detections, reference) >= 0.9, (file, runtime)
