"""A daemon that takes updates, and whose processes are killed meanwhile: what it does then, and what of it stands on the disk."""

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

ALL_PROCESSES = "everything"
_POLL_S = 0.02
_MAX_WAIT_S = 100.0
"""A machine that is busy with other things may be ten times as slow."""
_PROGRAMS = {
    "edged.vision.worker.main": "worker",
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
    """See the module. Its messages go to a file.

    Args:
        folder: for all that it writes.
        model: its factory model, and that of its bundles.
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
        """All that was looked at since it was last emptied, as far as `watch` has read."""
        self._read_offset = 0
        self._run_queue_waits = RunQueueWaits()

    # ---- What it is asked --------------------------------------------------------------------------------------------------

    def build_bundle(self, version: str, model: Path | None = None, **manifest: object) -> Path:
        """A bundle of this version; without another model, of the factory's."""
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
        """Ask for its installation, while other things happen; whoever asks may hear nothing."""
        question = InstallRequest(request=DeploymentRequest(source=str(bundle)))

        def ask() -> None:
            with suppress(UpdateError):
                self.control_client.execute(question)

        asking = threading.Thread(target=ask)
        asking.start()
        return asking

    def install(self, bundle: Path) -> DeploymentRecord:
        """Ask until it is heard, and wait for the outcome."""
        asking = self.request_install(bundle)
        return self.await_outcome(bundle, asking)

    def await_outcome(
        self, bundle: Path, request_thread: threading.Thread, timeout_s: float = _MAX_WAIT_S
    ) -> DeploymentRecord:
        """How its installation ended. One that was asked for in vain is asked for again, as anybody would."""

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
        """Wait until there is something."""
        end_s = time.monotonic() + timeout_s
        while (something := find()) is None:
            assert time.monotonic() < end_s, (
                f"not within {timeout_s:g} s; it said:\n{self.log_text}"
            )
            self.read_detections()
            time.sleep(_POLL_S)
        return something

    def await_inference(self, model: str) -> None:
        """It looks, from now on."""
        since_ns = time.monotonic_ns()
        self.wait_for(
            lambda: (
                any(look.model == model and look.at_ns > since_ns for look in self.inferred_frames)
                or None
            )
        )

    # ---- What is done to it ------------------------------------------------------------------------------------------------

    def kill(self, victim: str) -> None:
        """Kill it, or all at once, by SIGKILL; a daemon that was killed is not started again."""
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
        """Kill one of those who are there, or all at once; the service manager starts the daemon again at once."""
        self.kill(rng.choice([*self.pids_by_kind(), ALL_PROCESSES]))
        if self.process.poll() is not None:
            self.restart()

    def restart(self) -> None:
        """Start it again."""
        self.__enter__()

    def pids_by_kind(self) -> dict[str, int]:
        """The processes that there are: their pids, by kind."""
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

    # ---- What there is to see ----------------------------------------------------------------------------------------------

    def ledger(self) -> Ledger:
        """As it stands on the disk now; a `StoreError` if it is damaged."""
        return self.store.read_ledger()

    def unneeded_files(self) -> list[str]:
        """What is on the disk that is neither the ledger, nor the current and the previous version."""
        ledger = self.ledger()
        known = {"ledger.json", "lock", "versions", "incoming", "current", "previous"}
        kept = {ledger.current, ledger.previous}
        found = {
            *(path for path in self.root.iterdir() if path.name not in known),
            *(path for path in (self.root / "versions").iterdir() if path.name not in kept),
            *(self.root / "incoming").iterdir(),
        }
        return sorted(str(path.relative_to(self.root)) for path in found)

    def read_detections(self, until_ns: int = 0) -> None:
        """Read what it has looked at; go on until then."""
        while True:
            self._read_messages()
            self._run_queue_waits.sample(self._inferring_pids)
            left_s = (until_ns - time.monotonic_ns()) / NS_PER_S
            if left_s <= 0:
                return
            time.sleep(min(left_s, _POLL_S))

    def inference_gaps(self) -> list[InferenceGap]:
        """Between each two frames that were looked at."""
        return find_gaps(self.inferred_frames, self.kills, self._run_queue_waits)

    def _read_messages(self) -> None:
        with self._messages.open("rb") as messages:
            messages.seek(self._read_offset)
            lines = messages.read().splitlines(keepends=True)
        if lines and not lines[-1].endswith(b"\n"):
            lines.pop()  # it is being written
        self._read_offset += sum(map(len, lines))
        for line in lines:
            with suppress(ValueError):  # cut off by a kill
                message = json.loads(line)
                if message["topic"].endswith("/detections"):
                    payload = message["payload"]
                    self.inferred_frames.append(
                        InferredFrame(payload["received_ns"], payload["model"])
                    )
