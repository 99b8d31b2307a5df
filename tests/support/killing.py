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
from edged.host.files import LocalFiles
from edged.updates.rules.ledger import Ledger, Past, Request
from edged.updates.service.control_messages import Install
from edged.updates.service.control_socket import ControlClient
from edged.updates.store.store import Store
from support.bundles import Signing, make_bundle
from support.daemon import Daemon
from support.looking import Gap, Look, Strike, Waits, gaps

EVERYTHING = "everything"
_POLL_S = 0.02
_PATIENCE_S = 100.0
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
detections_max_hz = 1000
"""
_Found = TypeVar("_Found")


class Station(Daemon):
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
        self._signing = Signing()
        self._messages = folder / "messages.jsonl"
        self._messages.touch()
        trust = folder / "trust.json"
        trust.write_bytes(self._signing.trust_envelope())
        jsonl, updates = f'[jsonl]\npath = "{self._messages}"', f'[updates]\ntrust = "{trust}"'
        super().__init__(folder, f"{jsonl}\n{updates}\n[model]\n{settings}\n{_CONFIG}")
        self.root = folder / "state" / "models"
        self.store = Store(self.root, LocalFiles())
        self.strikes: list[Strike] = []
        self.looks: list[Look] = []
        """All that was looked at since it was last emptied, as far as `watch` has read."""
        self._read_to = 0
        self._waits = Waits()

    # ---- What it is asked --------------------------------------------------------------------------------------------------

    def bundle(self, version: str, model: Path | None = None, **manifest: object) -> Path:
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
    def client(self) -> ControlClient:
        return ControlClient(self._folder / "state")

    def ask_for(self, bundle: Path) -> threading.Thread:
        """Ask for its installation, while other things happen; whoever asks may hear nothing."""
        question = Install(request=Request(source=str(bundle)))

        def ask() -> None:
            with suppress(UpdateError):
                self.client.ask(question)

        asking = threading.Thread(target=ask)
        asking.start()
        return asking

    def install(self, bundle: Path) -> Past:
        """Ask until it is heard, and wait for the outcome."""
        asking = self.ask_for(bundle)
        return self.outcome(bundle, asking)

    def outcome(
        self, bundle: Path, asking: threading.Thread, timeout_s: float = _PATIENCE_S
    ) -> Past:
        """How its installation ended. One that was asked for in vain is asked for again, as anybody would."""

        def over() -> Past | None:
            nonlocal asking
            busy = asking.is_alive()
            ledger = self.ledger()
            for past in ledger.past:
                if past.source == str(bundle):
                    return past
            if ledger.deployment is None and not busy:
                asking = self.ask_for(bundle)
            return None

        try:
            return self.until(over, timeout_s)
        finally:
            asking.join()

    def until(self, found: Callable[[], _Found | None], timeout_s: float = _PATIENCE_S) -> _Found:
        """Wait until there is something."""
        end_s = time.monotonic() + timeout_s
        while (something := found()) is None:
            assert time.monotonic() < end_s, f"not within {timeout_s:g} s; it said:\n{self.said}"
            self.watch()
            time.sleep(_POLL_S)
        return something

    def await_model(self, model: str) -> None:
        """It looks, from now on."""
        since_ns = time.monotonic_ns()
        self.until(
            lambda: (
                any(look.model == model and look.at_ns > since_ns for look in self.looks) or None
            )
        )

    # ---- What is done to it ------------------------------------------------------------------------------------------------

    def strike(self, victim: str) -> None:
        """Kill it, or all at once, by SIGKILL; a daemon that was killed is not started again."""
        present = self.present()
        deployment = self.ledger().deployment
        pids = [*present.values()] if victim == EVERYTHING else [present[victim]]
        self.strikes.append(
            Strike(victim, time.monotonic_ns(), deployment.state if deployment else "")
        )
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self.process.pid in pids:
            self.process.wait()

    def strike_any(self, chance: random.Random) -> None:
        """Kill one of those who are there, or all at once; the service manager starts the daemon again at once."""
        self.strike(chance.choice([*self.present(), EVERYTHING]))
        if self.process.poll() is not None:
            self.start()

    def start(self) -> None:
        """Start it again."""
        self.__enter__()

    def present(self) -> dict[str, int]:
        """The processes that there are: their pids, by kind."""
        found = {"daemon": self.process.pid}
        for pid in self._below(self.process.pid):
            with suppress(OSError):
                words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
                found |= {kind: pid for name, kind in _PROGRAMS.items() if name in words}
        return found

    def _lookers(self) -> list[int]:
        present = self.present()
        return [present[kind] for kind in ("daemon", "worker") if kind in present]

    def _below(self, pid: int) -> Iterator[int]:
        for child in Board().children(pid):
            yield child
            yield from self._below(child)

    # ---- What there is to see ----------------------------------------------------------------------------------------------

    def ledger(self) -> Ledger:
        """As it stands on the disk now; a `StoreError` if it is damaged."""
        return self.store.ledger()

    def leftovers(self) -> list[str]:
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

    def watch(self, until_ns: int = 0) -> None:
        """Read what it has looked at; go on until then."""
        while True:
            self._read_messages()
            self._waits.sample(self._lookers)
            left_s = (until_ns - time.monotonic_ns()) / NS_PER_S
            if left_s <= 0:
                return
            time.sleep(min(left_s, _POLL_S))

    def gaps(self) -> list[Gap]:
        """Between each two frames that were looked at."""
        return gaps(self.looks, self.strikes, self._waits)

    def _read_messages(self) -> None:
        with self._messages.open("rb") as messages:
            messages.seek(self._read_to)
            lines = messages.read().splitlines(keepends=True)
        if lines and not lines[-1].endswith(b"\n"):
            lines.pop()  # it is being written
        self._read_to += sum(map(len, lines))
        for line in lines:
            with suppress(ValueError):  # cut off by a kill
                message = json.loads(line)
                if message["topic"].endswith("/detections"):
                    payload = message["payload"]
                    self.looks.append(Look(payload["received_ns"], payload["model"]))
