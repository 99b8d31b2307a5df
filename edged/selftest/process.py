"""The parent's side of the self-test, which tests a model file in a sandboxed process.

A model file is not trusted: a damaged one can crash the interpreter, or make it hang. Here that is a `ModelError`
with a clear message. The child's side is `edged.selftest.main`.
"""

import signal
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from edged.clock import NS_PER_S
from edged.config.settings import ModelSettings
from edged.errors import (
    ConfigError,
    DelegateError,
    EdgedError,
    InvokeError,
    ModelError,
    PacketError,
    RegistryError,
)
from edged.host.scheduling import find_obstacle, read_waits_ns
from edged.ipc.process import ChildProcess
from edged.selftest.messages import (
    FROM_SELF_TEST,
    TO_SELF_TEST,
    FromSelfTest,
    SelfTestFailure,
    SelfTestReport,
    SelfTestRequest,
)
from edged.selftest.sandbox.sandbox import Confinement

_EXIT_TIMEOUT_S = 5.0
# Landlock does not confine threads that a library started when it was imported.
_SINGLE_THREAD_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1"}
_ERRORS_BY_NAME: dict[str, type[EdgedError]] = {
    kind.__name__: kind
    for kind in (ConfigError, DelegateError, InvokeError, ModelError, RegistryError)
}


_MAX_OVERRUN_S = 2.0
"""A wait that lasts longer than its timeout by this was a pause of this process itself."""


class SelfTestKilledError(ModelError):
    """The child could not do its work, for a reason outside the model: it was killed by SIGKILL, which no crash does, or kept from running."""


class SelfTestProcess:
    """A self-test child. It is started when first needed, and again after a crash, or for a model in another folder.

    It dies with the thread that started it, so one thread uses it from beginning to end.
    """

    def __init__(self) -> None:
        self._child: ChildProcess[SelfTestRequest, FromSelfTest] | None = None
        self._confinement: Confinement | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def run(self, request: SelfTestRequest, *, timeout_s: float) -> SelfTestReport:
        """Load and test one model.

        Args:
            request: the model, and how to test it.
            timeout_s: seconds after which the child is killed.

        Raises:
            SelfTestKilledError: the child was killed from outside: trying again can help.
            ModelError: the model failed, crashed the child, did not finish in time, or made the child send an invalid response.
            DelegateError: the delegate cannot be loaded, or its device is absent.
            InvokeError: the runtime failed on a picture.
            RegistryError: no such runtime or family, or the runtime is not installed.
            ConfigError: the picture cannot be read.
            WorkerError: no process can be started.
        """
        path = request.settings.path or "the bundled model"
        child = self._ensure_started(request.build_confinement())
        began_s = time.monotonic()
        try:
            child.send(request)
            response = child.receive(timeout_s)
        except TimeoutError:
            obstacle = _find_obstacle(child.pid, timeout_s, time.monotonic() - began_s)
            self.close()
            reason = f"testing {path} took more than {timeout_s:g} s and was stopped"
            if obstacle:
                raise SelfTestKilledError(f"{reason}: {obstacle}") from None
            raise ModelError(reason) from None
        except PacketError as error:
            self.close()
            raise ModelError(f"testing {path} failed: the self-test process sent {error}") from None
        except OSError:
            response = None
        if response is None:
            raise self._explain_exit(child, path)
        if isinstance(response, SelfTestFailure):
            raise _rebuild_error(response)
        return response

    def close(self) -> None:
        """Kill the child; it has no state."""
        if self._child:
            self._child.stop()
            self._child = None

    def _ensure_started(
        self, confinement: Confinement
    ) -> ChildProcess[SelfTestRequest, FromSelfTest]:
        if self._confinement and not self._confinement.covers(confinement):
            self.close()
        if self._child is None:
            self._child = ChildProcess.start(
                "edged.selftest.main",
                sent=TO_SELF_TEST,
                received=FROM_SELF_TEST,
                environment=_SINGLE_THREAD_ENVIRONMENT,
            )
            self._confinement = confinement
        return self._child

    def _explain_exit(
        self, child: ChildProcess[SelfTestRequest, FromSelfTest], path: Path | str
    ) -> ModelError:
        """Reap a child that has closed its socket; return the error that says how it ended."""
        self._child = None
        ending = child.stop(_EXIT_TIMEOUT_S)
        if child.exit_code == -signal.SIGKILL:
            return SelfTestKilledError(
                f"the process that tested {path} was killed by SIGKILL: is there too little memory?"
            )
        if child.exit_code is not None and child.exit_code >= 0:
            # No crash: what a model does wrong is answered. The process could not start, or this installation is broken.
            return SelfTestKilledError(f"the process that tested {path} {ending} without an answer")
        return ModelError(f"{path} crashed the interpreter: its process {ending}")


def _find_obstacle(pid: int, timeout_s: float, waited_s: float) -> str | None:
    """Return what kept the child from its work, whatever the model is; None if nothing did."""
    if waited_s > timeout_s + _MAX_OVERRUN_S:
        return "the host was paused"
    starved_s = max(read_waits_ns(pid).values(), default=0) / NS_PER_S
    return find_obstacle(pid) or ("it got no processor" if starved_s > timeout_s / 2 else None)


def _rebuild_error(failure: SelfTestFailure) -> EdgedError:
    error = _ERRORS_BY_NAME.get(failure.error_type, ModelError)(failure.message)
    for detail in failure.details:
        error.add_note(detail)
    return error


def self_test_model(
    settings: ModelSettings,
    *,
    image: Path | None = None,
    min_score: float = 0.5,
    timeout_s: float = 60.0,
) -> SelfTestReport:
    """Test one model in a child of its own.

    Args:
        settings: name the model.
        image: a picture to run inference on; None for none.
        min_score: lowest score of the detections in it.
        timeout_s: seconds after which the child is killed.

    Raises:
        ModelError: the model failed, crashed the child, or did not finish in time.
        DelegateError: the delegate cannot be loaded, or its device is absent.
        InvokeError: the runtime failed on a picture.
        RegistryError: no such runtime or family, or the runtime is not installed.
        ConfigError: the picture cannot be read.
        WorkerError: no process can be started.
    """
    request = SelfTestRequest(settings=settings, image=image, min_score=min_score)
    with SelfTestProcess() as process:
        return process.run(request, timeout_s=timeout_s)
