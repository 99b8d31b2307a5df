"""The commands of a client that wait for their replies. No I/O."""

import datetime as dt
import secrets
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import msgspec

from edged.messaging.contract.commands import CommandMessage, Reply


class AwaitedReply:
    """One command.

    Attributes:
        id: its id, which the reply repeats.
        payload: the message, JSON.
    """

    def __init__(self, command: CommandMessage) -> None:
        self.id = command.id
        self.payload = msgspec.json.encode(command)
        self._answered = threading.Event()
        self._reply: Reply | None = None

    def answer(self, reply: Reply) -> None:
        """Take the reply; the first one counts."""
        if self._reply is None:
            self._reply = reply
        self._answered.set()

    def wait(self, timeout_s: float) -> Reply | None:
        """Wait for the reply; return None if there is none within `timeout_s` seconds."""
        self._answered.wait(timeout_s)
        return self._reply


class AwaitedReplies:
    """The commands that wait, by their id."""

    def __init__(self) -> None:
        self._pending: dict[str, AwaitedReply] = {}
        self._decoder = msgspec.json.Decoder(Reply)

    @contextmanager
    def begin(self, args: Mapping[str, object], *, expires_s: float) -> Iterator[AwaitedReply]:
        """Make a command that waits for its reply inside the context.

        Args:
            args: its arguments.
            expires_s: seconds after now in which the device may begin it.
        """
        command = CommandMessage(
            id=secrets.token_hex(8),
            args=dict(args),
            expires_s=expires_s,
            sent=dt.datetime.now(dt.UTC),
        )
        pending = self._pending[command.id] = AwaitedReply(command)
        try:
            yield pending
        finally:
            del self._pending[command.id]

    def answer(self, payload: bytes) -> None:
        """Take a message that may be the reply to a command that waits."""
        try:
            reply = self._decoder.decode(payload)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return
        pending = self._pending.get(reply.id)
        if pending is not None:
            pending.answer(reply)
