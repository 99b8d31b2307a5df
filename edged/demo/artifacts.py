"""Makes the keys, the trust file and the signed bundles of the update demo, as a publisher of models does on a workstation."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2

from edged import bundled
from edged.authoring.bundle_contents import make_bundle_contents
from edged.authoring.bundle_spec import BundleSpec, ManifestDetails
from edged.demo.scramble import scramble_layer
from edged.errors import EdgedError
from edged.marks.synthetic_scene import SyntheticScene
from edged.updates.bundle import manifest, trust
from edged.updates.bundle.bundle import write_bundle
from edged.updates.bundle.manifest import Probation, encode_manifest
from edged.updates.bundle.signing import generate_key_pair, open_signer, sign
from edged.updates.bundle.trust import ModelRole, Role, TrustFile, encode_trust_file

_PROBATION = Probation(
    min_s=6.0,
    min_frames=30,
    max_s=20.0,
    shadow_every=2,
    min_boxes=10,
    max_p95_ratio=4.0,
    min_f1=0.5,
)
"""A short trial that tolerates a slower model. In a fleet a trial lasts at least minutes."""
_PICTURE_COUNT, _EMPTY_PICTURE_COUNT = 20, 4


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoArtifacts:
    """The files of the update demo.

    Attributes:
        trust_file: trust file for the device.
        good_bundle: bundle of a better model.
        bad_bundle: bundle of a degraded model, with a valid signature, that passes its own goldens.
    """

    trust_file: Path
    good_bundle: Path
    bad_bundle: Path


def make_artifacts(folder: Path) -> DemoArtifacts:
    """Make the files in an existing folder; it takes some seconds.

    Raises:
        EdgedError: `cryptography` or `securesystemslib` is missing, or a model cannot be run.
    """
    artifacts = DemoArtifacts(
        trust_file=folder / "trust.json",
        good_bundle=folder / "good.edgem",
        bad_bundle=folder / "bad.edgem",
    )
    _make_trust_file(folder, artifacts.trust_file)
    degraded = folder / "degraded.tflite"
    scramble_layer(bundled.model_path("marks"), degraded)
    key = folder / "publisher.pem"
    with _temporary_pictures(folder) as pictures:
        _make_bundle(bundled.model_path("marks"), 1, pictures, key, artifacts.good_bundle)
        _make_bundle(degraded, 2, pictures, key, artifacts.bad_bundle)
    return artifacts


def _make_trust_file(folder: Path, out: Path) -> None:
    keys = {role: generate_key_pair(folder / role) for role in ("root", "publisher")}
    document = TrustFile(
        version=1,
        keys={key.id: key for key in keys.values()},
        root=Role(keys=(keys["root"].id,)),
        models=(ModelRole(keys=(keys["publisher"].id,), names=("marks",)),),
    )
    signer = open_signer(str(folder / "root.pem"))
    out.write_bytes(sign(encode_trust_file(document), trust.PAYLOAD_TYPE, [signer]))


def _make_bundle(model: Path, number: int, pictures: Path, key: Path, out: Path) -> None:
    spec = BundleSpec(
        name="marks",
        version=f"{number}.0",
        counter=number,
        epoch=0,
        licence="Apache-2.0",
        model=model,
        pictures=pictures,
        details=ManifestDetails(probation=_PROBATION),
    )
    # In the run's folder, which is removed even after a kill.
    with TemporaryDirectory(prefix="edged-bundle-", dir=out.parent) as scratch:
        contents = make_bundle_contents(spec, Path(scratch), lambda _text, _fraction: None)
        envelope = sign(
            encode_manifest(contents.manifest), manifest.PAYLOAD_TYPE, [open_signer(str(key))]
        )
        write_bundle(out, envelope, contents.sources)


@contextmanager
def _temporary_pictures(folder: Path) -> Iterator[Path]:
    """Make a folder of pictures of the demo's scene, some of them without objects."""
    crowded = SyntheticScene(width=320, height=240, fps=10, seed=4, interval_s=1.5)
    empty = SyntheticScene(width=320, height=240, fps=10, seed=4, interval_s=3600)
    frames = [crowded.render_frame(15 + 12 * k) for k in range(_PICTURE_COUNT)]
    frames += [empty.render_frame(k) for k in range(_EMPTY_PICTURE_COUNT)]
    with TemporaryDirectory(prefix="edged-pictures-", dir=folder) as name:
        for k, frame in enumerate(frames):
            if not cv2.imwrite(f"{name}/{k:02}.png", frame):
                raise EdgedError(f"cannot write pictures to {name}")
        yield Path(name)
