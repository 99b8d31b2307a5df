"""What a plan asks for, and where the newest one waits to be carried out."""

import threading

from edged.config.settings import ModelSettings
from edged.vision.messages import WorkerPlan


def needs_same_device(one: ModelSettings, other: ModelSettings) -> bool:
    """Whether only one of the two can be loaded at a time: an accelerator is held by the model that runs on it."""
    return one.delegate is not None and one.delegate == other.delegate


def shadow_of(plan: WorkerPlan) -> ModelSettings | None:
    """The model that is kept beside the one that looks; None without a trial, or where both want the same device."""
    shadow = plan.shadow
    if shadow is None or shadow == plan.model or needs_same_device(plan.model, shadow):
        return None
    return shadow


def uses_model(plan: WorkerPlan, model: ModelSettings) -> bool:
    """Whether a plan has any use for a model."""
    return model in (plan.model, shadow_of(plan))


class PlanMailbox:
    """Any thread lays plans in, one takes them out: the newest wins, older ones are never carried out."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._newest: WorkerPlan | None = None

    def put(self, plan: WorkerPlan) -> None:
        """Lay one in; one that still lies there is forgotten."""
        with self._lock:
            self._newest = plan

    def take(self) -> WorkerPlan | None:
        """The newest that has not been taken yet."""
        with self._lock:
            plan, self._newest = self._newest, None
            return plan
