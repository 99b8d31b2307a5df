"""From the configuration to what each vision worker is told."""

from collections.abc import Sequence

import msgspec

from edged.config.codec import encode_path
from edged.config.settings import CameraSettings, Settings
from edged.filters import Filters
from edged.workers.protocol import CameraJob, Plan, VisionJob


def vision_jobs(settings: Settings) -> tuple[VisionJob, ...]:
    """Deal the cameras out, in the config's order, among at most `[model] workers` interpreters."""
    cameras = [(name, camera) for name, camera in settings.camera.items() if camera.enabled]
    workers = min(settings.model.workers, len(cameras))
    return tuple(_job(cameras[first::workers], settings) for first in range(workers))


def _job(cameras: Sequence[tuple[str, CameraSettings]], settings: Settings) -> VisionJob:
    return VisionJob(
        plan=Plan(
            model=settings.model,
            min_scores=tuple(_min_score(camera, settings) for _, camera in cameras),
        ),
        cameras=tuple(_camera_job(name, camera) for name, camera in cameras),
        log_level=settings.log.level,
    )


def _camera_job(name: str, camera: CameraSettings) -> CameraJob:
    return CameraJob(
        name=name,
        source=camera.source,
        isolation=camera.isolation,
        driver=msgspec.Raw(msgspec.json.encode(camera.driver, enc_hook=encode_path)),
        masks=tuple(mask.points for mask in camera.mask.values()),
    )


def _min_score(camera: CameraSettings, settings: Settings) -> float:
    """The least score that any label could still pass with; the model's own labels are not known yet."""
    general, own = settings.detect, camera.detect
    named = (*own.label, *general.label, *(own.labels or ()), *(general.labels or ()))
    filters = Filters.of(general, own, named, keep_threshold=settings.track.keep_threshold)
    return filters.floor
