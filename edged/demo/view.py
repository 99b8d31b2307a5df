"""What the subscriber receives, for people: a live picture on a terminal, plain lines elsewhere."""

import sys
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Protocol, TextIO

from edged.demo import update
from edged.demo.subscriber import Message
from edged.demo.tally import Tally
from edged.messaging.contract.messages import Event
from edged.messaging.contract.model import ModelState

if TYPE_CHECKING:
    from rich.console import Group

_REFRESH_HZ = 8


class View(Protocol):
    """Shows a tally."""

    def running(self) -> AbstractContextManager[object]:
        """The screen is ours inside."""

    def show(self, message: Message, tally: Tally) -> None:
        """`message` has just been taken into `tally`."""

    def say(self, words: str) -> None:
        """Something happens now."""


def choose(out: TextIO = sys.stdout) -> View:
    """The view that suits where the output goes."""
    return LiveView() if out.isatty() else Lines(out)


class Lines:
    """A line an event."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._model = ""

    def running(self) -> AbstractContextManager[object]:
        """See `View`."""
        return nullcontext()

    def show(self, message: Message, tally: Tally) -> None:
        """See `View`."""
        if isinstance(message, Event):
            print(line(tally.events[-1]), file=self._out, flush=True)
        elif isinstance(message, ModelState) and (words := update.line(message)) != self._model:
            self._model = words
            self.say(words)

    def say(self, words: str) -> None:
        """See `View`."""
        print(f"* {words}", file=self._out, flush=True)


class LiveView:
    """The scene now, and the newest events under it."""

    def __init__(self) -> None:
        from rich.live import Live

        self._live = Live(refresh_per_second=_REFRESH_HZ)
        self._words = ""

    def running(self) -> AbstractContextManager[object]:
        """See `View`."""
        return self._live

    def show(self, message: Message, tally: Tally) -> None:
        """See `View`."""
        del message
        self._live.update(_picture(tally, self._words))

    def say(self, words: str) -> None:
        """See `View`."""
        self._words = words


def line(event: Event) -> str:
    """One event as text."""
    kind = {"start": "+ start ", "update": "~ update", "end": "- end   "}[event.type]
    x1, y1, x2, y2 = event.box
    where = f"x {x1:.2f}-{x2:.2f}  y {y1:.2f}-{y2:.2f}"
    zones = f"  in {', '.join(event.zones)}" if event.zones else ""
    return (
        f"{event.time[11:23]}  {kind}  {event.label:<20} {event.score:.2f}  {where}"
        f"  {event.duration_s:5.1f} s  #{event.id.rpartition('-')[2]}{zones}"
    )


def _picture(tally: Tally, words: str) -> "Group":
    from rich.console import Group
    from rich.panel import Panel
    from rich.text import Text

    state, frame = tally.state, tally.frame
    now = ", ".join(f"{n} {label}" for label, n in state.counts.items()) if state else ""
    boxes = "\n".join(
        f"  {d.label:<20} {d.score:.2f}  " + " ".join(f"{v:.2f}" for v in d.box)
        for d in (frame.detections if frame else ())
    )
    styles = {"start": "green", "update": "dim", "end": "red"}
    told = Text("\n").join(Text(line(e), style=styles[e.type]) for e in tally.events)
    models = update.line(tally.models) if tally.models else ""
    about = [Panel("\n".join(filter(None, (words, models))), title="up/model")] if words else []
    return Group(
        *about,
        Panel(
            f"there now: {now or 'nothing'}\n{boxes}",
            title=f"edged · {tally.status} · {tally.model}",
        ),
        Panel(told, title=f"events over MQTT · {tally.summary()}"),
    )
