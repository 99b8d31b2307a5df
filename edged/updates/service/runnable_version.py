"""A version that was read to the last byte, as a model that the vision workers can run. Pure."""

from dataclasses import dataclass, field
from typing import Literal

from msgspec.structs import replace

from edged.config.settings import DetectSettings, LabelFilter, ModelSettings
from edged.updates.bundle.manifest import Budgets, Manifest, Probation, Thresholds
from edged.updates.rules.ledger import FACTORY
from edged.updates.store.versions import InstalledVersion
from edged.vision.active_model import ActiveModel


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnableVersion:
    """A version that can run, with what its trial needs to know.

    Attributes:
        digest: sha256 of its manifest; `FACTORY` for a model without one.
        model: what the workers run.
        probation: what its trial must show.
        budgets: what it may take.
    """

    digest: str = FACTORY
    model: ActiveModel
    probation: Probation = field(default_factory=Probation)
    budgets: Budgets = field(default_factory=Budgets)


def make_runnable(version: InstalledVersion, settings: ModelSettings) -> RunnableVersion:
    """Return an installed version as the configuration of this device runs it."""
    manifest = version.manifest
    kind: Literal["cpu", "edgetpu"] = (
        "edgetpu" if settings.delegate and manifest.variant("edgetpu") else "cpu"
    )
    return RunnableVersion(
        digest=version.digest,
        model=ActiveModel(
            settings=replace(
                settings,
                path=version.model_file(kind),
                sha256=model_sha256(manifest, kind),
                labels=manifest.labels or None,
                labels_file=None,
                family=manifest.family,
            ),
            name=manifest.title,
            recommended_filters=make_recommended_filters(manifest.thresholds),
            goldens=version.goldens_file(kind),
            shadow_every=manifest.probation.shadow_every,
            max_boxes=manifest.probation.max_boxes,
        ),
        probation=manifest.probation,
        budgets=manifest.budgets,
    )


def make_recommended_filters(thresholds: Thresholds) -> DetectSettings:
    """Return the thresholds of a manifest as filters."""
    labels = {label: LabelFilter(threshold=score) for label, score in thresholds.labels.items()}
    return DetectSettings(threshold=thresholds.threshold, label=labels)


def model_sha256(manifest: Manifest, kind: str) -> str:
    """Return the sha256 of a variant's model file; "" if there is no such variant."""
    variant = manifest.variant(kind)
    return manifest.file(variant.model).sha256 if variant else ""
