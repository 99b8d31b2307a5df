"""The commands that Home Assistant's switches, numbers and buttons send."""

import msgspec
from msgspec import Struct

from edged.config.settings import CommandSettings
from edged.messaging.contract.topics import Topics

EXPIRES_S = 30
"""A command that Home Assistant or the broker holds for longer is no longer what the person at the switch expects."""
_UNIQUE_ID = "ha-{{ utcnow().timestamp() }}-{{ range(100000) | random }}"
"""A larger range is more than the sandbox of Home Assistant's templates allows."""
_SENT = "{{ utcnow().isoformat() }}"
VALUE = "{{ value }}"
"""What Home Assistant puts in, in a JSON payload without quotes around it."""


class CommandArguments(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The arguments of a command, as JSON; `msgspec.Raw` for a value that Home Assistant puts in.

    Attributes:
        camera: name of the camera.
        zone: name of the zone.
        mask: name of the mask.
        on: on or off.
        score: new threshold.
    """

    camera: str = ""
    zone: str = ""
    mask: str = ""
    on: msgspec.Raw | None = None
    score: msgspec.Raw | None = None


class _Command(Struct, frozen=True, kw_only=True, omit_defaults=True):
    id: str
    args: CommandArguments
    expires_s: int
    sent: str = ""


NO_ARGUMENTS = CommandArguments()


def is_allowed(settings: CommandSettings, verb: str) -> bool:
    """Return whether the device executes a command."""
    return settings.enabled and (settings.verbs is None or verb in settings.verbs)


def command_topic(topics: Topics, verb: str) -> str:
    """Return the topic of a command."""
    return f"{topics.down}/cmd/{verb}"


def command_template(arguments: CommandArguments = NO_ARGUMENTS) -> str:
    """Return the template of a command's payload; each time it is rendered, the command has a new id and the time."""
    return _encode(_Command(id=_UNIQUE_ID, args=arguments, expires_s=EXPIRES_S, sent=_SENT))


def command_payload(command_id: str, arguments: CommandArguments = NO_ARGUMENTS) -> str:
    """Return the payload of a command with this id, where Home Assistant renders no template."""
    return _encode(_Command(id=command_id, args=arguments, expires_s=EXPIRES_S))


def _encode(command: _Command) -> str:
    return msgspec.json.encode(command).decode()
