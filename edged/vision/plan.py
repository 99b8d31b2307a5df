"""Makes the job and the plan of each vision worker from the configuration. Pure."""

from collections.abc import Collection, Mapping, Sequence

import msgspec

from edged.config.codec import encode_path
from edged.config.settings import CameraSettings, ModelSettings, Settings
from edged.scene.filters import DEFAULT_THRESHOLD, DetectionFilters, is_detecting
from edged.vision.active_model import ActiveModel
from edged.vision.camera_messages import CameraJob, CameraPlan
from edged.vision.inference_plan import make_inference_plan
from edged.vision.messages import VisionJob, WorkerPlan
from edged.vision.picture_policy import make_picture_plan

_UNTUNED = ModelSettings()


def make_vision_jobs(
    settings: Settings,
    active_model: ActiveModel,
    *,
    plan_number: int = 0,
    current: Sequence[Sequence[str]] = (),
) -> tuple[VisionJob, ...]:
    """Return the job of each worker.

    Args:
        settings: the configuration.
        active_model: the model to run.
        plan_number: number of the plan.
        current: names of the cameras of each worker that runs now; a camera stays with its worker where that is possible.
    """
    cameras = {name: camera for name, camera in settings.camera.items() if camera.enabled}
    return tuple(
        VisionJob(
            plan=_make_plan(
                {name: cameras[name] for name in names}, settings, active_model, plan_number
            ),
            cameras=tuple(_make_camera_job(name, cameras[name]) for name in names),
        )
        for names in deal_cameras(cameras, settings.model.workers, current)
    )


def is_same_model(one: ActiveModel, other: ActiveModel) -> bool:
    """Return whether two active models are the same to a worker: the same files, run and tried in the same way."""
    return (
        one.name == other.name
        and one.goldens == other.goldens
        and (one.shadow_every, one.max_boxes) == (other.shadow_every, other.max_boxes)
        and one.sees_every_frame == other.sees_every_frame
        and _strip_supervision(one.settings) == _strip_supervision(other.settings)
        and (one.shadow and _strip_supervision(one.shadow))
        == (other.shadow and _strip_supervision(other.shadow))
    )


def deal_cameras(
    cameras: Collection[str], max_workers: int, current: Sequence[Sequence[str]] = ()
) -> list[tuple[str, ...]]:
    """Deal cameras out to at most `max_workers` workers, as evenly as possible.

    Args:
        cameras: names of all cameras, in the configuration's order.
        max_workers: no more workers than this, and none without a camera.
        current: names of the cameras of each worker that runs now. If they can be kept together, only the workers of added and removed
            cameras change.
    """
    worker_count = min(max_workers, len(cameras))
    groups = [group for old in current if (group := [name for name in old if name in cameras])]
    if len(groups) <= worker_count:
        _add_cameras(groups, cameras, worker_count)
        sizes = [len(group) for group in groups]
        if not sizes or max(sizes) - min(sizes) <= 1:
            return [tuple(group) for group in groups]
    names = list(cameras)
    return [tuple(names[first::worker_count]) for first in range(worker_count)]


def _add_cameras(groups: list[list[str]], cameras: Collection[str], worker_count: int) -> None:
    """Add groups up to `worker_count`, and each new camera to the smallest one."""
    dealt = {name for group in groups for name in group}
    groups += [[] for _ in range(worker_count - len(groups))]
    for name in cameras:
        if name not in dealt:
            min(groups, key=len).append(name)


def _make_plan(
    cameras: Mapping[str, CameraSettings],
    settings: Settings,
    active_model: ActiveModel,
    plan_number: int,
) -> WorkerPlan:
    return WorkerPlan(
        number=plan_number,
        model=_strip_supervision(active_model.settings),
        name=active_model.name,
        cameras=tuple(
            CameraPlan(
                min_score=(min_score := _find_min_score(camera, settings, active_model)),
                threshold=_find_threshold(min_score, settings),
                inference=make_inference_plan(
                    settings.inference,
                    camera.inference,
                    is_enabled=is_detecting(settings.detect, camera.detect),
                ),
                masks=tuple(mask.points for mask in camera.mask.values() if mask.enabled),
                weight=camera.weight,
                pictures=make_picture_plan(settings, name),
            )
            for name, camera in cameras.items()
        ),
        goldens=active_model.goldens,
        shadow=active_model.shadow and _strip_supervision(active_model.shadow),
        shadow_every=active_model.shadow_every,
        min_shadow_score=settings.detect.threshold
        or active_model.recommended_filters.threshold
        or DEFAULT_THRESHOLD,
        max_boxes=active_model.max_boxes,
        sees_every_frame=active_model.sees_every_frame,
        log_level=settings.log.level,
        acceptances=active_model.acceptances,
    )


def _strip_supervision(model: ModelSettings) -> ModelSettings:
    """Return the settings without those that only the supervisor uses, so that a change of them is no other model to a worker."""
    return msgspec.structs.replace(model, hang_s=_UNTUNED.hang_s, workers=_UNTUNED.workers)


def _make_camera_job(name: str, camera: CameraSettings) -> CameraJob:
    return CameraJob(
        name=name,
        source=camera.source,
        isolation=camera.isolation,
        driver_settings=msgspec.Raw(msgspec.json.encode(camera.driver, enc_hook=encode_path)),
    )


def _find_min_score(camera: CameraSettings, settings: Settings, active_model: ActiveModel) -> float:
    """Return the lowest score that any label could still pass with; the model's own labels are not known yet."""
    general, own, recommended = settings.detect, camera.detect, active_model.recommended_filters
    allowed = (*(own.labels or ()), *(general.labels or ()))
    filters = DetectionFilters.from_settings(
        general,
        own,
        (*own.label, *general.label, *recommended.label, *allowed),
        keep_threshold=settings.track.keep_threshold,
        recommended=recommended,
    )
    return filters.min_score


def _find_threshold(min_score: float, settings: Settings) -> float:
    """Return the lowest score with which an object can begin, of which `min_score` is the share `keep_threshold`."""
    share = settings.track.keep_threshold
    return min(min_score / share, 1.0) if share else DEFAULT_THRESHOLD
