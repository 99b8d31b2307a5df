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
    digest_of,
    first_scenes,
)
from edged_models.release.variants import VARIANTS, Variant, made
from edged_models.tensorflow import tf
from edged_models.training.journal import Began, Progressed, read_journal
from edged_models.training.lessons import DrawnLessons
from edged_models.training.train import Plan, train


class Check(Struct, frozen=True, kw_only=True):
    """One thing that was looked at.

    Attributes:
        what: in words.
        ok: whether it is as it should be.
        found: what is wrong with it, or a note.
    """

    what: str
    ok: bool
    found: str = ""


def files(folder: Path, provenance: Provenance) -> Iterator[Check]:
    """Are the files those that were released?"""
    beside = (provenance.checkpoint, provenance.start, provenance.journal, *provenance.models)
    for one in beside:
        yield _file(folder, one)


def history(folder: Path, provenance: Provenance) -> Iterator[Check]:
    """Do weights, journal and start belong together?"""
    checkpoint = load_checkpoint(folder / provenance.checkpoint.file)
    start = load_checkpoint(folder / provenance.start.file)
    began, *lines = read_journal(folder / provenance.journal.file)
    last = lines[-1] if lines else None
    yield Check(
        what="the weights are those that the journal ends with",
        ok=isinstance(last, Progressed)
        and last.weights == checkpoint.digest() == provenance.weights,
        found=f"{checkpoint.origin.steps} steps, seed {checkpoint.origin.seed}",
    )
    yield Check(
        what="the journal begins with the weights that are kept beside it",
        ok=isinstance(began, Began) and began.start == start.digest() == checkpoint.origin.start,
    )


def scenes(provenance: Provenance) -> Check:
    """Does the recipe still draw the scenes that were learnt from?"""
    want = provenance.scenes
    drawn = first_scenes(recipe=RECIPE, seed=want.seed, count=want.count)
    same, like = drawn.sha256 == want.sha256, want.recipe == RECIPE and want.like(drawn)
    return Check(
        what=f"the first {want.count} scenes of seed {want.seed} are those learnt from",
        ok=same or like,
        found=""
        if same
        else "not to the bit: other processors differ in the last ones"
        if like
        else "",
    )


def models(
    folder: Path, provenance: Provenance, variants: tuple[Variant, ...] = VARIANTS
) -> Iterator[Check]:
    """Does the checkpoint still give these files, byte for byte?"""
    checkpoint = load_checkpoint(folder / provenance.checkpoint.file)
    for variant in variants:
        released = {one.file: one.sha256 for one in provenance.models}
        with TemporaryDirectory() as temporary:
            again = Path(temporary) / variant.file
            again.write_bytes(made(variant, checkpoint, version=provenance.version))
            same = digest_of(again).sha256 == released.get(variant.file)
        note = (
            ""
            if same
            else f"made with TensorFlow {provenance.tensorflow}, this is {tf.__version__}"
        )
        yield Check(what=f"{variant.file} made anew is the same to the byte", ok=same, found=note)


def training(folder: Path, provenance: Provenance) -> Check:
    """Do the first steps, done again, give the weights that the journal says?

    Bit for bit that holds on processors with the same instructions only: others add in another order.
    """
    began, first, *_ = read_journal(folder / provenance.journal.file)
    if not (isinstance(began, Began) and isinstance(first, Progressed)):
        raise SourceError(f"{folder / provenance.journal.file} does not begin as a journal")
    plan = Plan(
        start=load_checkpoint(folder / provenance.start.file),
        lessons=DrawnLessons(began.seed),
        steps=began.steps,
        seed=began.seed,
        rate=began.rate,
        sides_px=began.sides_px,
        stop_at=first.step,
    )
    with TemporaryDirectory() as temporary:
        out = Path(temporary) / "again.npz"
        again = train(plan, out=out, resume=False, validate=None, tell=lambda *_: None)
    return Check(
        what=f"the first {first.step} steps of training give the journal's weights",
        ok=again.checkpoint.digest() == first.weights,
        found="on other processors than the training's the last bits differ",
    )


def _file(folder: Path, wanted: FileDigest) -> Check:
    what = f"{wanted.file} is the one that was released"
    try:
        same = digest_of(folder / wanted.file).sha256 == wanted.sha256
    except SourceError as error:
        return Check(what=what, ok=False, found=str(error))
    return Check(what=what, ok=same)
