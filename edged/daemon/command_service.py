"""Executes commands: checks each, gives it to its driver, and answers it, once and again when it arrives again."""

import itertools
import logging
from collections.abc import Callable
from functools import partial
from typing import Protocol

from edged import registry
from edged.clock import Clock
from edged.config.settings import CommandSettings, Settings
from edged.daemon.command_memory import CommandMemory, FinishedCommand, OnReply, PendingCommand
from edged.daemon.command_rules import (
    digest_command,
    find_expiry,
    find_id,
    find_verb_problem,
    parse_args,
    parse_command,
)
from edged.event_loop import EventLoop
from edged.interfaces import MessageReceived
from edged.interfaces.command import Command, Device, Done, Outcome, Refused
from edged.messaging.contract.commands import CommandError, CommandMessage, Reply
from edged.messaging.contract.topics import ROOT, Topics

_log = logging.getLogger(__name__)

MAX_PENDING = 16
MAX_REPLY_WAIT_S = 120.0
"""A self-test takes up to a minute."""
_MAX_MESSAGE_CHARS = 500
"""A reply quotes what its sender has written, and is kept with 127 others."""
_WILDCARDS = frozenset("+#\0")


class SendReply(Protocol):
    """Sends a reply; `edged.messaging.outbox.Outbox.reply` is the real one."""

    def __call__(
        self, reply: Reply, response_topic: str | None = None, correlation: bytes | None = None
    ) -> None:
        """Send a reply, also to the sender's own topic."""


class CommandService:
    """Takes commands from the broker and from other processes of this device."""

    def __init__(
        self,
        settings: CommandSettings,
        *,
        topics: Topics,
        device: Device,
        send: SendReply,
        memory: CommandMemory,
        on_finished: Callable[[], object],
        read_is_synced: Callable[[], bool],
        loop: EventLoop,
        clock: Clock,
    ) -> None:
        """Execute nothing yet.

        Args:
            settings: ``[commands]``.
            topics: the device's topics.
            device: carries the commands out.
            send: sends the replies to commands from the broker.
            memory: the commands that were executed before.
            on_finished: called when the memory, or what commands have switched, is to be kept.
            read_is_synced: returns whether the time of day can be trusted.
            loop: limits the time of a reply.
            clock: the clock of expiry.
        """
        self._settings = settings
        self._topics = topics
        self._device = device
        self._send = send
        self._memory = memory
        self._on_finished = on_finished
        self._read_is_synced = read_is_synced
        self._loop = loop
        self._clock = clock
        self._drivers: dict[str, Command] = {}
        self._local_ids = itertools.count(1)

    def apply_settings(self, settings: Settings) -> None:
        """Execute by another configuration."""
        self._settings = settings.commands

    def receive(self, message: MessageReceived) -> None:
        """Execute a command from the broker; a retained one is ignored, and so is an empty message, which deletes a retained one."""
        verb = self._topics.find_verb(message.topic) or ""
        if message.retained or not message.payload:
            _log.info("a retained or empty message on %s is ignored", message.topic)
            return
        on_reply = partial(
            self._send,
            response_topic=self._check_response_topic(message.response_topic),
            correlation=message.correlation,
        )
        command = parse_command(message.payload)
        if isinstance(command, Refused):
            on_reply(_make_reply(find_id(message.payload), verb, command))
            return
        refusal = find_verb_problem(verb, registry.COMMANDS, self._settings.verbs)
        if refusal is not None:
            on_reply(_make_reply(command.id, verb, refusal))
            return
        self._execute_once(verb, command, on_reply)

    def execute(self, verb: str, args: bytes, on_reply: OnReply) -> None:
        """Execute a command of another process of this device, whatever ``[commands]`` says.

        Args:
            verb: the verb.
            args: its arguments, a JSON object.
            on_reply: gets the reply, without a header.
        """
        command_id = f"local-{next(self._local_ids)}"
        refusal = find_verb_problem(verb, registry.COMMANDS, None)
        if refusal is None:
            command = parse_command(b'{"id":"%s","args":%s}' % (command_id.encode(), args))
            if isinstance(command, CommandMessage):
                self._execute(verb, command, on_reply)
                return
            refusal = command
        on_reply(_make_reply(command_id, verb, refusal))

    def _execute_once(self, verb: str, command: CommandMessage, on_reply: OnReply) -> None:
        """Execute a command, unless its id is known: then answer it as before."""
        digest = digest_command(verb, command.args)
        known = self._memory.find(command.id)
        if known is not None and known.digest != digest:
            reason = "another command had this id: choose a new one for each command"
            on_reply(_make_reply(command.id, verb, Refused("id_reused", reason)))
        elif isinstance(known, FinishedCommand):
            on_reply(known.reply)
        elif known is not None:
            known.waiting.append(on_reply)
        elif self._memory.pending_count >= MAX_PENDING:
            reason = f"{MAX_PENDING} commands are being executed: try again later"
            on_reply(_make_reply(command.id, verb, Refused("busy", reason)))
        else:
            is_synced = command.sent is not None and self._read_is_synced()
            expired = find_expiry(command, wall_ns=self._clock.wall_ns(), is_synced=is_synced)
            if expired is not None:
                on_reply(_make_reply(command.id, verb, expired))
                return
            pending = PendingCommand(digest, on_reply)
            self._memory.begin(command.id, pending)
            timer = self._loop.call_later(
                MAX_REPLY_WAIT_S, partial(_report_timeout, command.id, verb, pending)
            )

            def finish(reply: Reply) -> None:
                timer.cancel()
                for answer in self._memory.end(reply):
                    answer(reply)
                self._on_finished()

            self._execute(verb, command, finish)

    def _execute(self, verb: str, command: CommandMessage, on_reply: OnReply) -> None:
        driver = self._load(verb)
        args = parse_args(verb, command.args, driver.Args)
        if isinstance(args, Refused):
            on_reply(_make_reply(command.id, verb, args))
            return
        _log.info("command %s (%s)", verb, command.id)

        def finish(outcome: Outcome) -> None:
            if isinstance(outcome, Refused):
                _log.warning("command %s (%s): %s", verb, command.id, outcome.message)
            on_reply(_make_reply(command.id, verb, outcome))

        driver.execute(args, self._device, finish)

    def _load(self, verb: str) -> Command:
        driver = self._drivers.get(verb)
        if driver is None:
            driver = self._drivers[verb] = registry.load_driver(registry.COMMANDS, verb)()
        return driver

    def _check_response_topic(self, topic: str | None) -> str | None:
        """Return the topic that a sender has named, unless nobody may have this device write to it."""
        if topic is None:
            return None
        if _WILDCARDS.intersection(topic) or topic.startswith(("$", f"{ROOT}/")):
            _log.warning("the response topic %s is ignored: replies are on up/reply", topic)
            return None
        return topic


def _report_timeout(command_id: str, verb: str, pending: PendingCommand) -> None:
    reason = f"it goes on, but has taken {MAX_REPLY_WAIT_S:g} s: send it again with the same id to get its reply"
    waiting, pending.waiting = pending.waiting, []
    for answer in waiting:
        answer(_make_reply(command_id, verb, Refused("timeout", reason)))


def _make_reply(command_id: str, verb: str, outcome: Outcome) -> Reply:
    if isinstance(outcome, Done):
        return Reply(id=command_id, verb=verb, ok=True, result=outcome.result)
    error = CommandError(code=outcome.code, message=_shorten(outcome.message))
    return Reply(id=command_id, verb=verb, ok=False, error=error)


def _shorten(text: str) -> str:
    return text if len(text) <= _MAX_MESSAGE_CHARS else f"{text[: _MAX_MESSAGE_CHARS - 1]}…"
