"""The sources of updates that need no command: the update channel and the drop folder."""

from edged.clock import NS_PER_S, Clock
from edged.config.settings import UpdateSettings
from edged.messaging.contract.model import ChannelState
from edged.updates.rules.ledger import DeploymentRequest, Ledger
from edged.updates.service.channel import UpdateChannel
from edged.updates.service.drop_folder import DropFolder

CHANNEL_RETRY_S = 300.0
_DROP_FOLDER_POLL_S = 2.0


class Intake:
    """Turns channel messages and dropped bundles into work for the installer, one after the other."""

    def __init__(self, drop_folder: DropFolder, clock: Clock) -> None:
        """Start without anything to install.

        Args:
            drop_folder: the folder in which bundles appear.
            clock: for pauses.
        """
        self._drop_folder = drop_folder
        self._channel = UpdateChannel(clock)
        self._clock = clock
        self._poll_due_ns = 0

    def receive(self, envelope: bytes) -> None:
        """Keep a message of the update channel, not verified yet."""
        self._channel.receive(envelope)

    def take_next(self) -> bytes | DeploymentRequest | None:
        """Return a message of the channel, or else a request for a dropped bundle; None if there is neither."""
        message = self._channel.take_message()
        if message is not None:
            return message
        now_ns = self._clock.monotonic_ns()
        if now_ns < self._poll_due_ns:
            return None
        self._poll_due_ns = now_ns + int(_DROP_FOLDER_POLL_S * NS_PER_S)
        bundle = self._drop_folder.take_next_bundle()
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
