"""The report on learning."""

from msgspec import Struct


class LearningReport(Struct, frozen=True, kw_only=True):
    """The result of learning, and its cost.

    Attributes:
        labels: the classes.
        training_pictures: number of pictures that were trained on.
        held_out_pictures: number of pictures that measured the accuracy.
        accuracy_before: share of the held-out pictures that the old model classifies correctly, 0..1; 0 if it does not know the classes.
        accuracy_after: that of the new model.
        accuracy_of_guessing: share of the class with the most held-out pictures.
        loss: mean cross-entropy of the last batch.
        features_s: duration of the computation of the features, seconds.
        training_s: duration of the training, seconds.
        peak_memory_mib: largest resident memory of this process so far, MiB.
    """

    labels: tuple[str, ...]
    training_pictures: int
    held_out_pictures: int
    accuracy_before: float
    accuracy_after: float
    accuracy_of_guessing: float
    loss: float
    features_s: float
    training_s: float
    peak_memory_mib: float

    @property
    def is_better(self) -> bool:
        """Whether the new model is not worse than the old one, and better than guessing."""
        return (
            self.accuracy_after >= self.accuracy_before
            and self.accuracy_after > self.accuracy_of_guessing
        )
