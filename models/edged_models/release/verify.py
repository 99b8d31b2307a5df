"""Verification of a released folder against its provenance."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec import Struct

from edged_models.detector.checkpoint import Checkpoint, load_checkpoint
from edged_models.errors import SourceError
from edged_models.marks.scenes import RECIPE
from edged_models.release.provenance import (
    FileDigest,
    Provenance,
    digest_file,
    digest_first_scenes,
)
from edged_models.release.variants import VARIANTS, BundledVariant, convert_variant
from edged_models.tensorflow import tf
from edged_models.training.journal import (
    TrainingStart,
    TrainingStep,
    find_result_digest,
    read_journal,
)
from edged_models.training.plan import TrainingPlan
from edged_models.training.train import train
from edged_models.training.training_samples import DrawnSampleSource


class ReleaseCheck(Struct, frozen=True, kw_only=True):
    """The result of one check.

    Attributes:
        name: the statement that was checked.
        ok: true if it holds.
        detail: the error, or a note; None without either.
    """

    name: str
    ok: bool
    detail: str | None = None


def check_files(folder: Path, provenance: Provenance) -> Iterator[ReleaseCheck]:
    """Check that the files are those that were released."""
    files = (provenance.checkpoint, provenance.start, provenance.journal, *provenance.models)
    for file in files:
        yield _check_file(folder, file)


def check_history(folder: Path, provenance: Provenance) -> Iterator[ReleaseCheck]:
    """Check that the weights, the journal and the initial weights are of one training.

    Raises:
        SourceError: one of the files cannot be read.
    """
    checkpoint = load_checkpoint(folder / provenance.checkpoint.file)
    start = load_checkpoint(folder / provenance.start.file)
    lines = read_journal(folder / provenance.journal.file)
    began = lines[0] if lines else None
    yield ReleaseCheck(
        name="the weights are those at the end of the journal",
        ok=find_result_digest(lines) == checkpoint.digest() == provenance.weights,
        detail=f"{checkpoint.origin.steps} steps, seed {checkpoint.origin.seed}",
    )
    yield ReleaseCheck(
        name="the training of the journal started with the initial weights",
        ok=isinstance(began, TrainingStart)
        and began.start == start.digest() == checkpoint.origin.start,
    )


def check_scenes(provenance: Provenance) -> ReleaseCheck:
    """Check that the recipe still draws the scenes of the training."""
    expected = provenance.scenes
    drawn = digest_first_scenes(recipe=RECIPE, seed=expected.seed, count=expected.count)
    is_same = drawn.sha256 == expected.sha256
    is_similar = expected.recipe == RECIPE and expected.matches(drawn)
    note = "the last bits differ, as they do on other processors"
    return ReleaseCheck(
        name=f"the first {expected.count} scenes of seed {expected.seed} are those of the training",
        ok=is_same or is_similar,
        detail=note if is_similar and not is_same else None,
    )


def check_models(
    folder: Path, provenance: Provenance, variants: tuple[BundledVariant, ...] = VARIANTS
) -> Iterator[ReleaseCheck]:
    """Check that converting the checkpoint again gives the released files, byte for byte.

    Args:
        folder: the released folder.
        provenance: its provenance.
        variants: the files to convert.

    Raises:
        SourceError: the checkpoint cannot be read, or TensorFlow cannot convert it.
    """
    checkpoint = load_checkpoint(folder / provenance.checkpoint.file)
    released = {model.file: model.sha256 for model in provenance.models}
    for variant in variants:
        content = convert_variant(variant, checkpoint, version=provenance.version)
        is_same = sha256(content).hexdigest() == released.get(variant.file)
        note = f"released with TensorFlow {provenance.tensorflow}, checked with {tf.__version__}"
        yield ReleaseCheck(
            name=f"{variant.file} converted again is the same to the byte",
            ok=is_same,
            detail=None if is_same else note,
        )


def check_training(folder: Path, provenance: Provenance) -> ReleaseCheck:
    """Check that repeating the first steps of the training gives the weights in the journal.

    This holds bit for bit only on processors with the same instructions: others add in another order.

    Raises:
        SourceError: a file cannot be read, or the journal is incomplete.
    """
    journal_path = folder / provenance.journal.file
    began, first, *_ = read_journal(journal_path)
    if not (isinstance(began, TrainingStart) and isinstance(first, TrainingStep)):
        raise SourceError(f"{journal_path} does not begin with a training and its first step")
    start = load_checkpoint(folder / provenance.start.file)
    return ReleaseCheck(
        name=f"the first {first.step} steps of training give the weights in the journal",
        ok=_repeat_training(start, began, first.step).digest() == first.weights,
        detail="the last bits differ on other processors than that of the training",
    )


def _repeat_training(start: Checkpoint, began: TrainingStart, stop_at: int) -> Checkpoint:
    plan = TrainingPlan(
        start=start,
        samples=DrawnSampleSource(began.seed),
        steps=began.steps,
        seed=began.seed,
        rate=began.rate,
        sides_px=began.sides_px,
        stop_at=stop_at,
    )
    with TemporaryDirectory() as temporary:
        out = Path(temporary) / "repeated.npz"
        repeated = train(plan, out=out, resume=False, validate=None, on_step=lambda *_: None)
    return repeated.checkpoint


def _check_file(folder: Path, expected: FileDigest) -> ReleaseCheck:
    name = f"{expected.file} is the released file"
    try:
        is_same = digest_file(folder / expected.file).sha256 == expected.sha256
    except SourceError as error:
        return ReleaseCheck(name=name, ok=False, detail=str(error))
    return ReleaseCheck(name=name, ok=is_same)
