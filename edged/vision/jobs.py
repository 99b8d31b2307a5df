"""From the configuration to what each vision worker is told."""

from collections.abc import Sequence

import msgspec

from edged.config.codec import encode_path
from edged.config.settings import CameraSettings, Settings
from edged.scene.filters import DEFAULT_THRESHOLD, DetectionFilters
from edged.vision.active_model import ActiveModel
from edged.vision.messages import CameraJob, VisionJob, WorkerPlan


def make_vision_jobs(
    settings: Settings, active_model: ActiveModel, *, plan_number: int = 0
) -> tuple[VisionJob, ...]:
    """Deal the cameras out, in the config's order, among at most `[model] workers` interpreters.

    Args:
        settings: the configuration.
        active_model: which model looks.
        plan_number: of the plan that they are given.
    """
    cameras = [(name, camera) for name, camera in settings.camera.items() if camera.enabled]
    workers = min(settings.model.workers, len(cameras))
    return tuple(
        _make_job(cameras[first::workers], settings, active_model, plan_number)
        for first in range(workers)
    )


def _make_job(
    cameras: Sequence[tuple[str, CameraSettings]],
    settings: Settings,
    active_model: ActiveModel,
    plan_number: int,
) -> VisionJob:
    threshold = (
        settings.detect.threshold or active_model.recommended_filters.threshold or DEFAULT_THRESHOLD
    )
    return VisionJob(
        plan=WorkerPlan(
            number=plan_number,
            model=active_model.settings,
            name=active_model.name or "",
            min_scores=tuple(
                _find_min_score(camera, settings, active_model) for _, camera in cameras
            ),
            goldens=active_model.goldens,
            shadow=active_model.shadow,
            shadow_every=active_model.shadow_every,
            min_shadow_score=threshold,
            max_boxes=active_model.max_boxes,
        ),
        cameras=tuple(_make_camera_job(name, camera) for name, camera in cameras),
        log_level=settings.log.level,
    )


def _make_camera_job(name: str, camera: CameraSettings) -> CameraJob:
    return CameraJob(
        name=name,
        source=camera.source,
        isolation=camera.isolation,
        driver_settings=msgspec.Raw(msgspec.json.encode(camera.driver, enc_hook=encode_path)),
        masks=tuple(mask.points for mask in camera.mask.values()),
    )


def _find_min_score(camera: CameraSettings, settings: Settings, active_model: ActiveModel) -> float:
    """The least score that any label could still pass with; the model's own labels are not known yet."""
    general, own, makers = settings.detect, camera.detect, active_model.recommended_filters
    allowed = (*(own.labels or ()), *(general.labels or ()))
    filters = DetectionFilters.from_settings(
        general,
        own,
        (*own.label, *general.label, *makers.label, *allowed),
        keep_threshold=settings.track.keep_threshold,
        recommended=makers,
    )
    return filters.min_score
