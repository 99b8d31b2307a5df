"""The update channel on MQTT: its latest message, and how long ago the last new one came.

The topic is retained, so an old message can come again. A message is not verified here, but in the installer.
"""

import logging

from edged.clock import NS_PER_S, Clock
from edged.config.settings import UpdateSettings
from edged.errors import BundleError
from edged.messaging.contract.model import ChannelState
from edged.updates.bundle.envelope import decode_envelope
from edged.updates.rules.desired import decode_desired, is_stale
from edged.updates.rules.ledger import Ledger

_log = logging.getLogger(__name__)
MAX_MESSAGE_BYTES = 65_536
CHANNEL_RETRY_S = 300.0


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
        self._is_install_requested = False
        self._offered = ""
        self._sequence = 0
        self._refresh_h = 0.0
        self._last_update_ns = clock.monotonic_ns()
        self.problem: str | None = None
        """Why the last message is not followed, in words; None if it is."""

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
            self._offered = _read_title(envelope)

    def request_install(self) -> str | None:
        """Follow the latest message now, although it was followed before, or waits for a request; return why there is nothing to follow."""
        if self._pending_message is None and self._last_message is None:
            return "the update channel has offered no version since the daemon's start"
        self._is_install_requested = True
        if self._pending_message is None:
            self.give_again()
        return None

    def take_message(self, *, is_on_request: bool = False) -> bytes | None:
        """Return the latest message that was not read yet, or that is to be read again now; None if there is none.

        Args:
            is_on_request: True to return none before `request_install`.
        """
        now_ns = self._clock.monotonic_ns()
        if is_on_request and not self._is_install_requested:
            return None
        if self._pending_message is not None:
            self._last_message, self._pending_message = self._pending_message, None
        elif self._retry_due_ns is None or now_ns < self._retry_due_ns:
            return None
        self._retry_due_ns = None
        self._is_install_requested = False
        return self._last_message

    def give_again(self) -> None:
        """Give the last message again at once, because its installer was stopped."""
        self._retry_after(0.0)

    def finish_message(self, error: str) -> None:
        """Note how reading the last message ended; `error` says why it is not followed, and is empty if it is.

        The message is given again after a pause then: the disk or the trust file may be repaired by then.
        """
        self.problem = None
        if error:
            self._retry_after(CHANNEL_RETRY_S)
            self.problem = f"the desired state on the update channel is not followed: {error}"

    def follow_ledger(self, ledger: Ledger) -> None:
        """Note the sequence of the latest message that was followed, and within how many hours it promised the next one."""
        if ledger.sequence > self._sequence:
            self._sequence, self._refresh_h = ledger.sequence, ledger.refresh_h
            self._last_update_ns = self._clock.monotonic_ns()

    def state(self, settings: UpdateSettings) -> ChannelState | None:
        """Return the state for `up/model`; None if the device follows no channel."""
        if not settings.channel:
            return None
        age_s = (self._clock.monotonic_ns() - self._last_update_ns) / NS_PER_S
        return ChannelState(
            sequence=self._sequence,
            offered=self._offered,
            stale=is_stale(age_s, stale_h=settings.stale_h, refresh_h=self._refresh_h),
            age_s=age_s // 3600 * 3600,
        )

    def find_silence(self, settings: UpdateSettings) -> str | None:
        """Return why the channel is stale; None if it is not."""
        state = self.state(settings)
        if state is None or not state.stale:
            return None
        return (
            f"no new message on the update channel for {state.age_s / 3600:.0f} h:"
            " the channel is not renewed, or its messages are withheld"
        )

    def _retry_after(self, pause_s: float) -> None:
        self._retry_due_ns = self._clock.monotonic_ns() + int(pause_s * NS_PER_S)


def _read_title(envelope: bytes) -> str:
    """Return the name and version in a message whose signatures are not verified yet; "" if it cannot be read."""
    try:
        return decode_desired(decode_envelope(envelope).payload).title
    except BundleError:
        return ""
