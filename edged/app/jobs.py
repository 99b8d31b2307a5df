"""From the configuration to what each vision worker is told."""

import msgspec

from edged.config.codec import encode_path
from edged.config.settings import CameraSettings, Settings
from edged.filters import Filters
from edged.workers.protocol import CameraJob, VisionJob


def vision_jobs(settings: Settings) -> tuple[VisionJob, ...]:
    """Deal the cameras out, in the config's order, among at most `[model] workers` interpreters."""
    cameras = [
        _camera_job(name, camera, settings)
        for name, camera in settings.camera.items()
        if camera.enabled
    ]
    workers = min(settings.model.workers, len(cameras))
    return tuple(
        VisionJob(
            model=settings.model,
            cameras=tuple(cameras[first::workers]),
            log_level=settings.log.level,
        )
        for first in range(workers)
    )


def _camera_job(name: str, camera: CameraSettings, settings: Settings) -> CameraJob:
    return CameraJob(
        name=name,
        source=camera.source,
        isolation=camera.isolation,
        driver=msgspec.Raw(msgspec.json.encode(camera.driver, enc_hook=encode_path)),
        masks=tuple(mask.points for mask in camera.mask.values()),
        min_score=_min_score(camera, settings),
    )


def _min_score(camera: CameraSettings, settings: Settings) -> float:
    """The least score that any label could still pass with; the model's own labels are not known yet."""
    general, own = settings.detect, camera.detect
    named = (*own.label, *general.label, *(own.labels or ()), *(general.labels or ()))
    filters = Filters.of(general, own, named, keep_threshold=settings.track.keep_threshold)
    return filters.floor
