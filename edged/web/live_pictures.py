"""Live pictures for the page: one at a time of each kind, however many browsers look."""

import asyncio

from edged.clock import NS_PER_S, Clock
from edged.web.supervisor_link import SupervisorLink

MIN_INTERVAL_S = 0.5
"""No camera makes more pictures for the page than this allows."""
_QUALITY = 70
WIDTHS = (640, 1280)
"""Largest widths that the page asks for: few, so that browsers share pictures."""

_Kind = tuple[str, bool, int]


class LivePictures:
    """Takes pictures, and shares each one among those who ask while it is new."""

    def __init__(self, link: SupervisorLink, clock: Clock) -> None:
        """Take none yet.

        Args:
            link: the channel to the supervisor.
            clock: the clock of ages.
        """
        self._link = link
        self._clock = clock
        self._newest: dict[_Kind, tuple[int, asyncio.Task[bytes]]] = {}

    async def take(self, camera: str, *, annotate: bool, max_width: int) -> bytes:
        """Return a JPEG that is at most half a second old when it was asked for.

        Args:
            camera: name of the camera.
            annotate: with boxes and labels.
            max_width: largest width, pixels: one of `WIDTHS`.

        Raises:
            PictureRefusedError: there is no picture, and why.
            SupervisorSilentError: none came in time.
        """
        kind = (camera, annotate, max_width)
        now_ns = self._clock.monotonic_ns()
        known = self._newest.get(kind)
        is_new = known is not None and (
            not known[1].done() or now_ns - known[0] < MIN_INTERVAL_S * NS_PER_S
        )
        if known is None or not is_new:
            taking = self._link.take_picture(
                camera, annotate=annotate, max_width=max_width, quality=_QUALITY
            )
            known = self._newest[kind] = (now_ns, asyncio.create_task(taking))
        try:
            return await asyncio.shield(known[1])
        except Exception:
            self._newest.pop(kind, None)  # the next one asks again; and any text can be a name
            raise
