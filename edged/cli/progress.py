"""A progress bar: one line on a terminal, and nothing elsewhere."""

import shutil
from types import TracebackType
from typing import Self, TextIO

from edged.terminal.escape import one_line
from edged.terminal.safe_stream import raw_stream

_BAR_WIDTH = 20


class ProgressBar:
    """A progress bar, as a context manager that clears it at the end."""

    def __init__(self, out: TextIO) -> None:
        self._out = raw_stream(out) if out.isatty() else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.clear()

    def show(self, text: str, fraction: float) -> None:
        """Replace the text and the fraction, 0..1, that is done."""
        if self._out is None:
            return
        done = round(min(max(fraction, 0.0), 1.0) * _BAR_WIDTH)
        line = f"[{'#' * done}{'.' * (_BAR_WIDTH - done)}] {fraction:4.0%} {text}"
        width = shutil.get_terminal_size().columns - 1
        self._out.write(f"\r\x1b[K{one_line(line)[:width]}")
        self._out.flush()

    def clear(self) -> None:
        """Clear the line."""
        if self._out is not None:
            self._out.write("\r\x1b[K")
            self._out.flush()
