"""What the workers are to run: the configuration, the active model, and the number of their plan."""

from collections.abc import Sequence

from edged.config.settings import Settings
from edged.vision.active_model import ActiveModel
from edged.vision.messages import VisionJob
from edged.vision.plan import is_same_model, make_vision_jobs


class ActivePlan:
    """The plan of all workers; its number grows with each change of the model."""

    def __init__(self, settings: Settings, model: ActiveModel) -> None:
        """Begin with number 0.

        Args:
            settings: the configuration.
            model: the active model.
        """
        self.settings = settings
        self.model = model
        self.number = 0

    @property
    def model_name(self) -> str:
        """The model's name and version, its path, or "bundled"."""
        return self.model.name or str(self.settings.model.path or "bundled")

    def set_model(self, model: ActiveModel) -> None:
        """Run this model from now on."""
        if not is_same_model(model, self.model):
            self.number += 1
        self.model = model

    def make_jobs(self, current: Sequence[Sequence[str]] = ()) -> tuple[VisionJob, ...]:
        """Return the job of each worker.

        Args:
            current: names of the cameras of each worker that runs now.
        """
        return make_vision_jobs(self.settings, self.model, plan_number=self.number, current=current)
