"""The order in which cameras that share an interpreter are served: each gets the share that its weight says. Pure.

It is start-time fair queueing (P. Goyal, H. Vin, H. Cheng, SIGCOMM 1996), with a queue of one frame per camera. A frame that comes to an empty slot gets a
start tag: the finish tag of its camera's last frame, or the virtual time if that is later. The frame with the lowest start tag is served; its
start tag is the new virtual time, and its finish tag is 1 / weight later. So a camera that always has a frame waiting is served in proportion to its weight, one that was
idle is served soon but saves nothing up, and none waits for ever. docs/scheduling.md explains it with an example.
"""

from collections.abc import Iterable, Mapping

_COMPARISON_COST = 0.05
"""Of a frame that is only compared with the last ones, relative to one on which the model runs."""


class FairShare:
    """The tags of all cameras; not safe for threads."""

    def __init__(self, cameras: Iterable[str]) -> None:
        """Give each camera of these names the weight 1."""
        self._weights = dict.fromkeys(cameras, 1.0)
        self._starts = dict.fromkeys(self._weights, 0.0)
        """Start tag of the frame that waits, by camera; the dict's order is that in which cameras were served, longest ago first."""
        self._finishes = dict.fromkeys(self._weights, 0.0)
        self._virtual_time = 0.0

    def set_weights(self, weights: Mapping[str, float]) -> None:
        """Give cameras other weights, which count from the next frame on; each is above 0."""
        self._weights.update(weights)

    def enqueue(self, camera: str) -> None:
        """Note that a frame came to this camera's empty slot."""
        self._starts[camera] = max(self._virtual_time, self._finishes[camera])

    def choose(self, waiting: Mapping[str, object | None]) -> str | None:
        """Return the camera to serve next, of those whose value is not None; None if all are None.

        Of equal tags, that of the camera that was served longest ago counts.
        """
        chosen, lowest = None, 0.0
        for camera, start in self._starts.items():
            if waiting[camera] is not None and (chosen is None or start < lowest):
                chosen, lowest = camera, start
        return chosen

    def serve(self, camera: str) -> None:
        """Note that this camera's frame is taken."""
        start = self._starts.pop(camera)
        self._starts[camera] = start  # served last from now on
        self._virtual_time = start
        self._finishes[camera] = start + 1 / self._weights[camera]

    def refund(self, camera: str) -> None:
        """Take back most of the last `serve` of a camera: the model need not run on that frame."""
        before = self._finishes[camera]
        self._finishes[camera] = before - (1 - _COMPARISON_COST) / self._weights[camera]
        if self._starts[camera] == before:  # the next frame waits already
            self._starts[camera] = max(self._finishes[camera], self._virtual_time)
