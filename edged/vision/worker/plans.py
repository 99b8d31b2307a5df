"""What a plan asks for, and where the newest one waits to be carried out."""

import threading

from edged.config.settings import ModelSettings
from edged.vision.messages import Plan


def share_a_device(one: ModelSettings, other: ModelSettings) -> bool:
    """Whether only one of the two can be loaded at a time: an accelerator is held by the model that runs on it."""
    return one.delegate is not None and one.delegate == other.delegate


def shadow_of(plan: Plan) -> ModelSettings | None:
    """The model that is kept beside the one that looks; None without a trial, or where both want the same device."""
    shadow = plan.shadow
    if shadow is None or shadow == plan.model or share_a_device(plan.model, shadow):
        return None
    return shadow


def names(plan: Plan, model: ModelSettings) -> bool:
    """Whether a plan has any use for a model."""
    return model in (plan.model, shadow_of(plan))


class PlanBox:
    """Any thread lays plans in, one takes them out: the newest wins, older ones are never carried out."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._newest: Plan | None = None

    def put(self, plan: Plan) -> None:
        """Lay one in; one that still lies there is forgotten."""
        with self._lock:
            self._newest = plan

    def take(self) -> Plan | None:
        """The newest that has not been taken yet."""
        with self._lock:
            plan, self._newest = self._newest, None
            return plan
