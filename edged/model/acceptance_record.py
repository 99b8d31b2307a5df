"""Remembers which models were accepted on this device, so that the daemon's start need not test the same file again.

An acceptance holds for one file on one runtime as it runs here: the sha256 of the model, the version of edged, the runtime with its version, how much of the
graph the CPU's delegate took, and the settings that change the outputs. If one of them is another, the model is tested. Losing the file costs one test.
"""

import hashlib
import threading
from contextlib import suppress
from pathlib import Path

import msgspec

import edged
from edged.config.codec import encode_path
from edged.model.load import Model

_MAX_ENTRIES = 8
_READ_TIMEOUT_S = 0.1
"""A disk that is silent for longer must not hold up a worker, which can test the model meanwhile."""


class AcceptanceRecord:
    """The entries of one file; used by one thread."""

    def __init__(self, path: Path) -> None:
        """Read nothing yet: `has` does.

        Args:
            path: the file, a line an entry; it need not exist.
        """
        self._path = path
        self._entries: list[str] = []

    def has(self, model: Model) -> bool:
        """Return whether this model was accepted before; False if the file cannot be read in time."""
        reader = threading.Thread(target=self._read, daemon=True)
        reader.start()
        reader.join(_READ_TIMEOUT_S)
        return make_entry(model) in self._entries

    def add(self, model: Model) -> None:
        """Note that a model was accepted, in a thread of its own; a failure to write costs the next start a test."""
        entry = make_entry(model)
        entries = [entry, *(one for one in self._entries if one != entry)][:_MAX_ENTRIES]
        content = "".join(f"{one}\n" for one in entries)
        threading.Thread(target=self._write, args=(content,), daemon=True).start()

    def _read(self) -> None:
        with suppress(OSError, ValueError):
            self._entries = self._path.read_text("ascii").split()

    def _write(self, content: str) -> None:
        """Write the file in place, without a sync: half of an entry is none, and a process that is killed leaves no other file behind."""
        with suppress(OSError):
            self._path.write_text(content, "ascii")


def make_entry(model: Model) -> str:
    """Return the entry of a model as it is loaded: a sha256, as 64 hex digits."""
    settings = model.settings
    depends_on = (
        edged.__version__,
        model.sha256,
        model.interpreter.runtime,
        model.interpreter.delegate,
        model.family.name,
        model.labels,
        settings.threads,
        settings.custom_ops,
    )
    return hashlib.sha256(msgspec.json.encode(depends_on, enc_hook=encode_path)).hexdigest()
