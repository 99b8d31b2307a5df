"""What the web process can ask of the daemon, as its parts do it."""

import msgspec

from edged.clock import Clock
from edged.daemon.command_service import CommandService
from edged.daemon.metrics_sample import sample_cameras
from edged.daemon.vision_service import VisionService
from edged.daemon.web_service import OnPicture, OnReply, WebCalls
from edged.web.messages import PictureWanted


def make_web_calls(
    commands: CommandService | None, vision: VisionService, clock: Clock
) -> WebCalls:
    """Return the calls.

    Args:
        commands: executes commands; None if none are executed.
        vision: the cameras.
        clock: the clock of frames.
    """

    def execute(verb: str, args: bytes, on_reply: OnReply) -> None:
        if commands is None:
            error = {"code": "not_allowed", "message": "this device executes no commands"}
            on_reply(msgspec.json.encode({"verb": verb, "ok": False, "error": error, "result": {}}))
            return
        commands.execute(verb, args, lambda reply: on_reply(msgspec.json.encode(reply)))

    return WebCalls(
        execute=execute,
        take_picture=_refuse_picture,
        read_picture=_find_no_picture,
        sample_cameras=lambda: sample_cameras(vision.cameras, clock.monotonic_ns()),
    )


def _refuse_picture(wanted: PictureWanted, on_picture: OnPicture) -> None:
    on_picture(b"", "unavailable", f"there is no picture of the camera {wanted.camera}")


def _find_no_picture(event_id: str, on_picture: OnPicture) -> None:
    on_picture(b"", "unavailable", f"there is no picture of {event_id}")
