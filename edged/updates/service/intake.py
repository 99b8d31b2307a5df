"""The sources of updates that need no command: the update channel on MQTT, and the drop folder.

The topic of the channel is retained, so an old message can come again. A message is not verified here, but in the installer.
"""

import logging

from edged.clock import NS_PER_S, Clock
from edged.config.settings import UpdateSettings
from edged.messaging.contract.model import ChannelState
from edged.updates.rules.desired import is_stale
from edged.updates.rules.ledger import DeploymentRequest, Ledger
from edged.updates.service.drop_folder import DropFolder

_log = logging.getLogger(__name__)
MAX_MESSAGE_BYTES = 65_536


class UpdateChannel:
    """Keeps the latest message until it is read, and measures the time since the last new one."""

    def __init__(self, clock: Clock) -> None:
        """Start without a message.

        Args:
            clock: the clock of durations.
        """
        self._clock = clock
        self._pending_message: bytes | None = None
        self._last_message: bytes | None = None
        """The message that was taken last; the same one again is not new."""
        self._retry_due_ns: int | None = None
        self._sequence = 0
        self._refresh_h = 0.0
        self._last_update_ns = clock.monotonic_ns()

    def receive(self, envelope: bytes) -> None:
        """Keep a message, unless it is empty, too large, or not new."""
        if len(envelope) > MAX_MESSAGE_BYTES:
            _log.warning(
                "a message of %d bytes on the update channel is ignored: %d bytes are allowed",
                len(envelope),
                MAX_MESSAGE_BYTES,
            )
        elif envelope and envelope != self._last_message:
            self._pending_message = envelope

    def take_message(self) -> bytes | None:
        """Return the latest message that was not read yet, or that is to be read again now; None if there is none."""
        now_ns = self._clock.monotonic_ns()
        if self._pending_message is not None:
            self._last_message, self._pending_message = self._pending_message, None
        elif self._retry_due_ns is None or now_ns < self._retry_due_ns:
            return None
        self._retry_due_ns = None
        return self._last_message

    def retry_after(self, pause_s: float) -> None:
        """Read the message that was taken last again after a pause: the disk or the trust file may be repaired by then."""
        self._retry_due_ns = self._clock.monotonic_ns() + int(pause_s * NS_PER_S)

    def record_followed(self, sequence: int, refresh_h: float) -> None:
        """Note the sequence of the latest message that was followed, and within how many hours it promised the next one."""
        if sequence > self._sequence:
            self._sequence, self._refresh_h = sequence, refresh_h
            self._last_update_ns = self._clock.monotonic_ns()

    def state(self, settings: UpdateSettings) -> ChannelState | None:
        """Return the state for `up/model`; None if the device follows no channel."""
        if not settings.channel:
            return None
        age_s = (self._clock.monotonic_ns() - self._last_update_ns) / NS_PER_S
        return ChannelState(
            sequence=self._sequence,
            stale=is_stale(age_s, stale_h=settings.stale_h, refresh_h=self._refresh_h),
            age_s=age_s // 3600 * 3600,
        )


CHANNEL_RETRY_S = 300.0
_DROP_FOLDER_POLL_S = 2.0
_SETTLE_S = 0.5
"""A file that did not change for so long is not being written; one that is written more slowly is recognised by its end."""


class Intake:
    """Turns channel messages and dropped bundles into work for the installer, one after the other."""

    def __init__(self, drop_folder: DropFolder, clock: Clock) -> None:
        """Start without anything to install.

        Args:
            drop_folder: the folder in which bundles appear.
            clock: the clock of pauses.
        """
        self._drop_folder = drop_folder
        self._channel = UpdateChannel(clock)
        self._clock = clock
        self._poll_due_ns = 0

    def receive(self, envelope: bytes) -> None:
        """Keep a message of the update channel, not verified yet."""
        self._channel.receive(envelope)

    def take_next(self) -> bytes | DeploymentRequest | None:
        """Return a message of the channel, otherwise a request for a dropped bundle; None if there is neither."""
        message = self._channel.take_message()
        if message is not None:
            return message
        now_ns = self._clock.monotonic_ns()
        if now_ns < self._poll_due_ns:
            return None
        bundle = self._drop_folder.take_next_bundle()
        pause_s = _SETTLE_S if self._drop_folder.is_settling else _DROP_FOLDER_POLL_S
        self._poll_due_ns = now_ns + int(pause_s * NS_PER_S)
        if bundle is None:
            return None
        return DeploymentRequest(source=str(bundle), requested_by="drop-folder")

    def retry_message(self) -> None:
        """Give the last message of the channel again, because its installer was stopped."""
        self._channel.retry_after(0.0)

    def finish_message(self, error: str) -> str | None:
        """Give the last message again after a pause if `error` is not empty; return why it is not followed, or None."""
        if not error:
            return None
        self._channel.retry_after(CHANNEL_RETRY_S)
        return f"the desired state on the update channel is not followed: {error}"

    def follow_ledger(self, ledger: Ledger) -> None:
        """Note which message the ledger followed last."""
        self._channel.record_followed(ledger.sequence, ledger.refresh_h)

    def remove_bundle(self, source: str) -> None:
        """Remove the bundle of a deployment that has ended, if it came from the drop folder."""
        self._drop_folder.remove_bundle(source)

    @property
    def folder_problem(self) -> str | None:
        """What in the drop folder cannot be installed, and why; None if everything can."""
        return self._drop_folder.problem

    def channel_state(self, settings: UpdateSettings) -> ChannelState | None:
        """Return the state of the channel for `up/model`; None if the device follows no channel."""
        return self._channel.state(settings)

    def find_channel_silence(self, settings: UpdateSettings) -> str | None:
        """Return why the channel is stale; None if it is not."""
        state = self._channel.state(settings)
        if state is None or not state.stale:
            return None
        return (
            f"no new message on the update channel for {state.age_s / 3600:.0f} h:"
            " the channel is not renewed, or its messages are withheld"
        )
