"""Loading a model beside the one that looks."""

import hashlib
import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edged.config.settings import ModelSettings
from edged.errors import EdgedError, ModelError
from edged.model.acceptance import run_acceptance_test
from edged.model.golden_run import run_goldens
from edged.model.load import Model, load_model

_log = logging.getLogger(__name__)

_SWITCH_INTERVAL_S = 0.0005
"""So long may the thread that loads keep the loop that looks from going on; Python's default is ten times that."""
_MAX_REPORTED_FAULTS = 3


@dataclass(frozen=True, kw_only=True, eq=False)
class LoadedModel:
    """A model that has been tried and is warm.

    Attributes:
        settings: what it was loaded by.
        model: ready to be fed; one thread's at a time.
        sha256: of its file.
    """

    settings: ModelSettings
    model: Model
    sha256: str

    @property
    def labels(self) -> tuple[str, ...]:
        """By class id."""
        return self.model.labels[self.model.family.class_offset :]

    def close(self) -> None:
        """Free it, and its device."""
        self.model.interpreter.close()


@dataclass(frozen=True, kw_only=True, eq=False)
class LoadResult:
    """What came of loading; exactly one of the two is there."""

    settings: ModelSettings
    loaded: LoadedModel | None = None
    error: EdgedError | None = None


def load_and_test(settings: ModelSettings, goldens: Path | None) -> LoadedModel:
    """Load a model, try it on the reference pictures and its goldens, and warm it by that.

    Raises:
        ModelError: it cannot be loaded, is wrong, or does not find what its goldens say.
        DelegateError: the delegate cannot be loaded, or its device is absent.
        InvokeError: the runtime or the delegate's device failed.
        RegistryError: no such runtime or family, or the runtime is not installed.
    """
    sha256 = _hash_file(settings.resolve_file())
    model = load_model(settings)
    try:
        run_acceptance_test(model)
        if goldens is not None:
            _check_goldens(model, goldens)
    except BaseException:
        model.interpreter.close()
        raise
    return LoadedModel(settings=settings, model=model, sha256=sha256)


class ModelLoader:
    """Loads one model at a time, in a thread that keeps no process alive.

    Nothing can interrupt a runtime or a driver that takes its time: what is superseded meanwhile is loaded to the end, and then closed by
    whoever takes the outcome.
    """

    def __init__(self) -> None:
        self._done = threading.Event()
        self._result: LoadResult | None = None
        self.is_busy = False
        """From the start until the outcome is taken."""

    def start(self, settings: ModelSettings, goldens: Path | None) -> None:
        """Begin to load; only if it is not busy."""
        self._done.clear()
        self.is_busy = True
        threading.Thread(
            target=self._run, args=(settings, goldens), name="loader", daemon=True
        ).start()

    def take_result(self) -> LoadResult | None:
        """What came of it, once; None while it is not known."""
        if not self._done.is_set():
            return None
        outcome, self._result = self._result, None
        self._done.clear()
        self.is_busy = False
        return outcome

    def wait(self, timeout_s: float) -> None:
        """Until there is an outcome, or the time is up."""
        self._done.wait(timeout_s)

    def _run(self, settings: ModelSettings, goldens: Path | None) -> None:
        try:
            with _short_switch_interval():
                outcome = LoadResult(settings=settings, loaded=load_and_test(settings, goldens))
        except EdgedError as error:
            outcome = LoadResult(settings=settings, error=error)
        except Exception as error:  # noqa: BLE001 - a strange file may raise anything; the loop must hear of it
            _log.exception("loading %s failed", settings.resolve_file())
            failure = ModelError(f"{settings.resolve_file()} cannot be loaded: {error!r}")
            outcome = LoadResult(settings=settings, error=failure)
        self._result = outcome
        self._done.set()


@contextmanager
def _short_switch_interval() -> Iterator[None]:
    """While it lasts, a thread that computes in Python gives way to others sooner."""
    usual_s = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    try:
        yield
    finally:
        sys.setswitchinterval(usual_s)


def _hash_file(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(f"cannot read the model {path}: {error.strerror or error}") from error


def _check_goldens(model: Model, goldens: Path) -> None:
    faults = run_goldens(model, goldens)
    if not faults:
        return
    more = len(faults) - _MAX_REPORTED_FAULTS
    told = "; ".join((*faults[:_MAX_REPORTED_FAULTS], *([f"and {more} more"] if more > 0 else [])))
    raise ModelError(f"the model {model.name} does not find what its goldens say: {told}")
