"""Checking that a released folder is what it says."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec import Struct

from edged_models.detector.checkpoint import load_checkpoint
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
from edged_models.training.journal import TrainingStart, TrainingStep, read_journal
from edged_models.training.train import TrainingPlan, train
from edged_models.training.training_samples import DrawnSampleSource


class ReleaseCheck(Struct, frozen=True, kw_only=True):
    """One thing that was looked at.

    Attributes:
        name: in words.
        ok: whether it is as it should be.
        detail: what is wrong with it, or a note.
    """

    name: str
    ok: bool
    detail: str = ""


def check_files(folder: Path, provenance: Provenance) -> Iterator[ReleaseCheck]:
    """Are the files those that were released?"""
    beside = (provenance.checkpoint, provenance.start, provenance.journal, *provenance.models)
    for one in beside:
        yield _check_file(folder, one)


def check_history(folder: Path, provenance: Provenance) -> Iterator[ReleaseCheck]:
    """Do weights, journal and start belong together?"""
    checkpoint = load_checkpoint(folder / provenance.checkpoint.file)
    start = load_checkpoint(folder / provenance.start.file)
    began, *lines = read_journal(folder / provenance.journal.file)
    last = lines[-1] if lines else None
    yield ReleaseCheck(
        name="the weights are those that the journal ends with",
        ok=isinstance(last, TrainingStep)
        and last.weights == checkpoint.digest() == provenance.weights,
        detail=f"{checkpoint.origin.steps} steps, seed {checkpoint.origin.seed}",
    )
    yield ReleaseCheck(
        name="the journal begins with the weights that are kept beside it",
        ok=isinstance(began, TrainingStart)
        and began.start == start.digest() == checkpoint.origin.start,
    )


def check_scenes(provenance: Provenance) -> ReleaseCheck:
    """Does the recipe still draw the scenes that were learnt from?"""
    want = provenance.scenes
    drawn = digest_first_scenes(recipe=RECIPE, seed=want.seed, count=want.count)
    same, like = drawn.sha256 == want.sha256, want.recipe == RECIPE and want.matches(drawn)
    return ReleaseCheck(
        name=f"the first {want.count} scenes of seed {want.seed} are those learnt from",
        ok=same or like,
        detail=""
        if same
        else "not to the bit: other processors differ in the last ones"
        if like
        else "",
    )


def check_models(
    folder: Path, provenance: Provenance, variants: tuple[BundledVariant, ...] = VARIANTS
) -> Iterator[ReleaseCheck]:
    """Does the checkpoint still give these files, byte for byte?"""
    checkpoint = load_checkpoint(folder / provenance.checkpoint.file)
    for variant in variants:
        released = {one.file: one.sha256 for one in provenance.models}
        with TemporaryDirectory() as temporary:
            again = Path(temporary) / variant.file
            again.write_bytes(convert_variant(variant, checkpoint, version=provenance.version))
            same = digest_file(again).sha256 == released.get(variant.file)
        note = (
            ""
            if same
            else f"made with TensorFlow {provenance.tensorflow}, this is {tf.__version__}"
        )
        yield ReleaseCheck(
            name=f"{variant.file} made anew is the same to the byte", ok=same, detail=note
        )


def check_training(folder: Path, provenance: Provenance) -> ReleaseCheck:
    """Do the first steps, done again, give the weights that the journal says?

    Bit for bit that holds on processors with the same instructions only: others add in another order.
    """
    began, first, *_ = read_journal(folder / provenance.journal.file)
    if not (isinstance(began, TrainingStart) and isinstance(first, TrainingStep)):
        raise SourceError(f"{folder / provenance.journal.file} does not begin as a journal")
    plan = TrainingPlan(
        start=load_checkpoint(folder / provenance.start.file),
        samples=DrawnSampleSource(began.seed),
        steps=began.steps,
        seed=began.seed,
        rate=began.rate,
        sides_px=began.sides_px,
        stop_at=first.step,
    )
    with TemporaryDirectory() as temporary:
        out = Path(temporary) / "again.npz"
        again = train(plan, out=out, resume=False, validate=None, on_step=lambda *_: None)
    return ReleaseCheck(
        name=f"the first {first.step} steps of training give the journal's weights",
        ok=again.checkpoint.digest() == first.weights,
        detail="on other processors than the training's the last bits differ",
    )


def _check_file(folder: Path, wanted: FileDigest) -> ReleaseCheck:
    what = f"{wanted.file} is the one that was released"
    try:
        same = digest_file(folder / wanted.file).sha256 == wanted.sha256
    except SourceError as error:
        return ReleaseCheck(name=what, ok=False, detail=str(error))
    return ReleaseCheck(name=what, ok=same)
