"""The part of a plan that says on which frames, and on which parts of them, the model runs. Pure."""

from msgspec import Struct

from edged.clock import NS_PER_S
from edged.config.rules import overlay_settings
from edged.config.settings import InferenceSettings

_DEFAULT_RECHECK_S = 30.0
_DEFAULT_IDLE_FPS = 10.0


class InferencePlan(Struct, frozen=True, kw_only=True):
    """The settings of one camera with their defaults; see `InferenceSettings`.

    Attributes:
        is_enabled: whether the model runs at all.
        has_gate: whether the model runs only while something changes.
        recheck_s: seconds until the next run on a picture at rest in which something was found; 0.0 for never.
        idle_fps: largest rate at which frames are compared while nothing changes.
        max_fps: largest rate at which the model runs; None for no limit.
        max_regions: largest number of additional runs on parts of a frame.
        columns: columns of the grid of tiles.
        rows: rows of the grid of tiles.
    """

    is_enabled: bool = True
    has_gate: bool = False
    recheck_s: float = _DEFAULT_RECHECK_S
    idle_fps: float = _DEFAULT_IDLE_FPS
    max_fps: float | None = None
    max_regions: int = 0
    columns: int = 1
    rows: int = 1

    @property
    def idle_interval_ns(self) -> int:
        """Time between two comparisons at `idle_fps`, nanoseconds, a tenth less: cameras are not exact."""
        return int(0.9 * NS_PER_S / self.idle_fps)


def make_inference_plan(
    general: InferenceSettings, own: InferenceSettings, *, is_enabled: bool = True
) -> InferencePlan:
    """Return the plan of one camera.

    Args:
        general: ``[inference]``.
        own: ``[camera.NAME.inference]``, whose keys count where they are set.
        is_enabled: whether the model runs on its frames.
    """
    merged = overlay_settings(general, own)
    return InferencePlan(
        is_enabled=is_enabled,
        has_gate=merged.gate != "off",
        recheck_s=_DEFAULT_RECHECK_S if merged.recheck_s is None else merged.recheck_s,
        idle_fps=merged.idle_fps or _DEFAULT_IDLE_FPS,
        max_fps=merged.max_fps,
        max_regions=merged.regions or 0,
        columns=merged.tile_columns or 1,
        rows=merged.tile_rows or 1,
    )
