"""Keys, trust files, goldens and bundles for tests, all made at run time."""

from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

import cv2
import msgspec
import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edged.config.settings import ModelSettings
from edged.marks.synthetic_scene import SyntheticScene
from edged.model.goldens import ExpectedDetection, Golden, Goldens, Tolerances, write_goldens
from edged.model.load import Model, load_model
from edged.types import Detections
from edged.updates.bundle import manifest as manifests
from edged.updates.bundle import trust as trusts
from edged.updates.bundle.bundle import write_bundle
from edged.updates.bundle.envelope import Envelope, Signature, encode_envelope, pae
from edged.updates.bundle.keys import PublicKey
from edged.updates.bundle.manifest import FileEntry, Manifest, ModelInput, Variant, encode_manifest
from edged.updates.bundle.trust import ModelRole, Role, TrustFile, encode_trust_file
from support.pictures import frame

DUMMY_MODEL = b"not a model"
"""A model for `make_bundle` in tests that never load it: its bundle is made in milliseconds."""
GOLDENS = "goldens.json"
MIN_SCORE = 0.5
TOLERANCES = Tolerances(min_iou=0.7, max_score_difference=0.1)
_GOLDENS_WITH_DETECTIONS, _EMPTY_GOLDENS = 6, 2


class SigningKey:
    """An ed25519 key; the same seed gives the same key."""

    def __init__(self, seed: str) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(sha256(seed.encode()).digest())
        public = self._private.public_key().public_bytes_raw()
        self.public = PublicKey(scheme="ed25519", public=public.hex(), name=seed)
        self.id = self.public.id

    def sign(self, payload_type: str, payload: bytes) -> Signature:
        return Signature(self.id, self._private.sign(pae(payload_type, payload)))


class SigningKeys:
    """A key for each role, and the envelopes that they sign.

    Args:
        seed: another seed gives other keys.
        names: names of the models that the model role may sign.
    """

    def __init__(self, seed: str = "test", *, names: tuple[str, ...] = ("*",)) -> None:
        self.root, self.models, self.channel = (
            SigningKey(f"{seed} {role}") for role in ("root", "models", "channel")
        )
        self.trust = TrustFile(
            version=1,
            keys={key.id: key.public for key in (self.root, self.models, self.channel)},
            root=Role(keys=(self.root.id,)),
            models=(ModelRole(keys=(self.models.id,), names=names),),
            channel=Role(keys=(self.channel.id,)),
        )

    def trust_envelope(self, trust: TrustFile | None = None, *keys: SigningKey) -> bytes:
        """Return a signed trust file.

        Args:
            trust: the trust file; None for that of these keys.
            keys: the keys that sign it; the root key if there are none.
        """
        return sign(
            trusts.PAYLOAD_TYPE, encode_trust_file(trust or self.trust), *(keys or [self.root])
        )

    def manifest_envelope(self, manifest: Manifest) -> bytes:
        return sign(manifests.PAYLOAD_TYPE, encode_manifest(manifest), self.models)

    def desired_envelope(self, payload: bytes) -> bytes:
        return sign(trusts.DESIRED_PAYLOAD_TYPE, payload, self.channel)


def sign(payload_type: str, payload: bytes, *keys: SigningKey) -> bytes:
    """Return an envelope with a signature by each key.

    Args:
        payload_type: media type of the payload.
        payload: the payload.
        keys: the keys that sign.
    """
    signatures = tuple(key.sign(payload_type, payload) for key in keys)
    return encode_envelope(Envelope(payload, payload_type, signatures))


def make_bundle(
    folder: Path,
    signing: SigningKeys,
    *,
    name: str = "marks",
    version: str = "1",
    counter: int = 1,
    epoch: int = 0,
    model: Path | bytes = DUMMY_MODEL,
    runtime: str = "auto",
    files: Mapping[str, bytes] | None = None,
    **changes: object,
) -> Path:
    """Write a signed bundle ``NAME-VERSION.edgem`` into the folder, and return its path.

    Args:
        folder: an existing folder; the bundle's files stay in it, in a folder of their own.
        signing: the keys.
        name: name of the model.
        version: version of the model; other content needs another version or another folder.
        counter: order of the versions.
        epoch: lowest epoch that is allowed once this version is committed.
        model: a .tflite, whose goldens are made by running it; or bytes, with `dummy_goldens`.
        runtime: runtime that makes the goldens.
        files: further files, or others in place of ``goldens.json`` and ``model.tflite``.
        changes: changed fields of the manifest.
    """
    contents = bundle_files(model, runtime) | dict(files or {})
    named = {"name": name, "version": version, "counter": counter, "epoch": epoch}
    manifest = make_manifest(contents, **(named | model_interface(model, runtime) | changes))
    sources = write_files(folder / f"{name}-{version}.files", contents)
    bundle = folder / f"{name}-{version}.edgem"
    write_bundle(bundle, signing.manifest_envelope(manifest), sources)
    return bundle


def make_manifest(contents: Mapping[str, bytes], **changes: object) -> Manifest:
    """Return a manifest of these files with changed fields."""
    fields: dict[str, object] = {
        "name": "marks",
        "version": "1",
        "counter": 1,
        "epoch": 0,
        "files": tuple(
            FileEntry(name=name, size_bytes=len(content), sha256=sha256(content).hexdigest())
            for name, content in contents.items()
        ),
        "variants": (Variant(kind="cpu", model="model.tflite", goldens=GOLDENS),),
        "input": ModelInput(width=320, height=320),
        "family": "ssd",
        "licence": "Apache-2.0",
    }
    manifest = Manifest(**(fields | changes))  # type: ignore[arg-type]  # decoded again below
    return msgspec.json.decode(encode_manifest(manifest), type=Manifest)


def write_files(folder: Path, contents: Mapping[str, bytes]) -> dict[str, Path]:
    """Write files into a folder of their own, and return their paths by name."""
    folder.mkdir(exist_ok=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return {name: folder / name for name in contents}


def bundle_files(model: Path | bytes, runtime: str = "auto") -> dict[str, bytes]:
    """Return ``model.tflite``, its ``goldens.json``, and the pictures that it names."""
    if isinstance(model, bytes):
        return {"model.tflite": model, **dummy_goldens(model)}
    return {"model.tflite": model.read_bytes(), **make_goldens(model, runtime)}


def dummy_goldens(model: bytes) -> dict[str, bytes]:
    """Return goldens of the right form that no model has made."""
    detection = ExpectedDetection(label="a", class_id=0, score=0.9, box=(0.1, 0.1, 0.5, 0.5))
    pictures = [
        _png(np.full((4, 4, 3), 20 * place, np.uint8))
        for place in range(_GOLDENS_WITH_DETECTIONS + _EMPTY_GOLDENS)
    ]
    expected = [(detection,)] * _GOLDENS_WITH_DETECTIONS + [()] * _EMPTY_GOLDENS
    return _goldens_files(model, list(zip(pictures, expected, strict=True)))


def make_goldens(model: Path, runtime: str = "auto") -> dict[str, bytes]:
    """Make goldens by running the model on a synthetic scene, once for the same content."""
    return dict(
        _make_goldens_and_interface(model, sha256(model.read_bytes()).hexdigest(), runtime)[0]
    )


def model_interface(model: Path | bytes, runtime: str = "auto") -> dict[str, object]:
    """Return the manifest's `input` and `family` of a model file; nothing for bytes."""
    if isinstance(model, bytes):
        return {}
    return dict(
        _make_goldens_and_interface(model, sha256(model.read_bytes()).hexdigest(), runtime)[1]
    )


@lru_cache(maxsize=16)
def _make_goldens_and_interface(
    path: Path, digest: str, runtime: str
) -> tuple[dict[str, bytes], dict[str, object]]:
    del digest  # part of the cache key: a changed file is another model
    model = load_model(ModelSettings(path=path, runtime=runtime))
    try:
        samples = [(_png(pixels), _expected_detections(model, pixels)) for pixels in scene_images()]
    finally:
        model.interpreter.close()
    full = [one for one in samples if one[1]][:_GOLDENS_WITH_DETECTIONS]
    empty = [one for one in samples if not one[1]]
    goldens = _goldens_files(
        path.read_bytes(), full + empty[: _GOLDENS_WITH_DETECTIONS + _EMPTY_GOLDENS - len(full)]
    )
    spec = model.family.input
    return goldens, {
        "input": ModelInput(width=spec.width, height=spec.height),
        "family": model.family.name,
    }


@lru_cache(maxsize=1)
def scene_images() -> list[np.ndarray[tuple[int, ...], np.dtype[np.uint8]]]:
    scene = SyntheticScene(width=320, height=240, fps=10, seed=4, interval_s=1.5)
    empty = SyntheticScene(width=320, height=240, fps=10, seed=4, interval_s=3600)
    dark = [np.full((240, 320, 3), grey, np.uint8) for grey in range(0, 160, 20)]
    return [
        *(scene.render_frame(k) for k in range(15, 135, 10)),
        *(empty.render_frame(k) for k in range(2)),
        *dark,
    ]


def _expected_detections(
    model: Model, pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]
) -> tuple[ExpectedDetection, ...]:
    tensor = model.encoder(frame(pixels))
    outputs = model.interpreter.invoke(tensor.array)
    found: Detections = model.family.decode(outputs, tensor.fit, min_score=MIN_SCORE)
    return tuple(
        ExpectedDetection(
            label=model.label_of(int(class_id)),
            class_id=int(class_id),
            score=float(score),
            box=(float(box[0]), float(box[1]), float(box[2]), float(box[3])),
        )
        for box, score, class_id in zip(found.boxes, found.scores, found.class_ids, strict=True)
    )


def _goldens_files(
    model: bytes, samples: list[tuple[bytes, tuple[ExpectedDetection, ...]]]
) -> dict[str, bytes]:
    goldens = Goldens(
        schema=1,
        model_sha256=sha256(model).hexdigest(),
        made_by="test",
        min_score=MIN_SCORE,
        tolerances=TOLERANCES,
        goldens=tuple(
            Golden(
                picture=f"{number:02}.png",
                sha256=sha256(png).hexdigest(),
                kind="easy" if expected else "empty",
                detections=expected,
            )
            for number, (png, expected) in enumerate(samples, 1)
        ),
    )
    pictures = {
        golden.picture: png for golden, (png, _) in zip(goldens.goldens, samples, strict=True)
    }
    return {GOLDENS: write_goldens(goldens), **pictures}


def _png(pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> bytes:
    good, encoded = cv2.imencode(".png", pixels)
    assert good
    return encoded.tobytes()
