"""Making the bundled folder of one checkpoint."""

from collections.abc import Callable
from pathlib import Path

from edged_models.detector.checkpoint import Checkpoint, load_checkpoint
from edged_models.errors import SourceError
from edged_models.files import write_bytes
from edged_models.marks.scenes import RECIPE
from edged_models.release.provenance import (
    PROVENANCE_FILE,
    SCENE_COUNT,
    Provenance,
    ReleasedModel,
    digest_file,
    digest_first_scenes,
)
from edged_models.release.variants import (
    CALIBRATION_PICTURES,
    VARIANTS,
    BundledVariant,
    convert_variant,
)
from edged_models.tensorflow import tf
from edged_models.training.journal import TrainingStep, read_journal

CHECKPOINT_FILE, START_FILE, JOURNAL_FILE = "marks.npz", "marks-start.npz", "marks.jsonl"

ReleaseProgress = Callable[[str], None]
"""Hears what is being made."""


def release(
    checkpoint_path: Path,
    start_path: Path,
    folder: Path,
    *,
    version: str,
    on_step: ReleaseProgress,
    variants: tuple[BundledVariant, ...] = VARIANTS,
) -> Provenance:
    """Make every variant, and write all of it with its provenance.

    Args:
        checkpoint_path: what `train` wrote, its journal beside it.
        start_path: the weights it began with.
        folder: the bundled model's.
        version: of the model.
        on_step: hears of progress.
        variants: which files to make.

    Raises:
        SourceError: a file is missing, or they do not belong together.
        ToolError: something cannot be written.
    """
    checkpoint, start = load_checkpoint(checkpoint_path), load_checkpoint(start_path)
    journal_path = checkpoint_path.with_suffix(".jsonl")
    _check_same_training(checkpoint, start, journal_path)
    models = []
    for variant in variants:
        on_step(variant.file)
        model = convert_variant(variant, checkpoint, version=version)
        write_bytes(folder / variant.file, model)
        digest = digest_file(folder / variant.file)
        models.append(
            ReleasedModel(
                file=variant.file,
                sha256=digest.sha256,
                bytes=len(model),
                side_px=variant.side_px,
                head=variant.head.value,
                calibrated_on=variant.calibrated_on,
            )
        )
    on_step("provenance")
    pairs = (
        (checkpoint_path, CHECKPOINT_FILE),
        (start_path, START_FILE),
        (journal_path, JOURNAL_FILE),
    )
    for path, name in pairs:
        if path.resolve() != (folder / name).resolve():
            write_bytes(folder / name, path.read_bytes())
    provenance = Provenance(
        version=version,
        checkpoint=digest_file(folder / CHECKPOINT_FILE),
        weights=checkpoint.digest(),
        start=digest_file(folder / START_FILE),
        journal=digest_file(folder / JOURNAL_FILE),
        scenes=digest_first_scenes(recipe=RECIPE, seed=checkpoint.origin.seed, count=SCENE_COUNT),
        calibration=CALIBRATION_PICTURES,
        tensorflow=tf.__version__,
        models=tuple(models),
    )
    write_bytes(folder / PROVENANCE_FILE, provenance.encode())
    return provenance


def _check_same_training(checkpoint: Checkpoint, start: Checkpoint, journal_path: Path) -> None:
    lines = [line for line in read_journal(journal_path) if isinstance(line, TrainingStep)]
    if not lines or lines[-1].weights != checkpoint.digest():
        raise SourceError(f"{journal_path} is not the account of these weights")
    if checkpoint.origin.start != start.digest():
        raise SourceError(
            f"training began with the weights {checkpoint.origin.start[:16]}…, not {start.digest()[:16]}…"
        )
