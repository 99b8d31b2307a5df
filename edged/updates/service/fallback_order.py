"""Which of the versions on this device looks: the best that works."""

from edged.errors import StoreError, UpdateError
from edged.updates.rules.deployment import load_order
from edged.updates.rules.ledger import FACTORY
from edged.updates.service.repository import Keeper
from edged.vision.active_model import Choice


class Selection:
    """Current, previous, factory: the first that is whole and did not fail in this session."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._unfit: dict[str, str] = {}
        """Why a version did not work in this session, by its digest."""
        self._checked: dict[str, Choice] = {}
        self.trouble = ""
        """Why `kept` was not the first in the order; "" if it was."""

    def kept(self) -> Choice:
        """The version to look with while none is on trial.

        Raises:
            StoreError: never; what cannot be read is passed over, for now.
        """
        trouble = dict(self._unfit)
        choice = None
        for digest in load_order(self._keeper.ledger):
            if digest in trouble:
                continue
            try:
                choice = self.checked(digest)
                break
            except StoreError as error:
                trouble[digest] = str(error)
            except UpdateError as error:
                trouble[digest] = self._unfit[digest] = str(error)
        self.trouble = "; ".join(trouble.values())
        # The factory model comes last, and nothing can be said against it.
        return choice or self.checked(FACTORY)

    def checked(self, digest: str) -> Choice:
        """A version that was read to the last byte once in this session: a worker that loads it again checks it again.

        Raises:
            UpdateError: it is damaged, or not there.
            StoreError: it cannot be read.
        """
        if digest not in self._checked:
            self._checked[digest] = self._keeper.choice(digest)
        return self._checked[digest]

    def give_up(self, digest: str, reason: str) -> None:
        """This version does not work; the factory model is kept whatever is said of it."""
        if digest != FACTORY:
            self._unfit[digest] = reason

    def forget(self) -> None:
        """Begin anew: what kept a version from working may have been mended."""
        self._unfit.clear()
        self._checked.clear()
