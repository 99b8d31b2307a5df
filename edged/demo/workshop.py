"""Makes what the demo's device is updated with, as a maker would on a workstation: keys, a trust file, signed bundles."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2

from edged import bundled
from edged.authoring.bundle_contents import Details, Recipe, make_contents
from edged.demo.worse import spoil
from edged.errors import EdgedError
from edged.marks.stage import Stage
from edged.updates.bundle import manifest, trust
from edged.updates.bundle.bundle import write_bundle
from edged.updates.bundle.manifest import Probation, write_manifest
from edged.updates.bundle.signing import make_key, open_signer, sign
from edged.updates.bundle.trust import ModelRole, Role, Trust, write_trust

_PROBATION = Probation(
    min_s=6.0, min_frames=30, most_s=20.0, least_boxes=10, most_p95_ratio=4.0, least_f1=0.5
)
"""A trial for people who wait; the better model may take its time. A fleet's lasts at least minutes."""
_PICTURES, _EMPTY_PICTURES = 20, 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """What there is.

    Attributes:
        trust: the trust file for the device.
        good: a bundle of a better model.
        bad: a bundle of a worse one, signed as rightly, and passing its own goldens.
    """

    trust: Path
    good: Path
    bad: Path


def open_workshop(folder: Path) -> Workshop:
    """Make all of it, in a folder that is there; it takes some seconds.

    Raises:
        EdgedError: `cryptography` or `securesystemslib` is missing, or a model was refused.
    """
    made = Workshop(
        trust=folder / "trust.json", good=folder / "good.edgem", bad=folder / "bad.edgem"
    )
    keys = {role: make_key(folder / role) for role in ("root", "maker")}
    root = Role(keys=(keys["root"].id,))
    document = Trust(
        version=1,
        keys={key.id: key for key in keys.values()},
        root=root,
        models=(ModelRole(keys=(keys["maker"].id,), names=("marks",)),),
    )
    signer = open_signer(str(folder / "root.pem"))
    made.trust.write_bytes(sign(write_trust(document), trust.PAYLOAD_TYPE, [signer]))
    spoilt = folder / "spoilt.tflite"
    spoil(bundled.model("marks"), spoilt)
    with _pictures() as pictures:
        for number, (model, out) in enumerate(
            ((bundled.model("marks"), made.good), (spoilt, made.bad)), 1
        ):
            _bundle(model, number, pictures, folder / "maker.pem", out)
    return made


def _bundle(model: Path, number: int, pictures: Path, key: Path, out: Path) -> None:
    recipe = Recipe(
        name="marks",
        version=f"{number}.0",
        counter=number,
        epoch=0,
        licence="Apache-2.0",
        model=model,
        pictures=pictures,
        details=Details(probation=_PROBATION),
    )
    with TemporaryDirectory(prefix="edged-bundle-") as scratch:
        contents = make_contents(recipe, Path(scratch), lambda _what, _share: None)
        envelope = sign(
            write_manifest(contents.manifest), manifest.PAYLOAD_TYPE, [open_signer(str(key))]
        )
        write_bundle(out, envelope, contents.sources)


@contextmanager
def _pictures() -> Iterator[Path]:
    """A folder of what the demo's camera may see, some of it with nothing in it."""
    busy = Stage(width=320, height=240, fps=10, seed=4, every_s=1.5)
    empty = Stage(width=320, height=240, fps=10, seed=4, every_s=3600)
    frames = [busy.frame(15 + 12 * k) for k in range(_PICTURES)]
    frames += [empty.frame(k) for k in range(_EMPTY_PICTURES)]
    with TemporaryDirectory(prefix="edged-pictures-") as name:
        for k, frame in enumerate(frames):
            if not cv2.imwrite(f"{name}/{k:02}.png", frame):
                raise EdgedError(f"cannot write pictures to {name}")
        yield Path(name)
