"""A daemon under faults: of its processes, its broker, its network and its disk."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Self

from support.broker import Broker
from support.daemon import DEVICE_NAME, DaemonProcess
from support.seq_account import read_records
from support.tcp_gate import TcpGate
from support.waiting import wait_for

_DISK_BYTES = 6 << 20
_CONFIG = """
[mqtt]
host = "127.0.0.1"
port = {port}
keepalive_s = 5
connect_timeout_s = 1
max_retry_s = 0.3
[spool]
max_mb = 1
[model]
runtime = "simulated"
[health]
interval_s = 5
[events]
update_s = 0.1
"""
_CAMERA = """
[camera.c{number}]
source = "synthetic"
width = 160
height = 120
fps = {fps}
every_s = 0.2
stay_s = 4
"""
_CAMERAS = 3
_ALLOW = "topic readwrite #\n"
_DENY = f"topic write edged/v1/{DEVICE_NAME}/up/status\ntopic read #\n"
_LONG_FREEZE_SHARE, _LONG_FREEZE_S = 0.2, 9.0
"""Longer than 1.5 keep-alives: the device gives the connection up."""
_RECORD_TIMEOUT_S = 5.0
_SPOOL_FILES = ("spool.db", "spool.db-wal", "sequence")


class FaultCampaign:
    """A daemon, its broker behind a gate, its disk, and the recorder.

    Args:
        folder: folder for all files.
        rng: decides everything that is random.
        pace: factor of all waiting times; below 1 a round is shorter, and reaches less.
    """

    def __init__(self, folder: Path, rng: random.Random, *, pace: float = 1.0) -> None:
        self._rng = rng
        self._pace = pace
        self._changed_at_s = 0.0
        self._folder = folder
        self.record_path = folder / "record.jsonl"
        self.record_path.touch()
        self._state = folder / "state"
        self._state.mkdir()
        self._is_mounted = _mount(self._state)
        self._broker = Broker(folder / "broker", acl=_ALLOW)
        self._gate = TcpGate(self._broker.port)
        config = _CONFIG.format(port=self._gate.port)
        config += "".join(
            _CAMERA.format(number=number, fps=20 + number) for number in range(_CAMERAS)
        )
        (folder / "run").mkdir()
        self._daemon = DaemonProcess(folder, config, env={"RUNTIME_DIRECTORY": str(folder / "run")})
        self.faults: list[str] = []
        """The faults so far, in order."""

    def __enter__(self) -> Self:
        self._broker.start()
        self._recorder = subprocess.Popen(
            [sys.executable, "-m", "support.message_recorder", str(self._broker.port), DEVICE_NAME,
             str(self.record_path)],
            stdout=subprocess.PIPE, cwd=Path(__file__).parents[1],
        )  # fmt: skip
        self._await_recorder()
        self._gate.open()
        self._start()
        self.await_event()
        return self

    def __exit__(self, *_: object) -> None:
        self._kill()
        self._gate.close()
        self._recorder.kill()
        self._recorder.wait()
        assert self._recorder.stdout is not None
        self._recorder.stdout.close()
        self._broker.kill()
        if self._is_mounted:
            _run("umount", "--lazy", str(self._state))

    @property
    def log_text(self) -> str:
        """Everything that the daemon has logged."""
        return self._daemon.log_text

    def run_round(self) -> None:
        """Cause one random fault, in one round of three together with a kill of the daemon, and end it after a random time."""
        name, fault = self._rng.choice(self._list_faults())
        is_killed = self._rng.random() < 1 / 3
        self.faults.append(name + " and kill -9" * is_killed)
        undo = fault()
        self._wait()
        if is_killed:
            self._kill()
            self._wait()
            self._start()
            self._wait()
        undo()
        if self._daemon.process.poll() is not None:
            self._start()
        # A daemon needs half a second to its first event.
        time.sleep(0.4 + self._rng.uniform(0, 1.2) * self._pace)

    def settle(self) -> None:
        """End in order, start again, and wait for an event of the last session: every message before it has arrived by then."""
        self._stop()
        self._start()
        self.await_event()

    def await_event(self, timeout_s: float = 400) -> None:
        """Wait for an event of the running session."""

        def has_arrived() -> bool:
            payloads = [json.loads(record["payload"]) for record in read_records(self.record_path)]
            session = self._session()
            return any(
                one["session"] == session and "edged.event/" in one["schema"] for one in payloads
            )

        wait_for(has_arrived, timeout_s=timeout_s, state=self._describe, poll_s=0.2)

    # ---- Faults: each causes one, and returns what ends it -----------------------------------------------------------------

    def _list_faults(self) -> list[tuple[str, Callable[[], Callable[[], None]]]]:
        faults = [
            ("kill -9 of the daemon", self._kill_daemon),
            ("kill -9 of a worker", self._kill_worker),
            ("a restart in order", self._restart),
            ("the broker restarts", self._restart_broker),
            ("the broker is killed", self._kill_broker),
            ("the broker is frozen", self._freeze_broker),
            ("connections break", self._cut),
            ("the broker refuses events", self._refuse),
            ("the broker has a size limit", self._limit_size),
            ("spool files are damaged", self._damage_spool),
            ("spool files are gone", self._remove_spool),
            ("an old copy of a spool file comes back", self._restore_spool),
        ]
        if self._is_mounted:
            faults += [
                ("the disk is full", self._fill_disk),
                ("the disk is read-only", self._lock_disk),
            ]
        return faults

    def _kill_daemon(self) -> Callable[[], None]:
        self._kill()
        return self._start

    def _kill_worker(self) -> Callable[[], None]:
        with suppress(OSError):
            for pid in self._daemon.worker_pids():
                os.kill(pid, signal.SIGKILL)
        return _nothing

    def _restart(self) -> Callable[[], None]:
        self._stop()
        return self._start

    def _restart_broker(self) -> Callable[[], None]:
        self._close_gate()
        self._broker.stop()
        return self._start_broker

    def _kill_broker(self) -> Callable[[], None]:
        self._broker.kill()
        self._gate.close()
        return self._start_broker

    def _freeze_broker(self) -> Callable[[], None]:
        self._broker.freeze()
        if self._rng.random() < _LONG_FREEZE_SHARE:
            time.sleep(_LONG_FREEZE_S * self._pace)
        return self._broker.thaw

    def _cut(self) -> Callable[[], None]:
        self._gate.cut()
        return _nothing

    def _refuse(self) -> Callable[[], None]:
        self._broker.set_acl(_DENY)
        return lambda: self._broker.set_acl(_ALLOW)

    def _limit_size(self) -> Callable[[], None]:
        option = self._rng.choice(["max_packet_size", "message_size_limit"])
        self._reconfigure_broker(f"{option} {self._rng.randrange(450, 3000)}")
        return lambda: self._reconfigure_broker("")

    def _damage_spool(self) -> Callable[[], None]:
        return self._change_spool(self._flip_bits)

    def _remove_spool(self) -> Callable[[], None]:
        return self._change_spool(self._rng.choice([_remove, _empty, _make_folder]))

    def _restore_spool(self) -> Callable[[], None]:
        """Exchange one of the spool's files for its state of a moment ago; the other goes on."""
        path = self._state / "spool" / self._rng.choice(_SPOOL_FILES)
        copy = self._folder / "copy"
        with suppress(OSError):
            copy.write_bytes(path.read_bytes())
            time.sleep(0.5 + self._pace)

            def restore(_: Path) -> None:
                path.write_bytes(copy.read_bytes())

            return self._change_spool(restore)
        return _nothing

    def _change_spool(self, change: Callable[[Path], None]) -> Callable[[], None]:
        """Change one of the spool's files while the daemon does not run.

        A run must have opened the spool since the last change: what two changes destroy together, nothing can name.
        """
        if not self._await_record():
            return _nothing
        self._rng.choice([self._kill, self._stop])()
        files = [self._state / "spool" / name for name in _SPOOL_FILES]
        present = [path for path in files if path.is_file()]
        if present:
            change(self._rng.choice(present))
        self._changed_at_s = time.time()
        return self._start

    def _await_record(self) -> bool:
        """Wait until a run has written the record of the numbers since the last change; return False if none does."""
        path = self._state / "spool" / "sequence"
        deadline_s = time.monotonic() + _RECORD_TIMEOUT_S
        while time.monotonic() < deadline_s:
            with suppress(OSError):
                if path.stat().st_mtime > self._changed_at_s:
                    return True
            time.sleep(0.05)
        return False

    def _flip_bits(self, path: Path) -> None:
        content = bytearray(path.read_bytes())
        for _ in range(self._rng.randrange(1, 20)):
            if content:
                content[self._rng.randrange(len(content))] ^= 1 << self._rng.randrange(8)
        path.write_bytes(content)

    def _fill_disk(self) -> Callable[[], None]:
        filler = self._state / "filler"
        with suppress(OSError), filler.open("wb", buffering=0) as file:
            for piece in (1 << 16, 1 << 12, 1):
                with suppress(OSError):
                    while file.write(bytes(piece)) == piece:
                        pass
        return lambda: filler.unlink(missing_ok=True)

    def _lock_disk(self) -> Callable[[], None]:
        # A file system with files open for writing is not remounted read-only while the daemon runs: the disk's own fault does it.
        self._kill()
        _remount(self._state, "ro")
        self._start()

        def unlock() -> None:
            _remount(self._state, "rw")

        return unlock

    # ---- Processes -----------------------------------------------------------------------------------------------------------

    def _start(self) -> None:
        if not hasattr(self._daemon, "process") or self._daemon.process.poll() is not None:
            self._daemon.__enter__()

    def _kill(self) -> None:
        self._daemon.process.kill()
        self._daemon.process.wait()

    def _stop(self) -> None:
        self._daemon.process.terminate()
        try:
            self._daemon.process.wait(20)
        except subprocess.TimeoutExpired:
            self._kill()

    def _start_broker(self) -> None:
        self._broker.start()
        self._await_recorder()
        self._gate.open()

    def _reconfigure_broker(self, option: str) -> None:
        self._close_gate()
        self._broker.stop()
        self._broker.set_options(option)
        self._start_broker()

    def _close_gate(self) -> None:
        """Close the gate, and let the recorder read what the broker has sent it."""
        self._gate.close()
        time.sleep(0.05)

    def _await_recorder(self) -> None:
        """Wait until the recorder has subscribed again: what is published before that is not recorded."""
        assert self._recorder.stdout is not None
        while self._recorder.stdout.readline().strip() != b"subscribed":
            assert self._recorder.poll() is None, "the recorder ended"

    def _wait(self) -> None:
        time.sleep(0.05 + self._rng.uniform(0, 0.45) * self._pace)

    def _session(self) -> str:
        with suppress(OSError, ValueError):
            session: str = json.loads((self._folder / "run" / "health.json").read_bytes())[
                "session"
            ]
            return session
        return ""

    def _describe(self) -> str:
        return "\n".join([*self.faults[-5:], self.log_text[-4000:]])


def _mount(folder: Path) -> bool:
    """Mount a small file system; return False where that is not allowed."""
    if os.geteuid() != 0:
        return False
    return _run("mount", "-t", "tmpfs", "-o", f"size={_DISK_BYTES}", "tmpfs", str(folder))


def _remount(folder: Path, option: str) -> None:
    assert _run("mount", "-o", f"remount,{option}", str(folder)), f"cannot remount {folder}"


def _run(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _remove(path: Path) -> None:
    path.unlink()


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _make_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _nothing() -> None:
    pass
