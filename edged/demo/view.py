"""Views of the messages that the subscriber receives: a live screen on a terminal, plain lines elsewhere."""

import sys
from contextlib import AbstractContextManager, nullcontext
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TextIO

from edged.demo.state import DemoState
from edged.demo.subscriber import Message
from edged.demo.update import format_model_state
from edged.errors import EdgedError
from edged.messaging.contract.messages import Event
from edged.messaging.contract.model import ModelState
from edged.terminal.escape import one_line

if TYPE_CHECKING:
    from rich.console import Group

_REFRESH_HZ = 8
_PICTURE_COLUMNS = 112


class DemoView(Protocol):
    """Shows messages."""

    def activate(self) -> AbstractContextManager[object]:
        """Return a context manager inside which the view uses the screen."""

    def update(self, message: Message, demo_state: DemoState) -> None:
        """Show a message that `demo_state` has just taken."""

    def announce(self, text: str) -> None:
        """Show a text on what happens now."""


def make_view(out: TextIO | None = None, *, picture: Path | None = None) -> DemoView:
    """Return a live view for a terminal or a picture, otherwise a view of plain lines; `out` is the standard output if not given."""
    out = out or sys.stdout
    return LiveView(picture) if picture or out.isatty() else LineView(out)


class LineView:
    """A view that prints one line for each event."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._last_model_line: str | None = None

    def activate(self) -> AbstractContextManager[object]:
        """Return a context manager that does nothing."""
        return nullcontext()

    def update(self, message: Message, demo_state: DemoState) -> None:
        """Print an event, or the state of the models if it has changed."""
        if isinstance(message, Event):
            print(format_event(demo_state.events[-1]), file=self._out, flush=True)
        elif isinstance(message, ModelState):
            line = format_model_state(message)
            if line != self._last_model_line:
                self._last_model_line = line
                self.announce(line)

    def announce(self, text: str) -> None:
        """Print a text on what happens now."""
        print(one_line(f"* {text}"), file=self._out, flush=True)


class LiveView:
    """A view of the current scene, and the latest events below it."""

    def __init__(self, picture: Path | None = None) -> None:
        """Show nothing yet; with `picture`, write the screen as of the last `end` event to that file, as SVG."""
        from rich.live import Live

        from edged.terminal.rich_console import SafeConsole

        self._live = Live(console=SafeConsole(), refresh_per_second=_REFRESH_HZ)
        self._announcement: str | None = None
        self._picture = picture

    def activate(self) -> AbstractContextManager[object]:
        """Return the context manager of the live screen."""
        return self._live

    def update(self, message: Message, demo_state: DemoState) -> None:
        """Redraw the screen."""
        screen = _render(demo_state, self._announcement)
        self._live.update(screen)
        if self._picture is not None and isinstance(message, Event) and message.type == "end":
            _write_svg(screen, self._picture)

    def announce(self, text: str) -> None:
        """Show a text above the scene, from the next message on."""
        self._announcement = text


def format_event(event: Event) -> str:
    """Format an event as one line."""
    kind = {"start": "+ start ", "update": "~ update", "end": "- end   "}[event.type]
    x1, y1, x2, y2 = event.box
    where = f"x {x1:.2f}-{x2:.2f}  y {y1:.2f}-{y2:.2f}"
    zones = f"  in {', '.join(event.zones)}" if event.zones else ""
    return one_line(
        f"{event.time[11:23]}  {kind}  {event.label:<20} {event.score:.2f}  {where}"
        f"  {event.duration_s:5.1f} s  #{event.id.rpartition('-')[2]}{zones}"
    )


def _write_svg(screen: "Group", path: Path) -> None:
    from rich.console import Console

    console = Console(record=True, width=_PICTURE_COLUMNS, file=StringIO())
    console.print(screen)
    try:
        console.save_svg(str(path), title="edged demo")
    except OSError as error:
        raise EdgedError(f"cannot write {path}: {error.strerror}") from error


def _render(demo_state: DemoState, announcement: str | None) -> "Group":
    from rich.console import Group
    from rich.panel import Panel
    from rich.text import Text

    styles = {"start": "green", "update": "dim", "end": "red"}
    events = [Text(format_event(event), style=styles[event.type]) for event in demo_state.events]
    title = one_line(f"edged · {demo_state.status} · {demo_state.model or 'no model yet'}")
    panels = [
        Panel(Text(_format_scene(demo_state)), title=Text(title)),
        Panel(Text("\n").join(events), title=f"events over MQTT · {demo_state.format_summary()}"),
    ]
    if announcement:
        state = demo_state.model_state
        lines = [announcement, *([format_model_state(state)] if state else [])]
        text = Text("\n".join(map(one_line, lines)))
        panels.insert(0, Panel(text, title="up/model"))
    return Group(*panels)


def _format_scene(demo_state: DemoState) -> str:
    """Format the objects in view, and the detections of the latest frame."""
    state, frame = demo_state.camera_state, demo_state.frame_detections
    counts = ", ".join(f"{n} {label}" for label, n in state.counts.items()) if state else ""
    boxes = "\n".join(
        one_line(f"  {d.label:<20} {d.score:.2f}  " + " ".join(f"{v:.2f}" for v in d.box))
        for d in (frame.detections if frame else ())
    )
    return one_line(f"in view: {counts or 'nothing'}") + f"\n{boxes}"
