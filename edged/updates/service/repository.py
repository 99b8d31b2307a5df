"""The model store of this device in the hands of whoever may change it: the daemon, or a command while there is none.

What is decided (`edged.updates.rules.deployment`) is durable (`edged.updates.store.store`) before it is done; this joins the two, and no more.
"""

import hashlib
import secrets
from collections.abc import Callable
from contextlib import suppress
from typing import Literal

from msgspec.structs import replace

from edged.config.settings import Settings
from edged.errors import BundleError, StoreError, UpdateError
from edged.updates.bundle.manifest import Manifest
from edged.updates.bundle.urls import redact_url
from edged.updates.rules import deployment
from edged.updates.rules.fallback import fall_back
from edged.updates.rules.ledger import FACTORY, Deployment, DeploymentRequest, Ledger
from edged.updates.rules.probation import Baseline
from edged.updates.service.control_messages import ModelStatus, VersionRole, VersionStatus
from edged.updates.store.store import InstalledVersion, ModelStore
from edged.vision.active_model import ActiveModel, make_recommended_filters


class ModelRepository:
    """See the module. `open` comes first."""

    def __init__(self, store: ModelStore, settings: Settings, *, now: Callable[[], str]) -> None:
        """Touch nothing yet.

        Args:
            store: of this device.
            settings: the configuration; the factory model is what its [model] names.
            now: the time, RFC 3339.
        """
        self.store = store
        self.settings = settings
        self._now = now
        self.ledger = Ledger()
        self._status_cache: dict[str, VersionStatus] = {}
        """By digest, or by path: what was found when the version was last read; reading it means hashing it."""

    def open(self) -> None:
        """Read the ledger, and finish what was left half done.

        Raises:
            StoreError: the disk cannot be used.
        """
        self.ledger = self.store.open()

    def load_read_only(self) -> None:
        """Read what there is to read, and change nothing: for a store that is not ours, or a disk that fails."""
        with suppress(StoreError):
            self.ledger = self.store.read_ledger()

    @property
    def pinned_path(self) -> str:
        """The file that ``model.path`` names, and that no update replaces; "" if none does."""
        return str(self.settings.model.path or "")

    def record_start(self, boot_id: str) -> None:
        """The daemon has started; a trial may be over with that, unless another model looks than the one on trial. Raises `StoreError`."""
        if self.pinned_path:
            return
        self._record(deployment.record_start(self.ledger, boot_id=boot_id, at=self._now()))

    def mark_clean_shutdown(self) -> None:
        """The daemon is being ended properly. Raises `StoreError`."""
        self._record(deployment.mark_clean_shutdown(self.ledger))

    def begin_deployment(self, request: DeploymentRequest) -> str:
        """Take on a request; the id of its deployment.

        Raises:
            UpdateError: the configuration takes no updates, or another deployment is in flight.
            StoreError: the disk cannot be used.
        """
        if self.pinned_path:
            raise UpdateError(
                f"model.path names {self.pinned_path}, and no update replaces that: remove the setting to take updates"
            )
        if self.settings.updates.trust is None:
            raise UpdateError(
                "no update is taken without updates.trust: name a file made by `edged trust create`"
            )
        id_ = secrets.token_hex(6)
        self._record(deployment.begin(self.ledger, request, id_=id_))
        return id_

    def begin_trial(self, boot_id: str, baseline: Baseline) -> None:
        """The new model is about to look. Raises `StoreError`."""
        self._record(
            deployment.begin_trial(
                self.ledger,
                boot_id=boot_id,
                baseline_fps=baseline.fps,
                baseline_frame_s_p95=baseline.frame_s_p95,
                at=self._now(),
            )
        )

    def commit(self, flag_reason: str = "") -> None:
        """Keep the model on trial.

        Raises:
            UpdateError: none is on trial.
            StoreError: the disk cannot be used; nothing has changed then.
        """
        self._record(deployment.commit(self.ledger, at=self._now(), flag_reason=flag_reason))

    def roll_back(self, reason: str, *, deny: bool) -> None:
        """End the deployment in flight: the old model goes on. Raises what `commit` does."""
        in_flight = self.ledger.deployment
        end = (
            deployment.roll_back if in_flight and in_flight.state == "trial" else deployment.reject
        )
        self._record(end(self.ledger, reason, at=self._now(), deny=deny))

    def block(self, reason: str) -> None:
        """The deployment in flight cannot go on for a while. Raises `StoreError`."""
        self._record(deployment.block(self.ledger, reason, at=self._now()))

    def roll_back_to_previous(self, reason: str) -> str:
        """Return to the previous model, for an operator's reason, which may be empty; the id of this act.

        Raises:
            UpdateError: there is none, it is below the security floor, or it is damaged.
            StoreError: the disk cannot be used; nothing has changed then.
        """
        previous, current = self.ledger.previous, self.ledger.current
        epoch = 0 if previous == FACTORY else self.store.read_version(previous).manifest.epoch
        id_ = secrets.token_hex(6)
        self._record(
            deployment.roll_back_to_previous(
                self.ledger,
                reason,
                epoch=epoch,
                title=self.title(current),
                id_=id_,
                at=self._now(),
            )
        )
        return id_

    def fall_back(self, reason: str) -> None:
        """Let what the daemon does not stay up with give way: see `edged.updates.rules.fallback`.

        Raises:
            UpdateError: there is nothing that could.
            StoreError: the disk cannot be used; nothing has changed then.
        """
        ledger = self.ledger
        previous_epoch = None
        if ledger.previous != FACTORY:
            with suppress(BundleError):
                previous_epoch = self.store.read_version(ledger.previous).manifest.epoch
        self._record(
            fall_back(
                ledger,
                reason,
                previous_epoch=previous_epoch,
                title=self.title(ledger.current),
                id_=secrets.token_hex(6),
                at=self._now(),
            )
        )

    def collect_garbage(self) -> tuple[str, ...]:
        """Let the links follow the ledger, and remove what is not needed any more: the digests of that. Raises `StoreError`."""
        self.store.update_links(self.ledger)
        return self.store.collect_garbage(self.ledger)

    def refresh(self) -> None:
        """Somebody whom we let do it has written the ledger. Raises `StoreError`."""
        self.ledger = self.store.open()

    def load_active_model(self, digest: str) -> ActiveModel:
        """A version, checked to the last byte, as something to look with.

        Raises:
            UpdateError: it is not there, damaged, or cannot be read.
        """
        if digest == FACTORY or self.pinned_path:
            return ActiveModel(settings=self.settings.model)
        self._status_cache.pop(digest, None)
        version = self.store.read_version(digest)
        manifest, own = version.manifest, self.settings.model
        kind: Literal["cpu", "edgetpu"] = (
            "edgetpu" if own.delegate and manifest.variant("edgetpu") else "cpu"
        )
        model = replace(
            own,
            path=version.model_file(kind),
            sha256=_model_sha256(manifest, kind),
            labels=manifest.labels or None,
            labels_file=None,
            family=manifest.family,
        )
        return ActiveModel(
            settings=model,
            name=manifest.title,
            digest=digest,
            recommended_filters=make_recommended_filters(manifest.thresholds),
            goldens=version.goldens_file(kind),
            probation=manifest.probation,
            budgets=manifest.budgets,
        )

    def status(
        self, *, is_daemon_running: bool, active_model_name: str = "", progress: float = 0.0
    ) -> ModelStatus:
        """How things are."""
        ledger = self.ledger
        roles: list[tuple[VersionRole, str]] = []
        if ledger.current != FACTORY:
            roles.append(("current", ledger.current))
        if ledger.previous != FACTORY:
            roles.append(("previous", ledger.previous))
        if ledger.deployment and ledger.deployment.digest in self._list_stored_digests():
            roles.append(("candidate", ledger.deployment.digest))
        named = {digest for _, digest in roles}
        roles += [("kept", digest) for digest in self._list_stored_digests() if digest not in named]
        return ModelStatus(
            daemon=is_daemon_running,
            pinned=self.pinned_path,
            active_model=active_model_name,
            versions=(*(self._describe(*role) for role in roles), self._describe_factory_model()),
            deployment=_redact_secrets(ledger.deployment),
            progress=progress,
            past=ledger.past,
            epoch=ledger.epoch,
            denied=ledger.denied,
            sequence=ledger.sequence,
        )

    def _list_stored_digests(self) -> tuple[str, ...]:
        try:
            return self.store.list_versions()
        except StoreError:
            return ()

    def _describe(self, role: VersionRole, digest: str) -> VersionStatus:
        known = self._status_cache.get(digest)
        if known is None:
            try:
                known = _describe_version(self.store.read_version(digest))
            except (BundleError, StoreError) as error:
                known = VersionStatus(role=role, title="", digest=digest, damage=str(error))
            self._status_cache[digest] = known
        return replace(known, role=role)

    def _describe_factory_model(self) -> VersionStatus:
        file = self.settings.model.resolve_file()
        known = self._status_cache.get(str(file))
        if known is None:
            content = file.read_bytes() if file.is_file() else b""
            known = VersionStatus(
                role="factory",
                title=file.stem,
                size_bytes=len(content),
                model_sha256=hashlib.sha256(content).hexdigest(),
                damage="" if content else f"{file} is not there",
            )
            self._status_cache[str(file)] = known
        return known

    def title(self, digest: str) -> str:
        """What a version is called; the beginning of its digest if it is damaged."""
        if digest == FACTORY:
            return self._describe_factory_model().title
        return self._describe("kept", digest).title or digest[:12]

    def _record(self, ledger: Ledger) -> None:
        if ledger == self.ledger:
            return
        self.store.write_ledger(ledger)
        self.ledger = ledger


def _describe_version(version: InstalledVersion) -> VersionStatus:
    manifest = version.manifest
    return VersionStatus(
        role="kept",
        title=manifest.title,
        digest=version.digest,
        counter=manifest.counter,
        epoch=manifest.epoch,
        size_bytes=manifest.size_bytes,
        model_sha256=_model_sha256(manifest, "cpu"),
        family=manifest.family,
        licence=manifest.licence,
    )


def _model_sha256(manifest: Manifest, kind: str) -> str:
    variant = manifest.variant(kind)
    return manifest.file(variant.model).sha256 if variant else ""


def _redact_secrets(deployment: Deployment | None) -> Deployment | None:
    """As it may be told: a URL can hold a password."""
    if deployment is None:
        return None
    request = deployment.request
    sources = tuple(redact_url(url) for url in request.mirrors)
    told = replace(request, source=redact_url(request.source), mirrors=sources)
    return replace(deployment, request=told)
