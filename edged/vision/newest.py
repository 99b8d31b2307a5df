"""The newest observation of a live camera wins over older ones that were not processed yet. Pure."""

from collections.abc import Collection, Sequence

from edged.vision.messages import FromWorker, Observation, WorkerReport


class LiveCameras:
    """The cameras of one worker of which only the newest observation matters, by their index in its job.

    Only the worker knows which they are, because the camera's driver says it. Until a report has named a camera as live, each of its
    observations counts, as those of a lossless camera do.
    """

    def __init__(self, names: Sequence[str]) -> None:
        """Begin without a report.

        Args:
            names: names of the job's cameras.
        """
        self._indices = {name: index for index, name in enumerate(names)}
        self._live: frozenset[int] = frozenset()

    def add(self, message: FromWorker) -> bool:
        """Take note of a message; return True if it is an observation that must be processed."""
        match message:
            case Observation(camera=camera):
                return camera not in self._live
            case WorkerReport(cameras=reports):
                live = {self._indices.get(one.name, -1) for one in reports if one.is_live}
                self._live = frozenset(live)
        return False

    def __contains__(self, camera: int) -> bool:
        return camera in self._live


def find_superseded(messages: Sequence[FromWorker], live: LiveCameras) -> Collection[int]:
    """Return the indices of the observations of live cameras that a newer one of the same camera follows.

    Args:
        messages: what a worker sent, in order.
        live: its live cameras.
    """
    superseded: set[int] = set()
    newest: dict[int, int] = {}
    for index, message in enumerate(messages):
        if isinstance(message, Observation) and message.camera in live:
            if message.camera in newest:
                superseded.add(newest[message.camera])
            newest[message.camera] = index
    return superseded
