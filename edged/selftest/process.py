"""Trying a model file in a process of its own, seen from the outside.

A model file is not trusted: the interpreters die by a signal on a share of damaged files, and some hang. Here that is a
`ModelError` with a sentence. The inside is `edged.selftest.main`.
"""

import signal
import socket
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from edged.config.settings import ModelSettings
from edged.errors import (
    ConfigError,
    DelegateError,
    EdgedError,
    InvokeError,
    ModelError,
    RegistryError,
    WorkerError,
)
from edged.ipc.child import describe_exit, spawn
from edged.selftest.messages import (
    MAX_PACKET_BYTES,
    SelfTestFailure,
    SelfTestReport,
    SelfTestRequest,
    pack,
    unpack_response,
)
from edged.selftest.sandbox.sandbox import Confinement

_KILL_TIMEOUT_S = 5.0
# Landlock does not hold threads that a library started when it was imported.
_SINGLE_THREAD_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1"}
_ERRORS_BY_NAME: dict[str, type[EdgedError]] = {
    kind.__name__: kind
    for kind in (ConfigError, DelegateError, InvokeError, ModelError, RegistryError)
}


class SelfTestKilledError(ModelError):
    """The child was killed by SIGKILL, which no crash does: for want of memory, by the model or by others; or by hand."""


class SelfTestProcess:
    """A self-test child, started when first needed, and again after a model has taken it down, or for one in another folder.

    It dies with the thread that started it, so one thread uses it from beginning to end.
    """

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None
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
        """Load and try one model.

        Raises:
            KilledError: somebody killed the child: trying again may help.
            ModelError: it was refused, crashed the child, did not finish in time, or made the child answer nonsense.
            DelegateError: the delegate cannot be loaded, or its device is absent.
            InvokeError: the runtime failed on a picture.
            RegistryError: no such runtime or family, or the runtime is not installed.
            ConfigError: the picture cannot be read.
            WorkerError: there is no process to be had.
        """
        path = request.settings.path or "the bundled model"
        self._ensure_started(request.build_confinement())
        try:
            packet = self._exchange(pack(request), timeout_s)
        except TimeoutError:
            self.close()
            raise ModelError(f"{path} was not done in {timeout_s:g} s and was stopped") from None
        except OSError:
            packet = b""
        if not packet:
            code = self._wait_for_exit()
            if code == -signal.SIGKILL:
                raise SelfTestKilledError(
                    f"the process that tried {path} was killed by SIGKILL: is there too little memory?"
                )
            raise ModelError(f"{path} crashed the interpreter: its process {describe_exit(code)}")
        answer = unpack_response(packet)
        if isinstance(answer, SelfTestFailure):
            raise _ERRORS_BY_NAME.get(answer.error_type, ModelError)(answer.message)
        return answer

    def close(self) -> None:
        """Stop the child; it holds nothing worth waiting for."""
        if self._child:
            self._child.kill()
            self._wait_for_exit()

    def _ensure_started(self, confinement: Confinement) -> None:
        if self._confinement and not self._confinement.covers(confinement):
            self.close()
        if self._channel is None:
            try:
                self._child, self._channel = spawn(
                    "edged.selftest.main", environment=_SINGLE_THREAD_ENVIRONMENT
                )
            except OSError as error:
                raise WorkerError(
                    f"no process can be started to try the model in: {error.strerror}"
                ) from error
            self._confinement = confinement

    def _exchange(self, packet: bytes, timeout_s: float) -> bytes:
        if self._channel is None:
            return b""
        self._channel.settimeout(timeout_s)
        self._channel.send(packet)
        return self._channel.recv(MAX_PACKET_BYTES + 1)

    def _wait_for_exit(self) -> int:
        """Wait for the end of the child: its exit code."""
        child, channel = self._child, self._channel
        self._child = self._channel = None
        if channel:
            channel.close()
        if child is None:
            return 0
        try:
            return child.wait(_KILL_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            child.kill()
            return child.wait()


def self_test_model(
    settings: ModelSettings,
    *,
    image: Path | None = None,
    min_score: float = 0.5,
    timeout_s: float = 60.0,
) -> SelfTestReport:
    """Try one model in a child of its own; raises what `SelfTestProcess.try_model` raises."""
    with SelfTestProcess() as tryout:
        return tryout.run(
            SelfTestRequest(settings=settings, image=image, min_score=min_score),
            timeout_s=timeout_s,
        )
