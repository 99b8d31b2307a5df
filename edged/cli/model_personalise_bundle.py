"""The bundle of a model that this device has made for itself, for ``edged model personalise``."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from edged.authoring.bundle_contents import make_bundle_contents
from edged.authoring.bundle_spec import BundleSpec, ManifestDetails
from edged.updates.bundle import signing
from edged.updates.bundle.bundle import write_bundle
from edged.updates.bundle.manifest import PAYLOAD_TYPE, Probation, encode_manifest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from securesystemslib.signer import Signer

    from edged.personalise.labelled_pictures import LabelledPictures
    from edged.personalise.report import LearningReport
    from edged.updates.service.control_messages import ModelStatus

LOCAL_NAME = "local-classifier"
_LICENCE = "LicenseRef-local"
_PROBATION = Probation(min_f1=0.0, min_boxes=0, detection_ratio=(0.0, 1000.0))
"""The new model is meant to answer differently from the old one; its speed, memory and faults are judged as those of any other."""


def is_installed(status: ModelStatus, model: Path) -> bool:
    """Return whether a model file is the one that this device has committed."""
    sha256 = hashlib.sha256(model.read_bytes()).hexdigest()
    return any(one.role == "current" and one.model_sha256 == sha256 for one in status.versions)


def make_local_bundle(
    status: ModelStatus,
    report: LearningReport,
    labelled: LabelledPictures,
    scratch: Path,
    *,
    out: Path,
    signers: Sequence[Signer],
) -> None:
    """Write a signed bundle, whose goldens are the held-out pictures first.

    Args:
        status: the models of this device: the new version follows the ones that are there.
        report: on the new model.
        labelled: the pictures that it has learnt from.
        scratch: a folder with the new model as ``model.tflite``, for new files.
        out: path of the bundle.
        signers: the keys that sign.

    Raises:
        ConfigError: the pictures make no goldens.
        ModelError: the model fails on its goldens.
        UpdateError: it cannot be signed, or cannot be written.
    """
    pictures, bundle = scratch / "pictures", scratch / "bundle"
    pictures.mkdir()
    bundle.mkdir()
    _link_pictures(labelled, pictures)
    counter = 1 + max(_counters_of(status), default=0)
    spec = BundleSpec(
        name=LOCAL_NAME,
        version=str(counter),
        counter=counter,
        epoch=status.epoch,
        licence=_LICENCE,
        model=scratch / "model.tflite",
        pictures=pictures,
        details=ManifestDetails(
            probation=_PROBATION,
            provenance=f"learnt on this device from {report.training_pictures} pictures",
        ),
    )
    contents = make_bundle_contents(spec, bundle, lambda _text, _fraction: None)
    envelope = signing.sign(encode_manifest(contents.manifest), PAYLOAD_TYPE, signers)
    write_bundle(out, envelope, contents.sources)


def _counters_of(status: ModelStatus) -> list[int]:
    return [one.counter for one in status.versions if one.title.rpartition("@")[0] == LOCAL_NAME]


def _link_pictures(labelled: LabelledPictures, target: Path) -> None:
    """Link all pictures under names that sort those held out first, and the classes in turn."""
    ordered = sorted(
        enumerate(labelled.pictures),
        key=lambda item: (not item[1].is_held_out, item[0] % 4, item[0]),
    )
    for number, (_, picture) in enumerate(ordered):
        (target / f"{number:05}{picture.path.suffix}").symlink_to(picture.path.absolute())
