"""One device, as its messages show it. Pure."""

from typing import TypeVar

from edged.client.sequence import ReceivedNumbers
from edged.messaging.contract.commands import CameraSwitches
from edged.messaging.contract.device import DeviceHealth, DeviceInfo
from edged.messaging.contract.header import Header
from edged.messaging.contract.messages import CameraState, Event, OnlineStatus
from edged.messaging.contract.model import ModelState

_MessageT = TypeVar("_MessageT", bound=Header)


class RemoteDevice:
    """The latest messages of one device.

    Attributes:
        name: name of the device.
        status: its latest status, late wills left out; None before the first.
        latest: its latest retained messages, by the part of the topic after ``up/``.
        objects: the latest event of each object that has not ended, by the object's id.
        numbers: its sequence numbers.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.status: OnlineStatus | None = None
        self.latest: dict[str, Header] = {}
        self.objects: dict[str, Event] = {}
        self.numbers = ReceivedNumbers()
        self._online_session: str | None = None

    @property
    def is_online(self) -> bool:
        """True if the device says that it runs."""
        return self.status is not None and self.status.status == "online"

    @property
    def info(self) -> DeviceInfo | None:
        """The latest description of the device."""
        return self._find("info", DeviceInfo)

    @property
    def health(self) -> DeviceHealth | None:
        """The latest health; see `is_current`."""
        return self._find("health", DeviceHealth)

    @property
    def model(self) -> ModelState | None:
        """The latest state of its models."""
        return self._find("model", ModelState)

    @property
    def cameras(self) -> dict[str, CameraState]:
        """The latest states of its cameras, by the camera's name; see `is_current`."""
        return {
            state.camera: state for state in self.latest.values() if isinstance(state, CameraState)
        }

    @property
    def switches(self) -> dict[str, CameraSwitches]:
        """The latest state of what commands can switch, by the camera's name."""
        messages = self.latest.values()
        return {one.camera: one for one in messages if isinstance(one, CameraSwitches)}

    def is_current(self, message: Header) -> bool:
        """Return whether a retained message can be believed: the device is online, in the session that wrote it.

        After a crash the broker still has the messages from before.
        """
        return self.is_online and self.status is not None and message.session == self.status.session

    def is_late_will(self, message: Header) -> bool:
        """Return whether a message is the last will of a session before the present one."""
        return (
            isinstance(message, OnlineStatus)
            and message.status == "offline"
            and self._online_session is not None
            and message.session != self._online_session
        )

    def update(self, leaf: str, message: Header, *, is_retained: bool) -> None:
        """Take a message that is neither a duplicate nor a late will.

        Args:
            leaf: the part of its topic after ``up/``.
            message: the payload.
            is_retained: whether the broker keeps messages on this topic.
        """
        if is_retained:
            self.latest[leaf] = message
        match message:
            case OnlineStatus():
                self._set_status(message)
            case Event(type="end"):
                self.objects.pop(message.id, None)
            case Event():
                self.objects[message.id] = message

    def remove(self, leaf: str) -> None:
        """Forget a retained message that was deleted."""
        self.latest.pop(leaf, None)

    def _set_status(self, status: OnlineStatus) -> None:
        self.status = status
        if status.status == "online":
            self._online_session = status.session
            # A daemon that is killed sends no end events: a new session ends all objects of older ones.
            self.objects = {
                id_: event for id_, event in self.objects.items() if event.session == status.session
            }

    def _find(self, leaf: str, kind: type[_MessageT]) -> _MessageT | None:
        message = self.latest.get(leaf)
        return message if isinstance(message, kind) else None
