"""A classifier on single pictures, encoded as the daemon encodes frames."""

from typing import Any

from numpy.typing import NDArray

from edged.config.settings import ModelSettings
from edged.errors import ConfigError, ModelError, PictureError
from edged.families.classification import ClassificationFamily
from edged.model.load import load_model
from edged.personalise.learning_pictures import LearningPicture
from edged.pictures.decode import read_picture
from edged.types import Frame


class PictureClassifier:
    """A loaded classifier."""

    def __init__(self, settings: ModelSettings) -> None:
        """Load the model.

        Raises:
            ModelError: it cannot be loaded, or is no classifier.
            RegistryError: no runtime is installed.
        """
        self._model = load_model(settings)
        family = self._model.family
        if not isinstance(family, ClassificationFamily):
            raise ModelError(
                f"{settings.path} is a model of the family {family.name}: only a classifier can learn"
            )
        self._family = family

    def encode(self, picture: LearningPicture) -> NDArray[Any]:
        """Return the input of a picture, as (1, H, W, 3) uint8, valid until the next call.

        Raises:
            ConfigError: the picture cannot be read.
        """
        try:
            frame = Frame.from_pixels(read_picture(picture.path))
        except PictureError as error:
            raise ConfigError(f"{error}: remove or replace it") from error
        return self._model.encoder(frame).array

    def classify(self, tensor: NDArray[Any]) -> str:
        """Return the label with the highest score for an input, as (1, H, W, 3) uint8.

        Raises:
            InvokeError: the runtime failed.
            ModelError: a score is not a number.
        """
        scores = self._family.score_classes(self._model.interpreter.invoke(tensor))
        return self._model.label_of(int(scores.argmax()))
