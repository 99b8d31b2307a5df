"""Runs the daemon and writes down which of edged's files a frame passes in the supervisor, from the worker's packet to the publisher.

``python -m support.frame_path CONFIG OUTPUT``: OUTPUT gets one line for each frame: the files in the order in which they are entered.
"""

import sys
import threading
from pathlib import Path
from types import FrameType

import edged
from edged.daemon.loop import Supervisor
from edged.daemon.main import run
from edged.ipc.process import ChildProcess
from edged.vision.messages import Observation
from edged.vision.packets import _decode_observation
from edged.vision.process import WorkerMessage

_PACKAGE = Path(edged.__file__).parent
_LISTENER_SUFFIX = "-listener"


class FramePath:
    """Profiles the listeners of the workers, and the supervisor while it processes an observation."""

    def __init__(self) -> None:
        self.frames: list[list[str]] = []
        """The files that each frame has passed in the supervisor's thread."""
        self.listener_files: dict[str, None] = {}
        """The files that an observation passes in a listener's thread."""
        self._packet_files: dict[str, None] = {}
        self._frame_files: dict[str, None] = {}
        self._observation_frame: FrameType | None = None

    def profile_listener(self, frame: FrameType, event: str, argument: object) -> None:
        """Record each call of a worker's listener thread."""
        del argument
        if event != "call" or not threading.current_thread().name.endswith(_LISTENER_SUFFIX):
            return
        if frame.f_code is ChildProcess.receive.__code__:
            if "_decode_observation" in self._packet_files:
                self.listener_files |= self._packet_files
                del self.listener_files["_decode_observation"]
            self._packet_files = {}
        if frame.f_code is _decode_observation.__code__:
            self._packet_files["_decode_observation"] = None
        _record(frame, self._packet_files)

    def profile_supervisor(self, frame: FrameType, event: str, argument: object) -> None:
        """Record each call while an observation is dispatched."""
        del argument
        if event == "call" and frame.f_code is Supervisor._dispatch.__code__:
            item = frame.f_locals["item"]
            if isinstance(item, WorkerMessage) and isinstance(item.message, Observation):
                self._observation_frame, self._frame_files = frame, {}
        if event == "return" and frame is self._observation_frame:
            self._observation_frame = None
            self.frames.append(list(self._frame_files))
        if event == "call" and self._observation_frame is not None:
            _record(frame, self._frame_files)


def _record(frame: FrameType, files: dict[str, None]) -> None:
    file = Path(frame.f_code.co_filename)
    if file.is_relative_to(_PACKAGE):
        files.setdefault(str(file.relative_to(_PACKAGE.parent)))


def main(config: str, output: str) -> int:
    """Run the daemon until it ends, and write the files down."""
    path = FramePath()
    threading.setprofile(path.profile_listener)
    sys.setprofile(path.profile_supervisor)
    code = run(Path(config))
    sys.setprofile(None)
    lines = [" ".join({**path.listener_files, **dict.fromkeys(files)}) for files in path.frames]
    Path(output).write_text("\n".join(lines) + "\n")
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
