"""Judging of models by labelled pictures: mean average precision of detectors, accuracy of classifiers."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from edged.config.settings import ModelSettings
from edged.families.classification import ClassificationFamily
from edged.model.load import Model, load_model
from edged_models.errors import PicturesError
from edged_models.evaluation.evaluate import evaluate
from edged_models.evaluation.evaluated_model import to_frame
from edged_models.evaluation.label_mapping import map_labels
from edged_models.pictures.labelled import PictureSet, Task

_RUNTIME = "litert"


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureJudge:
    """Judges models by one set of labelled pictures.

    Attributes:
        pictures: the set.
    """

    pictures: PictureSet

    @property
    def measure_name(self) -> str:
        """The name of the score."""
        return "accuracy" if self.pictures.task is Task.CLASSIFICATION else "mAP"

    def score(self, model: bytes) -> float:
        """Return the accuracy, or the mean average precision as COCO defines it (IoU 0.50 to 0.95).

        Args:
            model: the .tflite with its labels.

        Raises:
            PicturesError: a picture cannot be read, or the labels are of the wrong kind for the model.
            ToolError: model and pictures share no label, or the model fails on a picture.
        """
        with TemporaryDirectory() as folder:
            path = Path(folder) / "judged.tflite"
            path.write_bytes(model)
            if self.pictures.task is Task.CLASSIFICATION:
                return self._measure_accuracy(path)
            return evaluate(path, self.pictures, runtime=_RUNTIME).ap

    def _measure_accuracy(self, path: Path) -> float:
        model = load_model(ModelSettings(path=path, runtime=_RUNTIME, threads=1))
        try:
            if not isinstance(model.family, ClassificationFamily):
                raise PicturesError(
                    f"{self.pictures.name} has one class for each picture, and the model is a detector: give boxes"
                )
            right = self._count_right(model, path)
        finally:
            model.interpreter.close()
        return right / len(self.pictures)

    def _count_right(self, model: Model, path: Path) -> int:
        count = len(model.labels) - model.family.class_offset
        labels = tuple(model.label_of(class_id) for class_id in range(count))
        mapping = map_labels(labels, self.pictures.labels, model_name=path)
        right = 0
        for picture in self.pictures:
            tensor = model.encoder(to_frame(picture.image))
            outputs = model.interpreter.invoke(tensor.array)
            found = model.family.decode(outputs, tensor.fit, min_score=0.0).class_ids
            wanted = mapping.picture_indices[picture.classes]
            right += bool(
                len(found) and len(wanted) and mapping.model_indices[found[0]] == wanted[0]
            )
        return right
