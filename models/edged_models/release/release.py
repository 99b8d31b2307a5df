"""Release of the bundled models from one checkpoint."""

from collections.abc import Callable
from hashlib import sha256
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
from edged_models.training.journal import find_result_digest, read_journal

CHECKPOINT_FILE, START_FILE, JOURNAL_FILE = "marks.npz", "marks-start.npz", "marks.jsonl"

ReleaseProgress = Callable[[str], None]
"""Called with the name of each file before it is made."""


def release(
    checkpoint_path: Path,
    start_path: Path,
    folder: Path,
    *,
    version: str,
    on_step: ReleaseProgress,
    variants: tuple[BundledVariant, ...] = VARIANTS,
) -> Provenance:
    """Convert every variant, and write all files with their provenance.

    Args:
        checkpoint_path: the checkpoint that `train` wrote, with its journal beside it.
        start_path: the checkpoint with which that training started.
        folder: the folder of the bundled models.
        version: version of the models.
        on_step: called with the name of each file before it is made.
        variants: the files to convert.

    Raises:
        SourceError: a file is missing, the files are of different trainings, or TensorFlow cannot convert the checkpoint.
        ToolError: a file cannot be written.
    """
    checkpoint, start = load_checkpoint(checkpoint_path), load_checkpoint(start_path)
    journal_path = checkpoint_path.with_suffix(".jsonl")
    _check_same_training(checkpoint, start, journal_path)
    models = []
    for variant in variants:
        on_step(variant.file)
        content = convert_variant(variant, checkpoint, version=version)
        write_bytes(folder / variant.file, content)
        models.append(_describe_model(variant, content))
    on_step("provenance")
    _copy_file(checkpoint_path, folder / CHECKPOINT_FILE)
    _copy_file(start_path, folder / START_FILE)
    _copy_file(journal_path, folder / JOURNAL_FILE)
    provenance = _build_provenance(folder, checkpoint, version, tuple(models))
    write_bytes(folder / PROVENANCE_FILE, provenance.encode())
    return provenance


def _describe_model(variant: BundledVariant, content: bytes) -> ReleasedModel:
    return ReleasedModel(
        file=variant.file,
        sha256=sha256(content).hexdigest(),
        bytes=len(content),
        side_px=variant.side_px,
        head=variant.head.value,
        calibrated_on=variant.calibrated_on,
    )


def _copy_file(source: Path, target: Path) -> None:
    if source.resolve() != target.resolve():
        write_bytes(target, source.read_bytes())


def _build_provenance(
    folder: Path, checkpoint: Checkpoint, version: str, models: tuple[ReleasedModel, ...]
) -> Provenance:
    return Provenance(
        version=version,
        checkpoint=digest_file(folder / CHECKPOINT_FILE),
        weights=checkpoint.digest(),
        start=digest_file(folder / START_FILE),
        journal=digest_file(folder / JOURNAL_FILE),
        scenes=digest_first_scenes(recipe=RECIPE, seed=checkpoint.origin.seed, count=SCENE_COUNT),
        calibration=CALIBRATION_PICTURES,
        tensorflow=tf.__version__,
        models=models,
    )


def _check_same_training(checkpoint: Checkpoint, start: Checkpoint, journal_path: Path) -> None:
    if find_result_digest(read_journal(journal_path)) != checkpoint.digest():
        raise SourceError(f"{journal_path} is not the journal of these weights")
    if checkpoint.origin.start != start.digest():
        raise SourceError(
            f"training started with the weights {checkpoint.origin.start[:16]}…, not {start.digest()[:16]}…"
        )
