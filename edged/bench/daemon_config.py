"""The configuration of a measured daemon, as text. Pure."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

Speed = Literal["real", "max"]
DEVICE = "bench"
CAMERA = "bench"
CYCLE = 8
"""Number of different frames of the synthetic camera: they stay in memory, so that the camera costs nothing."""
MOVING_EVERY_S = 0.5
"""Time between two marks that enter the synthetic scene, in seconds: about four are in the picture."""
EMPTY_EVERY_S = 3600.0
"""The first mark always enters. With this time and the shortest stay it has left before the repeated frames begin, and no other comes."""
_STAY_S, _SHORTEST_STAY_S = 5.0, 1.5

_TEMPLATE = """\
[device]
name = "{device}"
state_dir = "{folder}/state"

[mqtt]
host = "127.0.0.1"
port = {port}
protocol = "3.1.1"

[model]
{model}
runtime = "{runtime}"

[detect]
threshold = 0.3

[events]
max_detections_hz = 1000
"""


def daemon_config(
    *, folder: Path, port: int, model: Path | None, runtime: str, tables: Sequence[str]
) -> str:
    """Return the configuration.

    Args:
        folder: a folder for the daemon's files.
        port: the broker's TCP port, on loopback.
        model: the model file; None for a bundled one that an update can replace.
        runtime: name of the runtime, as in ``model.runtime``.
        tables: further tables, those of the cameras among them.
    """
    line = 'bundled = "marks-fast"' if model is None else f'path = "{model}"'
    head = _TEMPLATE.format(device=DEVICE, folder=folder, port=port, model=line, runtime=runtime)
    return "\n".join([head, *tables])


def synthetic_camera(
    width: int,
    height: int,
    *,
    fps: float,
    speed: Speed = "real",
    name: str = CAMERA,
    every_s: float = MOVING_EVERY_S,
) -> str:
    """Return the table of a synthetic camera.

    Args:
        width: frame width, in pixels.
        height: frame height, in pixels.
        fps: frames per second.
        speed: ``real`` keeps the pace of `fps`; ``max`` always has a frame ready.
        name: the camera's name.
        every_s: time between two marks that enter, in seconds; `EMPTY_EVERY_S` leaves the scene empty but for its noise.
    """
    stay_s = _SHORTEST_STAY_S if every_s == EMPTY_EVERY_S else _STAY_S
    return f"""\
[camera.{name}]
source = "synthetic"
width = {width}
height = {height}
fps = {float(fps)}
speed = "{speed}"
cycle = {CYCLE}
every_s = {every_s}
stay_s = {stay_s}
"""


def replay_camera(path: Path, *, fps: float, speed: Speed = "real", name: str = CAMERA) -> str:
    """Return the table of a camera that plays a video file, or a folder of pictures, again and again.

    Args:
        path: the recording.
        fps: frames per second, in place of the recording's own.
        speed: ``real`` keeps the pace of `fps`; ``max`` always has a frame ready.
        name: the camera's name.
    """
    return f"""\
[camera.{name}]
source = "replay"
path = "{path}"
fps = {float(fps)}
speed = "{speed}"
loop = true
"""


def health_table(interval_s: float) -> str:
    """Return the table that makes the daemon report its health every `interval_s` seconds."""
    return f"[health]\ninterval_s = {interval_s}\n"
