"""Rules on what a plan needs, and the mailbox in which the newest plan waits for the inference loop."""

import threading

from edged.config.settings import ModelSettings
from edged.vision.messages import WorkerPlan


def needs_same_device(one: ModelSettings, other: ModelSettings) -> bool:
    """Return whether only one of the two models can be loaded at a time: a model holds the accelerator that it runs on."""
    return one.delegate is not None and one.delegate == other.delegate


def shadow_of(plan: WorkerPlan) -> ModelSettings | None:
    """Return the model that runs beside the candidate; None without a trial, or if both need the same device."""
    shadow = plan.shadow
    if shadow is None or shadow == plan.model or needs_same_device(plan.model, shadow):
        return None
    return shadow


def uses_model(plan: WorkerPlan, model: ModelSettings) -> bool:
    """Return whether a plan needs a model."""
    return model in (plan.model, shadow_of(plan))


def describe_mismatch(plan: WorkerPlan, camera_count: int) -> str | None:
    """Return why a plan cannot be carried out with any model; None if it can."""
    planned = len(plan.cameras)
    if planned == camera_count:
        return None
    return f"the plan is for {planned} cameras; there are {camera_count}"


class PlanMailbox:
    """Holds the newest plan: any thread puts plans in, one takes them out, and an older one is never carried out."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._newest: WorkerPlan | None = None

    def put(self, plan: WorkerPlan) -> None:
        """Put a plan in, in place of one that was not taken yet."""
        with self._lock:
            self._newest = plan

    @property
    def is_empty(self) -> bool:
        """True if there is no plan to take."""
        return self._newest is None

    def take(self) -> WorkerPlan | None:
        """Take the newest plan out; return None if there is none."""
        with self._lock:
            plan, self._newest = self._newest, None
            return plan
