"""Selects the active model and caches verified versions; the rule is `edged.updates.rules.active_version`."""

from dataclasses import dataclass, replace

from edged.errors import BundleError, StoreError, UpdateError
from edged.updates.bundle.manifest import Probation
from edged.updates.rules.active_version import decide
from edged.updates.rules.ledger import FACTORY, EndCause
from edged.updates.service.installed_versions import RunnableVersion
from edged.updates.service.repository import ModelRepository
from edged.updates.service.store_availability import StoreAvailability
from edged.updates.service.trial_controller import TrialController
from edged.vision.active_model import ActiveModel


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The versions that were selected.

    Attributes:
        installed: the version that is active whenever none is on trial.
        candidate: the version on trial with its shadow; None if none is on trial, or if it cannot be read.
        fallback_reason: why `installed` is not the committed version; None if it is.
        candidate_damage: why the version on trial cannot be used; None if it can.
        store_error: why the version on trial cannot be read at the moment; None if it can.
    """

    installed: RunnableVersion
    candidate: RunnableVersion | None = None
    fallback_reason: str | None = None
    candidate_damage: str | None = None
    store_error: StoreError | None = None


class ActiveModelSelector:
    """Selects the active model and caches verified versions; remembers which versions cannot run.

    Args:
        repository: has the ledger and the versions.
        store: closed if a version is unreadable.
        trial: notes that a damaged candidate has failed.
    """

    def __init__(
        self,
        repository: ModelRepository,
        *,
        store: StoreAvailability,
        trial: TrialController,
    ) -> None:
        self._repository = repository
        self._store = store
        self._trial = trial
        self._failures: dict[str, str] = {}
        """Why an installed version cannot run, by digest."""
        self._loaded: dict[str, RunnableVersion] = {}
        self._selection = Selection(
            installed=RunnableVersion(model=ActiveModel(settings=repository.settings.model))
        )

    @property
    def selection(self) -> Selection:
        """The versions that were selected last; the factory model before the first time."""
        return self._selection

    def apply(self) -> None:
        """Select the versions by the present ledger."""
        selection = self._select()
        if selection.candidate_damage:
            self._trial.fail(EndCause.TRIAL_INTERRUPTED, selection.candidate_damage)
        if selection.store_error:
            self._store.close(selection.store_error)
        self._selection = selection

    def load_probation(self, digest: str) -> Probation:
        """Return the trial criteria of a version; the defaults if it is damaged or unreadable."""
        try:
            return self._load(digest).probation
        except UpdateError:
            return Probation()

    def exclude(self, digest: str, reason: str) -> None:
        """Run the next best version, because this one failed; the factory model is never excluded."""
        if digest != FACTORY:
            self._failures[digest] = reason
            self.apply()

    def readmit(self, digest: str) -> None:
        """Forget why a version could not run: it was installed again, and passed its trial."""
        self._failures.pop(digest, None)

    def reset(self) -> None:
        """Clear failures and cached versions, because the cause may be repaired."""
        self._failures.clear()
        self._loaded.clear()

    def _select(self) -> Selection:
        unreadable: dict[str, str] = {}
        while True:
            decision = decide(
                self._repository.ledger,
                self._failures | unreadable,
                is_configured_by_path=self._repository.configured_path is not None,
                is_trial_over=self._trial.failure is not None,
            )
            try:
                version = self._load(decision.installed)
                break
            except StoreError as error:
                unreadable[decision.installed] = str(error)
            except BundleError as error:
                self._failures[decision.installed] = str(error)
        # It passed its goldens in its trial; a worker need not run them again.
        installed = replace(version, model=replace(version.model, goldens=None))
        selection = Selection(installed=installed, fallback_reason=decision.fallback_reason)
        if decision.shadow is None:
            return selection
        try:
            candidate = self._load(decision.active)
        except StoreError as error:
            return replace(selection, store_error=error)
        except BundleError as error:
            return replace(selection, candidate_damage=str(error))
        return replace(selection, candidate=_with_shadow(candidate, installed))

    def _load(self, digest: str) -> RunnableVersion:
        """Return a version; verify it in full on first use (not the factory or a configured model)."""
        if digest not in self._loaded:
            self._loaded[digest] = self._repository.load_version(digest)
        return self._loaded[digest]


def _with_shadow(candidate: RunnableVersion, installed: RunnableVersion) -> RunnableVersion:
    """Run the installed version as the shadow, unless both need the same accelerator, which only one can hold."""
    model = replace(candidate.model, sees_every_frame=True)
    delegate, shadow = model.settings.delegate, installed.model.settings
    if delegate is None or delegate != shadow.delegate:
        model = replace(model, shadow=shadow)
    return replace(candidate, model=model)
