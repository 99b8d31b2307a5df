"""A /dev/video node, as far as it is asked before OpenCV opens it."""

import fcntl
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edged.errors import CameraError

_BY_ID_HINT = "/dev/v4l/by-id lists the connected cameras"

# <linux/videodev2.h>: _IOR('V', 0, struct v4l2_capability), and the fields that are read here.
_VIDIOC_QUERYCAP = 0x80685600
_CAPABILITY = struct.Struct("16s32s32s3I12x")
_CAP_VIDEO_CAPTURE = 0x1
_CAP_DEVICE_CAPS = 0x80000000


@contextmanager
def open_node(device: Path) -> Iterator[int]:
    """Open a device for requests; an error of a request is one of the device, too.

    Raises:
        CameraError: there is no such device, it may not be opened, or is no camera.
    """
    try:
        node = os.open(device, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            yield node
        finally:
            os.close(node)
    except CameraError:
        raise
    except FileNotFoundError:
        raise CameraError(f"{device}: no such device; {_BY_ID_HINT}") from None
    except PermissionError:
        raise CameraError(
            f"{device}: permission denied; add edged's user to the group `video`"
        ) from None
    except OSError as error:
        raise CameraError(f"{device}: not a camera ({error.strerror}); {_BY_ID_HINT}") from error


def read_card_name(node: int, device: Path) -> str:
    """Return the name of the camera behind a node.

    Args:
        node: file descriptor of the device.
        device: its path, for errors.

    Raises:
        CameraError: it delivers no pictures.
        OSError: it is no camera.
    """
    answer = fcntl.ioctl(node, _VIDIOC_QUERYCAP, bytes(_CAPABILITY.size))
    _driver, card, _bus, _version, all_caps, node_caps = _CAPABILITY.unpack(answer)
    if not (node_caps if all_caps & _CAP_DEVICE_CAPS else all_caps) & _CAP_VIDEO_CAPTURE:
        raise CameraError(
            f"{device}: this node delivers no pictures: many cameras have a second node for metadata;"
            " set `device` to the node whose name ends in index0"
        )
    name: str = card.split(b"\0")[0].decode(errors="replace")
    return name
