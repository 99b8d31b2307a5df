"""What the subscriber receives, for people: a live picture on a terminal, plain lines elsewhere."""

import sys
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Protocol, TextIO

from edged.demo import update
from edged.demo.state import DemoState
from edged.demo.subscriber import Message
from edged.messaging.contract.messages import Event
from edged.messaging.contract.model import ModelState

if TYPE_CHECKING:
    from rich.console import Group

_REFRESH_HZ = 8


class DemoView(Protocol):
    """Shows a tally."""

    def activate(self) -> AbstractContextManager[object]:
        """The screen is ours inside."""

    def update(self, message: Message, demo_state: DemoState) -> None:
        """`message` has just been taken into `demo_state`."""

    def announce(self, text: str) -> None:
        """Something happens now."""


def make_view(out: TextIO = sys.stdout) -> DemoView:
    """The view that suits where the output goes."""
    return LiveView() if out.isatty() else LineView(out)


class LineView:
    """A line an event."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._last_model_line = ""

    def activate(self) -> AbstractContextManager[object]:
        """See `View`."""
        return nullcontext()

    def update(self, message: Message, demo_state: DemoState) -> None:
        """See `View`."""
        if isinstance(message, Event):
            print(format_event(demo_state.events[-1]), file=self._out, flush=True)
        elif (
            isinstance(message, ModelState)
            and (words := update.format_model_state(message)) != self._last_model_line
        ):
            self._last_model_line = words
            self.announce(words)

    def announce(self, text: str) -> None:
        """See `View`."""
        print(f"* {text}", file=self._out, flush=True)


class LiveView:
    """The scene now, and the newest events under it."""

    def __init__(self) -> None:
        from rich.live import Live

        self._live = Live(refresh_per_second=_REFRESH_HZ)
        self._announcement = ""

    def activate(self) -> AbstractContextManager[object]:
        """See `View`."""
        return self._live

    def update(self, message: Message, demo_state: DemoState) -> None:
        """See `View`."""
        del message
        self._live.update(_render(demo_state, self._announcement))

    def announce(self, text: str) -> None:
        """See `View`."""
        self._announcement = text


def format_event(event: Event) -> str:
    """One event as text."""
    kind = {"start": "+ start ", "update": "~ update", "end": "- end   "}[event.type]
    x1, y1, x2, y2 = event.box
    where = f"x {x1:.2f}-{x2:.2f}  y {y1:.2f}-{y2:.2f}"
    zones = f"  in {', '.join(event.zones)}" if event.zones else ""
    return (
        f"{event.time[11:23]}  {kind}  {event.label:<20} {event.score:.2f}  {where}"
        f"  {event.duration_s:5.1f} s  #{event.id.rpartition('-')[2]}{zones}"
    )


def _render(demo_state: DemoState, announcement: str) -> "Group":
    from rich.console import Group
    from rich.panel import Panel
    from rich.text import Text

    state, frame = demo_state.camera_state, demo_state.frame_detections
    now = ", ".join(f"{n} {label}" for label, n in state.counts.items()) if state else ""
    boxes = "\n".join(
        f"  {d.label:<20} {d.score:.2f}  " + " ".join(f"{v:.2f}" for v in d.box)
        for d in (frame.detections if frame else ())
    )
    styles = {"start": "green", "update": "dim", "end": "red"}
    told = Text("\n").join(Text(format_event(e), style=styles[e.type]) for e in demo_state.events)
    models = update.format_model_state(demo_state.model_state) if demo_state.model_state else ""
    about = (
        [Panel("\n".join(filter(None, (announcement, models))), title="up/model")]
        if announcement
        else []
    )
    return Group(
        *about,
        Panel(
            f"there now: {now or 'nothing'}\n{boxes}",
            title=f"edged · {demo_state.status} · {demo_state.model}",
        ),
        Panel(told, title=f"events over MQTT · {demo_state.format_summary()}"),
    )
