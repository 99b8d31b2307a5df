"""Making the bundled folder of one checkpoint."""

from collections.abc import Callable
from pathlib import Path

from edged_models.detector.checkpoint import Checkpoint, load_checkpoint
from edged_models.errors import SourceError
from edged_models.files import write_bytes
from edged_models.marks.scenes import RECIPE
from edged_models.release.provenance import (
    FILE,
    SCENES,
    Made,
    Provenance,
    digest_of,
    first_scenes,
)
from edged_models.release.variants import CALIBRATION, VARIANTS, Variant, made
from edged_models.tensorflow import tf
from edged_models.training.journal import Progressed, read_journal

CHECKPOINT, START, JOURNAL = "marks.npz", "marks-start.npz", "marks.jsonl"

Tell = Callable[[str], None]
"""Hears what is being made."""


def release(
    checkpoint_path: Path,
    start_path: Path,
    folder: Path,
    *,
    version: str,
    tell: Tell,
    variants: tuple[Variant, ...] = VARIANTS,
) -> Provenance:
    """Make every variant, and write all of it with its provenance.

    Args:
        checkpoint_path: what `train` wrote, its journal beside it.
        start_path: the weights it began with.
        folder: the bundled model's.
        version: of the model.
        tell: hears of progress.
        variants: which files to make.

    Raises:
        SourceError: a file is missing, or they do not belong together.
        ToolError: something cannot be written.
    """
    checkpoint, start = load_checkpoint(checkpoint_path), load_checkpoint(start_path)
    journal_path = checkpoint_path.with_suffix(".jsonl")
    _belong_together(checkpoint, start, journal_path)
    models = []
    for variant in variants:
        tell(variant.file)
        model = made(variant, checkpoint, version=version)
        write_bytes(folder / variant.file, model)
        digest = digest_of(folder / variant.file)
        models.append(
            Made(
                file=variant.file,
                sha256=digest.sha256,
                bytes=len(model),
                side_px=variant.side_px,
                head=variant.head.value,
                calibrated_on=variant.calibrated_on,
            )
        )
    tell("provenance")
    pairs = ((checkpoint_path, CHECKPOINT), (start_path, START), (journal_path, JOURNAL))
    for path, name in pairs:
        if path.resolve() != (folder / name).resolve():
            write_bytes(folder / name, path.read_bytes())
    provenance = Provenance(
        version=version,
        checkpoint=digest_of(folder / CHECKPOINT),
        weights=checkpoint.digest(),
        start=digest_of(folder / START),
        journal=digest_of(folder / JOURNAL),
        scenes=first_scenes(recipe=RECIPE, seed=checkpoint.origin.seed, count=SCENES),
        calibration=CALIBRATION,
        tensorflow=tf.__version__,
        models=tuple(models),
    )
    write_bytes(folder / FILE, provenance.packed())
    return provenance


def _belong_together(checkpoint: Checkpoint, start: Checkpoint, journal_path: Path) -> None:
    lines = [line for line in read_journal(journal_path) if isinstance(line, Progressed)]
    if not lines or lines[-1].weights != checkpoint.digest():
        raise SourceError(f"{journal_path} is not the account of these weights")
    if checkpoint.origin.start != start.digest():
        raise SourceError(
            f"training began with the weights {checkpoint.origin.start[:16]}…, not {start.digest()[:16]}…"
        )
