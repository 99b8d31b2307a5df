"""From the configuration to what each vision worker is told."""

from collections.abc import Sequence

import msgspec

from edged.config.codec import encode_path
from edged.config.settings import CameraSettings, Settings
from edged.scene.filters import DEFAULT_THRESHOLD, Filters
from edged.vision.active_model import Choice
from edged.vision.messages import CameraJob, Plan, VisionJob


def vision_jobs(settings: Settings, choice: Choice, *, number: int = 0) -> tuple[VisionJob, ...]:
    """Deal the cameras out, in the config's order, among at most `[model] workers` interpreters.

    Args:
        settings: the configuration.
        choice: which model looks.
        number: of the plan that they are given.
    """
    cameras = [(name, camera) for name, camera in settings.camera.items() if camera.enabled]
    workers = min(settings.model.workers, len(cameras))
    return tuple(
        _job(cameras[first::workers], settings, choice, number) for first in range(workers)
    )


def _job(
    cameras: Sequence[tuple[str, CameraSettings]], settings: Settings, choice: Choice, number: int
) -> VisionJob:
    threshold = settings.detect.threshold or choice.recommended.threshold or DEFAULT_THRESHOLD
    return VisionJob(
        plan=Plan(
            number=number,
            model=choice.model,
            name=choice.name,
            min_scores=tuple(_min_score(camera, settings, choice) for _, camera in cameras),
            goldens=choice.goldens,
            shadow=choice.shadow,
            shadow_every=choice.probation.shadow_every,
            shadow_score=threshold,
            most_boxes=choice.probation.most_boxes,
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


def _min_score(camera: CameraSettings, settings: Settings, choice: Choice) -> float:
    """The least score that any label could still pass with; the model's own labels are not known yet."""
    general, own, makers = settings.detect, camera.detect, choice.recommended
    allowed = (*(own.labels or ()), *(general.labels or ()))
    filters = Filters.of(
        general,
        own,
        (*own.label, *general.label, *makers.label, *allowed),
        keep_threshold=settings.track.keep_threshold,
        recommended=makers,
    )
    return filters.floor
