"""Layouts of tensors: a picture's axes, and the cells of YOLO heads."""

from collections.abc import Iterator

from edged.types import ModelSignature

MIN_SIDE_PX = 16
MAX_SIDE_PX = 8192
"""Of a picture that a runtime on a small board can hold; a larger side is damage."""


def find_picture_layout(shape: tuple[int, ...]) -> tuple[int, int, int, bool] | None:
    """Return height, width, number of channels, and whether the channels come first; None if the tensor is no picture."""
    match shape:
        case (1, height, width, (1 | 3) as depth) if _are_sides(height, width):
            return height, width, depth, False
        case (1, (1 | 3) as depth, height, width) if _are_sides(height, width):
            return height, width, depth, True
    return None


def is_picture_of_other_size(shape: tuple[int, ...]) -> bool:
    """Return whether the tensor is a picture with a fixed size that is not in the range of sides."""
    match shape:
        case (1, height, width, 1 | 3) | (1, 1 | 3, height, width):
            return min(height, width) > 0 and not _are_sides(height, width)
    return False


def find_picture_size(signature: ModelSignature) -> tuple[int, int] | None:
    """Return width and height in pixels of a model's only input; None if that is no picture."""
    layout = find_picture_layout(signature.inputs[0].shape) if len(signature.inputs) == 1 else None
    return (layout[1], layout[0]) if layout else None


def yolo_grids(width: int, height: int) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Yield the number of cells of each usual YOLO head, with the head's strides in pixels.

    Args:
        width: width of the input, pixels.
        height: height of the input, pixels.
    """
    for strides in ((8, 16, 32), (8, 16, 32, 64), (4, 8, 16, 32), (16, 32)):
        yield sum((width // stride) * (height // stride) for stride in strides), strides


def _are_sides(height: int, width: int) -> bool:
    return MIN_SIDE_PX <= min(height, width) <= max(height, width) <= MAX_SIDE_PX
