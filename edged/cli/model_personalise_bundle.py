"""The bundle of a model that this device has made for itself, for ``edged model personalise``."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from edged.authoring.bundle_contents import make_bundle_contents
from edged.authoring.bundle_spec import BundleSpec, ManifestDetails
from edged.personalise.learning_pictures import LearningPictures
from edged.updates.bundle import signing
from edged.updates.bundle.bundle import write_bundle
from edged.updates.bundle.manifest import PAYLOAD_TYPE, Probation, encode_manifest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from securesystemslib.signer import Signer

    from edged.updates.service.control_messages import ModelStatus

LOCAL_NAME = "local-classifier"
_LICENCE = "LicenseRef-local"
_PROBATION = Probation(min_f1=0.0, min_boxes=0, detection_ratio=(0.0, 1000.0))
"""The new model is meant to answer differently from the old one; its speed, memory and faults are judged as those of any other."""


def is_installed(status: ModelStatus, model: Path) -> bool:
    """Return whether a model file is the one that this device has committed."""
    sha256 = hashlib.sha256(model.read_bytes()).hexdigest()
    return any(one.role == "current" and one.model_sha256 == sha256 for one in status.versions)


@dataclass(frozen=True, slots=True)
class LocalBundle:
    """What goes into the bundle.

    Attributes:
        model: the new model, in a folder for further files.
        labelled: the pictures that it has learnt from.
        details: optional fields of the manifest.
    """

    model: Path
    labelled: LearningPictures
    details: ManifestDetails

    def write(self, status: ModelStatus, out: Path, signers: Sequence[Signer]) -> None:
        """Run the model on its goldens, and write the signed bundle; its goldens are the held-out pictures first.

        Args:
            status: the models of this device: the new version follows those that are there.
            out: path of the bundle.
            signers: the keys that sign.

        Raises:
            ConfigError: the pictures make no goldens.
            ModelError: the model fails on its goldens.
            UpdateError: it cannot be signed or written.
        """
        pictures, scratch = self._link_pictures(), self.model.parent / "bundle"
        scratch.mkdir()
        contents = make_bundle_contents(
            self._make_spec(status, pictures), scratch, lambda _text, _fraction: None
        )
        envelope = signing.sign(encode_manifest(contents.manifest), PAYLOAD_TYPE, signers)
        write_bundle(out, envelope, contents.sources)

    def _make_spec(self, status: ModelStatus, pictures: Path) -> BundleSpec:
        counter = 1 + max(_counters_of(status), default=0)
        details = self.details
        if details.probation == Probation():
            details = replace(details, probation=_PROBATION)
        if not details.provenance:
            count = len(self.labelled.pictures)
            details = replace(details, provenance=f"learnt on this device from {count} pictures")
        return BundleSpec(
            name=LOCAL_NAME,
            version=str(counter),
            counter=counter,
            epoch=status.epoch,
            licence=_LICENCE,
            model=self.model,
            pictures=pictures,
            details=details,
        )

    def _link_pictures(self) -> Path:
        """Link all pictures under names that sort those held out first, and return their folder."""
        folder = self.model.parent / "pictures"
        folder.mkdir()
        ordered = sorted(self.labelled.pictures, key=lambda one: not one.is_held_out)
        for number, one in enumerate(ordered):
            (folder / f"{number:05}{one.path.suffix}").symlink_to(one.path.absolute())
        return folder


def _counters_of(status: ModelStatus) -> list[int]:
    return [one.counter for one in status.versions if one.title.rpartition("@")[0] == LOCAL_NAME]
