"""What is wrong with the labels of one camera and its model. No I/O."""

from edged.config.label_names import check_label_names_of_camera
from edged.config.problems import format_key
from edged.config.settings import Settings
from edged.types import label_of


class LabelFaults:
    """The labels in the settings that the model does not have, and the model's classes that have no entry in its label list."""

    def __init__(self, settings: Settings, camera: str, labels: tuple[str, ...]) -> None:
        """Check the labels that the camera's settings name.

        Args:
            settings: the configuration.
            camera: the camera's name.
            labels: the model's labels by class id; empty if it has none.
        """
        self._label_count = len(labels)
        self._highest_class_id: int | None = None
        """The highest class id beyond the list that was seen; None before there is one."""
        known = [label_of(labels, class_id) for class_id in range(len(labels))]
        self._unknown = tuple(
            f"{format_key(problem.key_path)}: {problem.message}; {problem.hint}"
            for problem in check_label_names_of_camera(settings, camera, known)
        )

    def add_class_id(self, class_id: int | None) -> bool:
        """Take the highest class id that the model has reported, None if there is none; return whether it is new, and beyond the list."""
        if not self._label_count or class_id is None:
            return False
        if class_id < self._label_count or class_id <= (self._highest_class_id or 0):
            return False
        self._highest_class_id = class_id
        return True

    @property
    def descriptions(self) -> tuple[str, ...]:
        """A sentence for each fault."""
        if self._highest_class_id is None:
            return self._unknown
        beyond = (
            f"the model reports the class {self._highest_class_id}, but its label list has {self._label_count} names, for the classes from 0: "
            "use the list that belongs to this model"
        )
        return (*self._unknown, beyond)
