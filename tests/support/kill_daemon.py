"""A daemon that installs updates while its processes are killed."""

import json
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from edged.clock import NS_PER_S
from edged.errors import UpdateError
from edged.host.board import Board
from edged.host.files import LocalFileSystem
from edged.updates.rules.ledger import DeploymentRecord, DeploymentRequest, Ledger
from edged.updates.service.control_messages import InstallRequest
from edged.updates.service.control_socket import ControlClient
from edged.updates.store.store import ModelStore
from support.bundles import SigningKeys, make_bundle
from support.daemon import DaemonProcess
from support.inference_gaps import (
    InferenceGap,
    InferredFrame,
    ProcessKill,
    RunQueueWaits,
    find_gaps,
)
from support.waiting import wait_for

ALL_PROCESSES = "all processes"
_POLL_S = 0.02
_MAX_WAIT_S = 100.0
"""A busy machine may be ten times as slow."""
_PROGRAMS = {
    "edged.vision.worker": "worker",
    "edged.updates.installer.main": "installer",
    "edged.selftest.main": "self-test",
}
_CONFIG = """
[camera.a]
source = "synthetic"
width = 320
height = 240
fps = 40
cycle = 32
every_s = 0.5
[events]
max_detections_hz = 1000
"""
_Found = TypeVar("_Found")


class KillableDaemon(DaemonProcess):
    """A daemon that publishes to a file, and whose processes can be killed.

    Args:
        folder: folder for its files.
        model: its factory model, which is also that of its bundles.
        settings: further lines of ``[model]``.
    """

    def __init__(self, folder: Path, *, model: Path, settings: str) -> None:
        self._folder = folder
        self._model = model
        self._runtime = "simulated" if '"simulated"' in settings else "auto"
        self._signing = SigningKeys()
        self._messages = folder / "messages.jsonl"
        self._messages.touch()
        trust = folder / "trust.json"
        trust.write_bytes(self._signing.trust_envelope())
        jsonl, updates = f'[jsonl]\npath = "{self._messages}"', f'[updates]\ntrust = "{trust}"'
        super().__init__(folder, f"{jsonl}\n{updates}\n[model]\n{settings}\n{_CONFIG}")
        self.root = folder / "state" / "models"
        self.store = ModelStore(self.root, LocalFileSystem())
        self.kills: list[ProcessKill] = []
        self.inferred_frames: list[InferredFrame] = []
        """Inferred frames that `read_detections` has read, since this list was last emptied."""
        self._read_offset = 0
        self._run_queue_waits = RunQueueWaits()

    # ---- Requests ------------------------------------------------------------------------------------------------------------

    def build_bundle(self, version: str, model: Path | None = None, **manifest: object) -> Path:
        """Write a bundle.

        Args:
            version: version of the model.
            model: the model; None for the factory model.
            manifest: changed fields of the manifest.
        """
        return make_bundle(
            self._folder,
            self._signing,
            version=version,
            model=model or self._model,
            runtime=self._runtime,
            **manifest,  # type: ignore[arg-type] # any field, by name
        )

    @property
    def control_client(self) -> ControlClient:
        return ControlClient(self._folder / "state")

    def request_install(self, bundle: Path) -> threading.Thread:
        """Request an installation in a thread, which ends when the response comes or the daemon dies."""
        request = InstallRequest(request=DeploymentRequest(source=str(bundle)))

        def execute() -> None:
            with suppress(UpdateError):
                self.control_client.execute(request)

        thread = threading.Thread(target=execute)
        thread.start()
        return thread

    def install(self, bundle: Path) -> DeploymentRecord:
        """Install a bundle, and return its record once it is over."""
        return self.await_outcome(bundle, self.request_install(bundle))

    def await_outcome(
        self, bundle: Path, request_thread: threading.Thread, timeout_s: float = _MAX_WAIT_S
    ) -> DeploymentRecord:
        """Wait for the end of an installation; a request that was lost is repeated.

        Args:
            bundle: the bundle.
            request_thread: the thread that requested it.
            timeout_s: how long to wait.
        """

        def over() -> DeploymentRecord | None:
            nonlocal request_thread
            busy = request_thread.is_alive()
            ledger = self.ledger()
            for past in ledger.past:
                if past.source == str(bundle):
                    return past
            if ledger.deployment is None and not busy:
                request_thread = self.request_install(bundle)
            return None

        try:
            return self.wait_for(over, timeout_s)
        finally:
            request_thread.join()

    def wait_for(self, find: Callable[[], _Found | None], timeout_s: float = _MAX_WAIT_S) -> _Found:
        """Wait until `find` returns something, and return it."""

        def read_and_find() -> tuple[_Found] | None:
            self.read_detections()
            found = find()
            return None if found is None else (found,)

        found = wait_for(read_and_find, timeout_s=timeout_s, state=lambda: self.log_text)
        assert found is not None
        return found[0]

    def await_inference(self, model: str) -> None:
        """Wait for an inference of this model from now on."""
        since_ns = time.monotonic_ns()
        self.wait_for(
            lambda: (
                any(
                    frame.model == model and frame.at_ns > since_ns
                    for frame in self.inferred_frames
                )
                or None
            )
        )

    # ---- Kills ---------------------------------------------------------------------------------------------------------------

    def kill(self, victim: str) -> None:
        """Kill one process, or all at once, with SIGKILL; a killed daemon is not restarted."""
        present = self.pids_by_kind()
        deployment = self.ledger().deployment
        pids = [*present.values()] if victim == ALL_PROCESSES else [present[victim]]
        self.kills.append(
            ProcessKill(victim, time.monotonic_ns(), deployment.state if deployment else "")
        )
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self.process.pid in pids:
            self.process.wait()

    def kill_random(self, rng: random.Random) -> None:
        """Kill a random process, or all at once; a killed daemon is restarted at once, as systemd does."""
        self.kill(rng.choice([*self.pids_by_kind(), ALL_PROCESSES]))
        if self.process.poll() is not None:
            self.restart()

    def restart(self) -> None:
        """Start the daemon again."""
        self.__enter__()

    def pids_by_kind(self) -> dict[str, int]:
        """Return the process ids of the running processes by kind."""
        found = {"daemon": self.process.pid}
        for pid in self._descendants(self.process.pid):
            with suppress(OSError):
                words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
                found |= {kind: pid for name, kind in _PROGRAMS.items() if name in words}
        return found

    def _inferring_pids(self) -> list[int]:
        present = self.pids_by_kind()
        return [present[kind] for kind in ("daemon", "worker") if kind in present]

    def _descendants(self, pid: int) -> Iterator[int]:
        for child in Board().list_children(pid):
            yield child
            yield from self._descendants(child)

    # ---- Observations --------------------------------------------------------------------------------------------------------

    def ledger(self) -> Ledger:
        """Return the ledger on the disk.

        Raises:
            StoreError: the ledger is damaged.
        """
        return self.store.read_ledger()

    def unneeded_files(self) -> list[str]:
        """Return the files that are neither the ledger nor belong to the current or the previous version."""
        ledger = self.ledger()
        known = {
            "ledger.json",
            "lock",
            "versions",
            "incoming",
            "current",
            "previous",
            "accepted-models",
        }
        kept = {ledger.current, ledger.previous}
        found = {
            *(path for path in self.root.iterdir() if path.name not in known),
            *(path for path in (self.root / "versions").iterdir() if path.name not in kept),
            *(self.root / "incoming").iterdir(),
        }
        return sorted(str(path.relative_to(self.root)) for path in found)

    def read_detections(self, until_ns: int = 0) -> None:
        """Read the published detections, until this monotonic time."""
        while True:
            self._read_messages()
            self._run_queue_waits.sample(self._inferring_pids)
            left_s = (until_ns - time.monotonic_ns()) / NS_PER_S
            if left_s <= 0:
                return
            time.sleep(min(left_s, _POLL_S))

    def inference_gaps(self) -> list[InferenceGap]:
        """Return the gap between each two inferred frames."""
        return find_gaps(self.inferred_frames, self.kills, self._run_queue_waits)

    def _read_messages(self) -> None:
        with self._messages.open("rb") as messages:
            messages.seek(self._read_offset)
            lines = messages.read().splitlines(keepends=True)
        if lines and not lines[-1].endswith(b"\n"):
            lines.pop()  # not complete yet
        self._read_offset += sum(map(len, lines))
        for line in lines:
            with suppress(ValueError):  # cut off by a kill
                message = json.loads(line)
                if message["topic"].endswith("/detections"):
                    payload = message["payload"]
                    self.inferred_frames.append(
                        InferredFrame(payload["received_ns"], payload["model"])
                    )
