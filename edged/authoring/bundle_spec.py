"""The inputs of a bundle."""

from dataclasses import dataclass
from pathlib import Path

from msgspec import Struct, field

from edged.updates.bundle.manifest import (
    Budgets,
    Label,
    Probation,
    Requirements,
    ShortText,
    Thresholds,
)


class ManifestDetails(Struct, frozen=True, kw_only=True):
    """The optional fields of a manifest, with the meanings and defaults of `Manifest`.

    Attributes:
        requirements: devices that may install the bundle.
        labels: labels of the classes, in order.
        thresholds: recommended minimum scores.
        budgets: limits of time and memory on the device.
        probation: criteria of the trial.
        provenance: origin of the model, for people.
    """

    requirements: Requirements = field(default_factory=Requirements)
    labels: tuple[Label, ...] = ()
    thresholds: Thresholds = field(default_factory=Thresholds)
    budgets: Budgets = field(default_factory=Budgets)
    probation: Probation = field(default_factory=Probation)
    provenance: ShortText = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleSpec:
    """The inputs of a bundle.

    Attributes:
        name: name of the model.
        version: version, for people.
        counter: orders the versions of one name.
        epoch: security floor.
        licence: SPDX expression.
        model: .tflite of the CPU variant.
        goldens: folder of its goldens; None to make them of `pictures`.
        pictures: folder of pictures; None if there are goldens.
        edgetpu: .tflite of the EdgeTPU variant; None without one.
        edgetpu_goldens: folder of its goldens; None for those of the CPU variant.
        details: the optional fields of the manifest.
    """

    name: str
    version: str
    counter: int
    epoch: int
    licence: str
    model: Path
    goldens: Path | None = None
    pictures: Path | None = None
    edgetpu: Path | None = None
    edgetpu_goldens: Path | None = None
    details: ManifestDetails
