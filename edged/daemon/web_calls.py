"""The calls of the web process, as the daemon's parts answer them."""

import msgspec

from edged.clock import Clock
from edged.daemon.command_service import CommandService
from edged.daemon.metrics_sample import sample_cameras
from edged.daemon.vision_service import VisionService
from edged.daemon.web_service import OnPicture, OnReply, WebCalls
from edged.vision.picture_messages import Picture, PictureOptions, PictureRefusal
from edged.web.messages import PictureWanted


def make_web_calls(
    commands: CommandService | None, vision: VisionService, clock: Clock
) -> WebCalls:
    """Return the calls.

    Args:
        commands: executes commands; None if none are executed.
        vision: the cameras; takes and reads pictures, as far as the policy allows it.
        clock: the clock of frames.
    """

    def execute(verb: str, args: bytes, on_reply: OnReply) -> None:
        if commands is None:
            error = {"code": "not_allowed", "message": "this device executes no commands"}
            on_reply(msgspec.json.encode({"verb": verb, "ok": False, "error": error, "result": {}}))
            return
        commands.execute(verb, args, lambda reply: on_reply(msgspec.json.encode(reply)))

    def take_picture(wanted: PictureWanted, on_picture: OnPicture) -> None:
        options = PictureOptions(
            annotate=wanted.annotate, max_width=wanted.max_width, quality=wanted.quality
        )
        vision.take_picture(wanted.camera, options, lambda answer: _hand_on(answer, on_picture))

    def read_picture(event_id: str, on_picture: OnPicture) -> None:
        vision.pictures.read_stored(event_id, lambda jpeg: _hand_on_stored(jpeg, on_picture))

    return WebCalls(
        execute=execute,
        take_picture=take_picture,
        read_picture=read_picture,
        sample_cameras=lambda: sample_cameras(vision.cameras, clock.monotonic_ns()),
    )


def _hand_on(answer: Picture | PictureRefusal, on_picture: OnPicture) -> None:
    match answer:
        case Picture(jpeg=jpeg):
            on_picture(jpeg)
        case PictureRefusal(code=code, reason=reason):
            on_picture(b"", code, reason)


def _hand_on_stored(jpeg: bytes | None, on_picture: OnPicture) -> None:
    if jpeg:
        on_picture(jpeg)
    else:
        on_picture(b"", "no_picture", "no picture of this object is kept")
