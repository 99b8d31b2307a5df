"""What the subscriber has seen so far; a rule, without I/O."""

from collections import Counter, deque

from edged.demo.subscriber import Message
from edged.messaging.contract.messages import CameraState, Event, FrameDetections, Status
from edged.messaging.contract.model import ModelState

_NEWEST = 12


class Tally:
    """Counts and remembers messages."""

    def __init__(self) -> None:
        self.status = "waiting for the device"
        self.model = ""
        self.models: ModelState | None = None
        self.state: CameraState | None = None
        self.frame: FrameDetections | None = None
        self.events: deque[Event] = deque(maxlen=_NEWEST)
        """The newest."""
        self.counts: Counter[str] = Counter()
        """Events by type."""

    def take(self, message: Message) -> None:
        """One more."""
        match message:
            case Status():
                self.status = message.status
            case CameraState():
                self.state = message
            case ModelState():
                self.models = message
            case FrameDetections():
                self.frame = message
                self.model = message.model
            case Event():
                self.events.append(message)
                self.counts[message.type] += 1
                self.model = message.model

    @property
    def missing(self) -> tuple[str, ...]:
        """Which of start and end have not been seen."""
        return tuple(kind for kind in ("start", "end") if not self.counts[kind])

    def summary(self) -> str:
        """One line."""
        counted = ", ".join(f"{self.counts[kind]} {kind}" for kind in ("start", "update", "end"))
        return f"a subscriber received {counted} events"
