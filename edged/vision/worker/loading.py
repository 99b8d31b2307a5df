"""Loading and testing a model while another one is active."""

import logging
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edged.clock import SystemClock
from edged.config.settings import ModelSettings
from edged.errors import EdgedError, ModelError
from edged.host.unused_memory import free_unused_memory
from edged.model.acceptance import load_accepted_model
from edged.model.acceptance_record import AcceptanceRecord
from edged.model.load import Model
from edged.types import Frame
from edged.vision.messages import ModelReady, WorkerPlan
from edged.vision.worker.net_time import NetTime

_log = logging.getLogger(__name__)

_SWITCH_INTERVAL_S = 0.0005
"""While a model is loaded, edged asks CPython to switch threads after 0.5 ms; the default is 5 ms."""
_MAX_REPORTED_MISMATCHES = 3
_PROBE_INVOCATIONS = 3
_PROBE_SIDE_PX = 64
_MAX_CPU_SHARE = 0.5
"""An invocation that computes for less than half of its time leaves enough of a processor to prepare the next frame."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LoadedModel:
    """A model that has been tested and is warm.

    Attributes:
        settings: the settings it was loaded with.
        model: ready for inference, by one thread at a time.
        sha256: sha256 of its file.
        is_on_device: True if an accelerator computes, and the thread that invokes waits for it.
    """

    settings: ModelSettings
    model: Model
    sha256: str
    is_on_device: bool = False

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the classes, by class id."""
        return self.model.labels[self.model.family.class_offset :]

    def close(self) -> None:
        """Free the model and its device."""
        self.model.interpreter.close()


@dataclass(frozen=True, kw_only=True, eq=False)
class LoadResult:
    """The result of loading; either `loaded_model` or `error` is set.

    Attributes:
        settings: the settings that were loaded.
        loaded_model: the model; None if loading failed.
        error: why loading failed; None if it did not.
    """

    settings: ModelSettings
    loaded_model: LoadedModel | None = None
    error: EdgedError | None = None


def load_and_test(
    settings: ModelSettings, goldens: Path | None, acceptances: Path | None = None
) -> LoadedModel:
    """Load a model, and test it on generated test images and its goldens, which warms it.

    Args:
        settings: the model's settings.
        goldens: its ``goldens.json``; None if it is not tested on them.
        acceptances: file that remembers accepted models, which are not tested again; None to test it in any case.

    Raises:
        ModelError: the model cannot be loaded, fails its acceptance test, or its detections differ from its goldens.
        DelegateError: the delegate cannot be loaded, or its device is absent.
        InvokeError: the runtime or the delegate's device failed.
        RegistryError: no such runtime or family, or the runtime is not installed.
    """
    with _short_switch_interval():
        record = AcceptanceRecord(acceptances) if acceptances and not goldens else None
        return _load_and_test(settings, goldens, record)


def _load_and_test(
    settings: ModelSettings, goldens: Path | None, record: AcceptanceRecord | None
) -> LoadedModel:
    model = load_accepted_model(settings, record)  # it verifies a given digest
    try:
        if goldens is not None:
            _check_goldens(model, goldens)
        sha256 = model.sha256
        is_on_device = settings.delegate is not None and _does_thread_wait(model, settings)
    except BaseException:
        model.interpreter.close()
        raise
    free_unused_memory()
    return LoadedModel(settings=settings, model=model, sha256=sha256, is_on_device=is_on_device)


def make_ready_message(plan: WorkerPlan, loaded_model: LoadedModel, *, gap_ns: int) -> ModelReady:
    """Return the report that a plan's model runs.

    Args:
        plan: the plan.
        loaded_model: its model.
        gap_ns: how long no model was active because of the switch, nanoseconds.
    """
    model = loaded_model.model
    return ModelReady(
        plan=plan.number,
        gap_ns=gap_ns,
        model_name=plan.name or model.name,
        sha256=loaded_model.sha256,
        family=model.family.name,
        runtime=model.interpreter.runtime,
        delegate=model.interpreter.delegate or "",
        labels=loaded_model.labels,
        thresholds=dict(model.interpreter.signature.metadata.thresholds),
    )


class ModelLoader:
    """Loads one model at a time, in a thread that does not keep the process alive.

    A slow driver call cannot be interrupted: a model that is superseded meanwhile is still loaded, and closed by
    the caller of `take_result`.
    """

    def __init__(self) -> None:
        self._done = threading.Event()
        self._result: LoadResult | None = None
        self.is_busy = False
        """True from `start` until the result is taken."""

    def start(self, settings: ModelSettings, goldens: Path | None) -> None:
        """Begin to load; the loader must not be busy."""
        self._done.clear()
        self.is_busy = True
        threading.Thread(
            target=self._run, args=(settings, goldens), name="loader", daemon=True
        ).start()

    @property
    def has_result(self) -> bool:
        """True if a result can be taken."""
        return self._done.is_set()

    def take_result(self) -> LoadResult | None:
        """Return the result, once; None while there is none."""
        if not self._done.is_set():
            return None
        result, self._result = self._result, None
        self._done.clear()
        self.is_busy = False
        return result

    def wait(self, timeout_s: float) -> None:
        """Wait for a result, for `timeout_s` seconds at most."""
        self._done.wait(timeout_s)

    def _run(self, settings: ModelSettings, goldens: Path | None) -> None:
        try:
            result = LoadResult(settings=settings, loaded_model=load_and_test(settings, goldens))
        except EdgedError as error:
            result = LoadResult(settings=settings, error=error)
        except Exception as error:  # noqa: BLE001 - a damaged file can raise anything, and the loop must get a result
            _log.exception("loading %s failed", settings.resolve_file())
            failure = ModelError(f"{settings.resolve_file()} cannot be loaded: {error!r}")
            result = LoadResult(settings=settings, error=failure)
        self._result = result
        self._done.set()


@contextmanager
def _short_switch_interval() -> Iterator[None]:
    """Make threads that compute in Python give way to others sooner, inside the context."""
    usual_s = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    try:
        yield
    finally:
        sys.setswitchinterval(usual_s)


def _does_thread_wait(model: Model, settings: ModelSettings) -> bool:
    """Return whether invoking leaves the processor to other threads for most of the time; a delegate can also compute on it."""
    picture = np.full((_PROBE_SIDE_PX, _PROBE_SIDE_PX, 3), 128, np.uint8)
    array = model.encoder(Frame.from_pixels(picture)).array
    net_ns = NetTime(SystemClock()).counter(settings)
    began_ns, cpu_began_ns = net_ns(), time.thread_time_ns()
    for _ in range(_PROBE_INVOCATIONS):
        model.interpreter.invoke(array)
    cpu_ns = time.thread_time_ns() - cpu_began_ns
    return cpu_ns < _MAX_CPU_SHARE * (net_ns() - began_ns)


def _check_goldens(model: Model, goldens: Path) -> None:
    from edged.model.golden_run import run_goldens  # a model without goldens needs no decoders

    mismatches = run_goldens(model, goldens)
    if not mismatches:
        return
    more = len(mismatches) - _MAX_REPORTED_MISMATCHES
    reported = [*mismatches[:_MAX_REPORTED_MISMATCHES], *([f"and {more} more"] if more > 0 else [])]
    raise ModelError(f"the model {model.name} fails its goldens: {'; '.join(reported)}")
