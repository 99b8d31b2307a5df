"""How large frames must be for pictures of them."""

from edged.vision.picture_messages import PicturePlan
from edged.vision.worker.capture import SizeRule


def widen(rule: SizeRule, plan: PicturePlan, width: int, height: int) -> tuple[int, int] | None:
    """Return how large a camera's frames must be at least: for the model, and for pictures of them.

    Args:
        rule: the model's.
        plan: the plan of the camera's pictures.
        width: width of the camera's picture, pixels.
        height: height of the camera's picture, pixels.
    """
    needed = rule(width, height)
    if needed is None:
        return None
    picture_width = min(width, plan.min_width)
    return max(needed[0], picture_width), max(needed[1], picture_width * height // width)
