"""The messages that the subscriber has received so far. Pure."""

from collections import Counter, deque

from edged.demo.subscriber import Message
from edged.messaging.contract.messages import CameraState, Event, FrameDetections, OnlineStatus
from edged.messaging.contract.model import ModelState

_MAX_EVENTS = 12


class DemoState:
    """The latest messages, and counts of events."""

    def __init__(self) -> None:
        self.status = "waiting for the device"
        self.model: str | None = None
        """The model of the latest detections or event."""
        self.model_state: ModelState | None = None
        self.camera_state: CameraState | None = None
        self.frame_detections: FrameDetections | None = None
        self.events: deque[Event] = deque(maxlen=_MAX_EVENTS)
        """The latest events."""
        self.counts: Counter[str] = Counter()
        """Number of events by type."""

    def update(self, message: Message) -> None:
        """Take one more message."""
        match message:
            case OnlineStatus():
                self.status = message.status
            case CameraState():
                self.camera_state = message
            case ModelState():
                self.model_state = message
            case FrameDetections():
                self.frame_detections = message
                self.model = message.model
            case Event():
                self.events.append(message)
                self.counts[message.type] += 1
                self.model = message.model

    @property
    def missing_event_types(self) -> tuple[str, ...]:
        """The event types, of start and end, that have not arrived."""
        return tuple(kind for kind in ("start", "end") if not self.counts[kind])

    def format_summary(self) -> str:
        """Format the counts of events in one line."""
        counted = ", ".join(f"{self.counts[kind]} {kind}" for kind in ("start", "update", "end"))
        return f"a subscriber received {counted} events"
