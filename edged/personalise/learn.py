"""Learning from labelled pictures: from a personalisable model to the content of a new one, with its accuracy before and after."""

import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edged.config.settings import ModelSettings
from edged.errors import ConfigError, ModelError, RegistryError
from edged.interpreters.signature_runners import SignatureRunners
from edged.model.file.metadata import read_metadata
from edged.model.load import runtime_names
from edged.personalise.classifier import PictureClassifier
from edged.personalise.head_file import HeadLocation, locate_head, patch_head, replace_labels
from edged.personalise.learning_pictures import LearningPictures
from edged.personalise.report import LearningReport
from edged.personalise.training import SIGNATURES, FeatureSet, TrainedLayer, train_layer
from edged.types import F32

ProgressCallback = Callable[[str, float], None]
"""Receives a text on the current step, and the fraction 0..1 that is done."""


@dataclass(frozen=True, slots=True, eq=False)
class _Observed:
    """What the old model says about the pictures: their features, (N, C) float32, and its accuracy on those held out."""

    features: F32
    accuracy: float


def learn(
    settings: ModelSettings,
    pictures: LearningPictures,
    out: Path,
    *,
    steps: int,
    seed: int,
    on_progress: ProgressCallback,
) -> LearningReport:
    """Train the last layer of a model, and write the new model.

    Args:
        settings: name the personalisable model, which has passed the self-test, and the runtime.
        pictures: what to learn.
        out: path of the new model.
        steps: number of batches.
        seed: determines the batches.
        on_progress: receives the progress.

    Raises:
        ModelError: the model cannot learn, or the new one does not run.
        InvokeError: the runtime failed.
        ConfigError: a picture cannot be read, there are too many classes, or `out` cannot be written.
        RegistryError: no runtime is installed.
    """
    path = settings.resolve_file()
    location = locate_head(path)
    _check_class_count(pictures, location, path)
    begin_s = time.monotonic()
    runners = _open_runners(settings, path)
    observed = _observe(settings, runners, pictures, on_progress)
    features_s = time.monotonic() - begin_s
    on_progress("training", 0.0)
    begin_s = time.monotonic()
    trained = _train(runners, pictures, observed.features, steps=steps, seed=seed)
    training_s = time.monotonic() - begin_s
    _write_model(settings, location, trained, pictures.labels, out)
    accuracy = _measure_accuracy(ModelSettings(path=out, runtime=settings.runtime), pictures)
    counts = np.bincount([one.class_id for one in pictures.held_out])
    return LearningReport(
        labels=pictures.labels,
        training_pictures=len(pictures.pictures) - len(pictures.held_out),
        held_out_pictures=len(pictures.held_out),
        accuracy_before=observed.accuracy,
        accuracy_after=accuracy,
        accuracy_of_guessing=float(counts.max() / counts.sum()),
        loss=trained.loss,
        features_s=features_s,
        training_s=training_s,
        peak_memory_mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    )


def _check_class_count(pictures: LearningPictures, location: HeadLocation, path: Path) -> None:
    if len(pictures.labels) > location.classes:
        raise ConfigError(
            f"there are pictures of {len(pictures.labels)} classes, and {path} can learn {location.classes}: "
            "make one for more by `edged-models personalise --classes`"
        )


def _open_runners(settings: ModelSettings, path: Path) -> SignatureRunners:
    failures = []
    for runtime in runtime_names(settings):
        try:
            return SignatureRunners(path, runtime, SIGNATURES)
        except RegistryError as error:
            failures.append(str(error))
    raise RegistryError("no model runtime can be used: " + "; ".join(failures))


def _observe(
    settings: ModelSettings,
    runners: SignatureRunners,
    pictures: LearningPictures,
    on_progress: ProgressCallback,
) -> _Observed:
    """Run the old model on all pictures."""
    classifier = PictureClassifier(settings)
    features, correct = [], []
    for number, one in enumerate(pictures.pictures):
        on_progress(f"{one.path.parent.name}/{one.path.name}", number / len(pictures.pictures))
        tensor = classifier.encode(one)
        features.append(runners.run("features", picture=tensor)["features"][0])
        if one.is_held_out:
            correct.append(classifier.classify(tensor) == pictures.labels[one.class_id])
    return _Observed(np.stack(features), float(np.mean(correct)))


def _train(
    runners: SignatureRunners,
    pictures: LearningPictures,
    features: F32,
    *,
    steps: int,
    seed: int,
) -> TrainedLayer:
    chosen = [number for number, one in enumerate(pictures.pictures) if not one.is_held_out]
    classes = np.array([pictures.pictures[number].class_id for number in chosen], np.int32)
    samples = FeatureSet(features[chosen], classes)
    return train_layer(runners, samples, class_count=len(pictures.labels), steps=steps, seed=seed)


def _write_model(
    settings: ModelSettings,
    location: HeadLocation,
    trained: TrainedLayer,
    labels: Sequence[str],
    out: Path,
) -> None:
    expected = (location.classes, location.features)
    if trained.weights.shape != expected:
        raise ModelError(
            f"the model trains a layer of {trained.weights.shape}, and runs one of {expected}: make it again"
        )
    path = settings.resolve_file()
    content = patch_head(path.read_bytes(), location, trained.weights, trained.bias)
    file = read_metadata(path).labels_file
    try:
        out.write_bytes(replace_labels(content, labels, location.classes, file))
    except OSError as error:
        raise ConfigError(f"cannot write {out}: {error.strerror or error}") from error


def _measure_accuracy(settings: ModelSettings, pictures: LearningPictures) -> float:
    classifier = PictureClassifier(settings)
    return float(
        np.mean(
            [
                classifier.classify(classifier.encode(one)) == pictures.labels[one.class_id]
                for one in pictures.held_out
            ]
        )
    )
