"""Which pictures of a camera may be made: the one rule, by which the supervisor asks for pictures, and by which workers keep frames. Pure."""

from typing import Literal

from edged.config.settings import Settings
from edged.vision.picture_messages import PicturePlan, PictureRefusal

Policy = Literal["never", "on_request", "events"]
Purpose = Literal["request", "event", "example_request", "example"]
"""``request``: someone asks for a picture now; ``event``: the picture of an object, without being asked; ``example_request``: someone asks for a hard
example, which is kept on disk; ``example``: a hard example without being asked."""

_ALLOWED: dict[Policy, tuple[Purpose, ...]] = {
    "never": (),
    "on_request": ("request", "example_request"),
    "events": ("request", "event", "example_request", "example"),
}
_EXAMPLES: tuple[Purpose, ...] = ("example_request", "example")
"""The purposes that need ``[collect] enabled`` as well."""
_EVENT_FRAMES = 4
"""Frames in which there are objects wait for the supervisor's question; at 30 frames per second it has a tenth of a second."""


def policy_of(settings: Settings, camera: str) -> Policy:
    """Return the policy of a camera; "never" for one that the configuration does not have."""
    found = settings.camera.get(camera)
    if found is None:
        return "never"
    return settings.images.policy if found.images is None else found.images


def allows(settings: Settings, camera: str, purpose: Purpose) -> bool:
    """Return whether a picture of a camera may be made."""
    is_on = settings.collect.enabled or purpose not in _EXAMPLES
    return is_on and purpose in _ALLOWED[policy_of(settings, camera)]


def find_refusal(settings: Settings, camera: str, purpose: Purpose) -> PictureRefusal | None:
    """Return why no picture of a camera may be made; None if it may."""
    if camera not in settings.camera:
        known = ", ".join(settings.camera) or "none"
        reason = f"there is no camera {camera!r}; the configuration has: {known}"
        return PictureRefusal(camera=camera, code="no_camera", reason=reason)
    if not settings.camera[camera].enabled:
        reason = f"camera {camera} is disabled: camera.{camera}.enabled"
        return PictureRefusal(camera=camera, code="offline", reason=reason)
    if allows(settings, camera, purpose):
        return None
    policy = policy_of(settings, camera)
    if purpose in _ALLOWED[policy]:
        reason = "hard examples are not kept: set collect.enabled to true"
        return PictureRefusal(camera=camera, code="policy", reason=reason)
    needed = "events" if purpose in {"event", "example"} else "on_request"
    reason = f'the policy of camera {camera} is "{policy}": set images.policy or camera.{camera}.images to "{needed}" to allow pictures'
    return PictureRefusal(camera=camera, code="policy", reason=reason)


def make_picture_plan(settings: Settings, camera: str) -> PicturePlan | None:
    """Return the plan of a camera's pictures; None if none may be made."""
    if not allows(settings, camera, "request"):
        return None
    images = settings.images
    return PicturePlan(
        kept_frames=_EVENT_FRAMES if allows(settings, camera, "event") else 1,
        min_width=images.max_width,
        hide=images.hide,
        hide_by=images.hide_by,
    )
