"""Releasing the bundled models, and verifying them against their provenance."""

from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs

from edged.marks import MARK_LABELS
from edged_models.cli.main import main
from edged_models.detector.architecture import Architecture
from edged_models.detector.checkpoint import load_checkpoint
from edged_models.detector.graph import DetectorHead
from edged_models.errors import SourceError
from edged_models.release import verify as verifying
from edged_models.release.provenance import Provenance, read_provenance
from edged_models.release.release import release
from edged_models.release.variants import BundledVariant
from edged_models.training.initial_checkpoint import create_fresh_checkpoint
from edged_models.training.plan import TrainingPlan
from edged_models.training.train import train
from edged_models.training.training_samples import DrawnSampleSource

VARIANTS = (
    BundledVariant(
        file="marks.tflite",
        name="small",
        side_px=64,
        head=DetectorHead.RAW,
        calibrated_on=20,
    ),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Release a net that was trained for four steps."""
    folder = tmp_path_factory.mktemp("released")
    start = create_fresh_checkpoint(Architecture.of_width(MARK_LABELS, 0.25), side_px=64, seed=1)
    start.save(folder / "marks-start.npz")
    plan = TrainingPlan(
        start=start, samples=DrawnSampleSource(1), steps=4, seed=1, rate=1e-3, sides_px=(64,)
    )
    out = folder / "marks.npz"
    train(plan, out=out, resume=False, validate=None, on_step=lambda *_: None)
    release(
        out,
        folder / "marks-start.npz",
        folder,
        version="1.2.3",
        on_step=lambda _: None,
        variants=VARIANTS,
    )
    return folder


@pytest.fixture
def provenance(folder: Path) -> Provenance:
    return read_provenance(folder)


def test_a_release_passes_every_check(folder: Path, provenance: Provenance) -> None:
    checks = [
        *verifying.check_files(folder, provenance),
        *verifying.check_history(folder, provenance),
        verifying.check_scenes(provenance),
        *verifying.check_models(folder, provenance, VARIANTS),
        verifying.check_training(folder, provenance),
    ]
    assert [check.name for check in checks if not check.ok] == []
    assert len(checks) == 9


def test_another_recipe_or_another_checkpoint_fails_a_check(
    folder: Path, provenance: Provenance, tmp_path: Path
) -> None:
    other_bits = structs.replace(provenance.scenes, sha256="0" * 64)
    check = verifying.check_scenes(structs.replace(provenance, scenes=other_bits))
    assert check.ok
    assert "other processors" in check.detail
    other = structs.replace(provenance.scenes, seed=2)
    assert not verifying.check_scenes(structs.replace(provenance, scenes=other)).ok
    checkpoint = load_checkpoint(folder / "marks.npz")
    for name in ("marks-start.npz", "marks.jsonl", "marks.tflite"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    weights = {name: array + 1 for name, array in checkpoint.weights.items()}
    replace(checkpoint, weights=weights).save(tmp_path / "marks.npz")
    assert [c.ok for c in verifying.check_files(tmp_path, provenance)] == [False, True, True, True]
    assert [c.ok for c in verifying.check_history(tmp_path, provenance)] == [False, True]
    assert [c.ok for c in verifying.check_models(tmp_path, provenance, VARIANTS)] == [False]
    with pytest.raises(SourceError, match="not the journal"):
        release(
            tmp_path / "marks.npz",
            folder / "marks-start.npz",
            tmp_path,
            version="1",
            on_step=lambda _: None,
        )


def test_a_folder_without_provenance_is_one_clear_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", str(tmp_path)]) == 1
    error = capsys.readouterr().err
    assert "provenance.json" in error
    assert error.count("\n") == 1
