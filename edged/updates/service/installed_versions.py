"""The versions on this device: as models that the vision workers can run, and described for people."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from msgspec.structs import replace

from edged.config.settings import DetectSettings, LabelFilter, ModelSettings
from edged.errors import BundleError, StoreError
from edged.updates.bundle.manifest import Budgets, Manifest, Probation, Thresholds
from edged.updates.rules.ledger import FACTORY, Ledger
from edged.updates.service.control_messages import VersionRole, VersionStatus
from edged.updates.store.store import ModelStore
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


def make_runnable(
    version: InstalledVersion, settings: ModelSettings, acceptances: Path | None = None
) -> RunnableVersion:
    """Return an installed version as the configuration of this device runs it; `acceptances` remembers accepted models."""
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
            acceptances=acceptances,
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


class VersionCatalog:
    """Describes the versions in a store, and the factory model."""

    def __init__(self, store: ModelStore) -> None:
        self._store = store
        self._descriptions: dict[str, VersionStatus] = {}
        """By digest, or by path for a factory model."""

    def list_versions(self, ledger: Ledger, settings: ModelSettings) -> tuple[VersionStatus, ...]:
        """Return all versions on this device, the committed one first and the factory model last."""
        stored = self._list_stored_digests()
        roles: dict[str, VersionRole] = {}
        if ledger.current != FACTORY:
            roles[ledger.current] = "current"
        if ledger.previous != FACTORY:
            roles.setdefault(ledger.previous, "previous")
        if ledger.deployment and ledger.deployment.digest in stored:
            roles.setdefault(ledger.deployment.digest, "candidate")
        for digest in stored:
            roles.setdefault(digest, "stored")
        described = (self._describe(role, digest) for digest, role in roles.items())
        return (*described, self._describe_factory_model(settings))

    def title(self, digest: str, settings: ModelSettings) -> str:
        """Return a version's ``name@version``, or the beginning of its digest if it is damaged."""
        if digest == FACTORY:
            return self._describe_factory_model(settings).title
        return self._describe("stored", digest).title or digest[:12]

    def forget(self, digest: str) -> None:
        """Forget a description, because the version is about to be read again."""
        self._descriptions.pop(digest, None)

    def _list_stored_digests(self) -> tuple[str, ...]:
        try:
            return self._store.list_versions()
        except StoreError:
            return ()

    def _describe(self, role: VersionRole, digest: str) -> VersionStatus:
        description = self._descriptions.get(digest)
        if description is None:
            try:
                description = _describe_version(self._store.read_version(digest))
            except (BundleError, StoreError) as error:
                description = VersionStatus(role=role, title="", digest=digest, damage=str(error))
            self._descriptions[digest] = description
        return replace(description, role=role)

    def _describe_factory_model(self, settings: ModelSettings) -> VersionStatus:
        file = settings.resolve_file()
        description = self._descriptions.get(str(file))
        if description is None:
            content = file.read_bytes() if file.is_file() else b""
            description = VersionStatus(
                role="factory",
                title=file.stem,
                size_bytes=len(content),
                model_sha256=hashlib.sha256(content).hexdigest(),
                damage="" if content else f"{file} is missing or empty",
            )
            self._descriptions[str(file)] = description
        return description


def _describe_version(version: InstalledVersion) -> VersionStatus:
    manifest = version.manifest
    return VersionStatus(
        role="stored",
        title=manifest.title,
        digest=version.digest,
        counter=manifest.counter,
        epoch=manifest.epoch,
        size_bytes=manifest.size_bytes,
        model_sha256=model_sha256(manifest, "cpu"),
        family=manifest.family,
        licence=manifest.licence,
    )
