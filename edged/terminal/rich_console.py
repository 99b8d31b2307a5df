"""A console of the library rich that shows no control character of the texts it is given."""

import sys
from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.segment import Segment

from edged.terminal.escape import escape_text
from edged.terminal.safe_stream import raw_stream


class SafeConsole(Console):
    """A console on standard output or standard error; only rich's own sequences reach the terminal."""

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(file=raw_stream(sys.stderr if stderr else sys.stdout))

    def render(self, renderable: Any, options: Any = None) -> Iterable[Segment]:
        """Render as rich does, and escape the text of every segment."""
        for segment in super().render(renderable, options):
            if segment.control:
                yield segment
            else:
                yield Segment(escape_text(segment.text, self.encoding), segment.style)
