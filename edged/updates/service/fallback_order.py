"""Which of the versions on this device looks: the best that works."""

from edged.errors import StoreError, UpdateError
from edged.updates.rules.deployment import load_order
from edged.updates.rules.ledger import FACTORY
from edged.updates.service.repository import ModelRepository
from edged.vision.active_model import ActiveModel


class FallbackOrder:
    """Current, previous, factory: the first that is whole and did not fail in this session."""

    def __init__(self, repository: ModelRepository) -> None:
        self._repository = repository
        self._failures: dict[str, str] = {}
        """Why a version did not work in this session, by its digest."""
        self._loaded_models: dict[str, ActiveModel] = {}
        self.fallback_reason = ""
        """Why `kept` was not the first in the order; "" if it was."""

    def select_model(self) -> ActiveModel:
        """The version to look with while none is on trial.

        Raises:
            StoreError: never; what cannot be read is passed over, for now.
        """
        trouble = dict(self._failures)
        choice = None
        for digest in load_order(self._repository.ledger):
            if digest in trouble:
                continue
            try:
                choice = self.load_model(digest)
                break
            except StoreError as error:
                trouble[digest] = str(error)
            except UpdateError as error:
                trouble[digest] = self._failures[digest] = str(error)
        self.fallback_reason = "; ".join(trouble.values())
        # The factory model comes last, and nothing can be said against it.
        return choice or self.load_model(FACTORY)

    def load_model(self, digest: str) -> ActiveModel:
        """A version that was read to the last byte once in this session: a worker that loads it again checks it again.

        Raises:
            UpdateError: it is damaged, or not there.
            StoreError: it cannot be read.
        """
        if digest not in self._loaded_models:
            self._loaded_models[digest] = self._repository.load_active_model(digest)
        return self._loaded_models[digest]

    def exclude(self, digest: str, reason: str) -> None:
        """This version does not work; the factory model is kept whatever is said of it."""
        if digest != FACTORY:
            self._failures[digest] = reason

    def reset(self) -> None:
        """Begin anew: what kept a version from working may have been mended."""
        self._failures.clear()
        self._loaded_models.clear()
