"""The commands of the last time, with their replies: one that arrives again is answered again, and not executed again."""

from collections.abc import Callable

from msgspec import Struct

from edged.messaging.contract.commands import Reply

MAX_REMEMBERED = 128

OnReply = Callable[[Reply], object]


class FinishedCommand(Struct, frozen=True, kw_only=True):
    """A command that was executed, or refused.

    Attributes:
        digest: of its verb and arguments.
        reply: its reply, without a header.
    """

    digest: str
    reply: Reply


class PendingCommand:
    """A command that is being executed.

    Attributes:
        digest: of its verb and arguments.
        waiting: gets the reply; emptied when a reply was sent.
    """

    def __init__(self, digest: str, on_reply: OnReply) -> None:
        self.digest = digest
        self.waiting: list[OnReply] = [on_reply]


class CommandMemory:
    """The commands by their ids; the oldest finished ones are forgotten."""

    def __init__(self, finished: tuple[FinishedCommand, ...] = ()) -> None:
        """Begin with commands that were executed before this start, oldest first."""
        self._finished = {one.reply.id: one for one in finished[-MAX_REMEMBERED:]}
        self._pending: dict[str, PendingCommand] = {}

    @property
    def finished(self) -> tuple[FinishedCommand, ...]:
        """The finished commands, oldest first."""
        return tuple(self._finished.values())

    @property
    def pending_count(self) -> int:
        """Number of commands that are being executed."""
        return len(self._pending)

    def find(self, command_id: str) -> FinishedCommand | PendingCommand | None:
        """Return the command with this id; None if none is known."""
        return self._pending.get(command_id) or self._finished.get(command_id)

    def begin(self, command_id: str, pending: PendingCommand) -> None:
        """Remember a command that is being executed."""
        self._pending[command_id] = pending

    def end(self, reply: Reply) -> tuple[OnReply, ...]:
        """Remember the reply of a command; return who waits for it."""
        pending = self._pending.pop(reply.id)
        self._finished[reply.id] = FinishedCommand(digest=pending.digest, reply=reply)
        while len(self._finished) > MAX_REMEMBERED:
            del self._finished[next(iter(self._finished))]
        return tuple(pending.waiting)
