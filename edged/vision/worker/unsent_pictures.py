"""The packets of pictures that wait to be sent."""

from collections import deque
from collections.abc import Collection
from typing import NamedTuple

from edged.vision.packets import FROM_WORKER
from edged.vision.picture_messages import FailureCode, Picture, PictureFailure, PictureRequest
from edged.vision.picture_packets import pack_chunks
from edged.vision.worker.channel import SupervisorChannel

MAX_WAITING_PACKETS = 64
"""Parts of pictures, 4 MB together: while there are so many, no further picture is made."""
_MAX_REASON_CHARS = 1000


class _Packet(NamedTuple):
    request: PictureRequest
    content: bytes


class UnsentPictures:
    """What waits to be sent, in order; its owner lets one thread at a time call."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._packets: deque[_Packet] = deque()

    def __len__(self) -> int:
        return len(self._packets)

    def add_picture(self, request: PictureRequest, picture: Picture) -> None:
        """Let a picture wait, in parts."""
        packets = pack_chunks(request.number, picture)
        self._packets.extend(_Packet(request, packet) for packet in packets)

    def add_failure(self, request: PictureRequest, code: FailureCode, reason: str) -> None:
        """Let the answer wait that there is no picture."""
        reason = reason[:_MAX_REASON_CHARS]
        failure = PictureFailure(number=request.number, code=code, reason=reason)
        self._packets.append(_Packet(request, FROM_WORKER.encode(failure)))

    def drop(self, cameras: Collection[int]) -> None:
        """Answer in place of the pictures of some cameras that there is none.

        Args:
            cameras: their indices in the job.
        """
        packets, self._packets = self._packets, deque()
        dropped: dict[int, PictureRequest] = {}
        for packet in packets:
            if packet.request.camera in cameras:
                dropped[packet.request.number] = packet.request
            else:
                self._packets.append(packet)
        for request in dropped.values():
            self.add_failure(request, "refused", "the camera's plan has changed")

    def send_next(self, channel: SupervisorChannel) -> bool:
        """Send the next packet if there is room for it; return whether it was sent."""
        if not self._packets or not channel.send_chunk(self._packets[0].content):
            return False
        self._packets.popleft()
        return True
