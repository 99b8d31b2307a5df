"""Rules for what is a valid command. No I/O."""

import hashlib
from collections.abc import Collection

import msgspec
from msgspec import Struct

from edged.clock import NS_PER_S
from edged.config.problems import suggest_name
from edged.interfaces.command import Refused
from edged.messaging.contract.commands import CommandMessage

MAX_COMMAND_BYTES = 16 << 10
_MAX_EARLY_S = 300.0
"""A controller's clock may be ahead by this much."""


def parse_command(payload: bytes) -> CommandMessage | Refused:
    """Decode the payload of a command."""
    if len(payload) > MAX_COMMAND_BYTES:
        return Refused("malformed", f"a command takes {MAX_COMMAND_BYTES} bytes at most")
    try:
        return msgspec.json.decode(payload, type=CommandMessage)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return Refused(
            "malformed", f'{error}; expected {{"id": "…", "args": {{…}}, "expires_s": 30}}'
        )


def find_id(payload: bytes) -> str:
    """Return the id of a command that is otherwise malformed, for its reply; "" if there is none."""
    try:
        return msgspec.json.decode(payload, type=_OnlyId).id[:128]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""


class _OnlyId(Struct):
    id: str = ""


def find_verb_problem(
    verb: str, known: Collection[str], allowed: Collection[str] | None
) -> Refused | None:
    """Return why a verb cannot be executed; None if it can.

    Args:
        verb: the verb.
        known: all verbs.
        allowed: those that the configuration allows; None for all.
    """
    if verb not in known:
        hint = suggest_name(verb, known) or f"commands are: {', '.join(known)}"
        return Refused("unknown_verb", f"there is no command {verb!r}; {hint}")
    if allowed is not None and verb not in allowed:
        return Refused("not_allowed", f"the setting commands.verbs does not allow {verb!r}")
    return None


def parse_args(verb: str, args: dict[str, object], kind: type[Struct]) -> Struct | Refused:
    """Return a verb's arguments in their own type.

    Args:
        verb: the verb, for the refusal.
        args: the arguments as they were sent.
        kind: the type of the verb's arguments.
    """
    try:
        return msgspec.convert(args, kind)
    except msgspec.ValidationError as error:
        names = ", ".join(kind.__struct_encode_fields__) or "none"
        return Refused("invalid_args", f"{verb}: {error}; arguments: {names}")


def find_expiry(command: CommandMessage, *, wall_ns: int, is_synced: bool) -> Refused | None:
    """Return the refusal of a command that has expired; None if it may begin.

    Args:
        command: the command.
        wall_ns: the device's time of day, nanoseconds since the epoch.
        is_synced: whether that can be trusted; otherwise nothing has expired.
    """
    if command.sent is None or not is_synced:
        return None
    age_s = wall_ns / NS_PER_S - command.sent.timestamp()
    if age_s > command.expires_s:
        return Refused(
            "expired", f"it was sent {age_s:.0f} s ago, and expired after {command.expires_s:g} s"
        )
    if age_s < -_MAX_EARLY_S:
        return Refused(
            "expired", f"it says that it was sent in {-age_s:.0f} s: check the sender's clock"
        )
    return None


def digest_command(verb: str, args: dict[str, object]) -> str:
    """Return what identifies a command's verb and arguments: the sha256 of both as JSON, keys sorted."""
    return hashlib.sha256(msgspec.json.encode([verb, args], order="deterministic")).hexdigest()
