"""A model under evaluation: self-tested in a sandboxed process, then opened in this one."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from edged.config.settings import ModelSettings
from edged.errors import EdgedError
from edged.families.classification import ClassificationFamily
from edged.interfaces import Interpreter
from edged.model.encode import Encoder
from edged.model.load import load_model
from edged.selftest.process import self_test_model
from edged.types import F32, Detections, Fit, Frame, PixelFormat
from edged_models.errors import SourceError, ToolError
from edged_models.pictures.labelled import LabelledPicture, Task


class EvaluatedModel:
    """One model on one runtime; close it, or use it in a ``with``.

    Attributes:
        path: the model file.
        settings: the settings with which it was opened.
        sha256: hexadecimal digest of the file.
        loaded_model: the model as the daemon loads it.
        labels: the class names by class id; () if the file names none.
        invoke_ms: duration of each invocation, ms.
    """

    def __init__(
        self,
        path: Path,
        *,
        runtime: str = "auto",
        threads: int = 1,
        labels_file: Path | None = None,
    ) -> None:
        """Self-test the file in a child process, which it may crash, and open it.

        Args:
            path: the model file.
            runtime: ``litert``, ``tflite``, or ``auto`` for the first that is installed.
            threads: CPU threads of the interpreter.
            labels_file: class names, one a line; None for those in the file.

        Raises:
            EdgedError: the self-test or the runtime rejects the file.
        """
        self.path = path
        self.settings = ModelSettings(
            path=path, runtime=runtime, threads=threads, labels_file=labels_file
        )
        self_test_model(self.settings)
        self.loaded_model = load_model(self.settings)
        self.sha256 = sha256(path.read_bytes()).hexdigest()
        named = range(len(self.loaded_model.labels) - self.loaded_model.family.class_offset)
        self.labels = tuple(self.loaded_model.label_of(class_id) for class_id in named)
        self.invoke_ms: list[float] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.loaded_model.interpreter.close()

    def with_interpreter(self, interpreter: Interpreter) -> Self:
        """Return the same model on another interpreter of the same file."""
        other = copy(self)
        encoder = Encoder(self.loaded_model.family.input)
        other.loaded_model = replace(self.loaded_model, interpreter=interpreter, encoder=encoder)
        other.invoke_ms = []
        return other

    @property
    def task(self) -> Task:
        """The kind of answer: where objects are, or which class the whole picture has."""
        is_classifier = isinstance(self.loaded_model.family, ClassificationFamily)
        return Task.CLASSIFICATION if is_classifier else Task.DETECTION

    @property
    def input_px(self) -> tuple[int, int]:
        """Width and height of the model's input."""
        return self.loaded_model.family.input.width, self.loaded_model.family.input.height

    def detect(self, picture: LabelledPicture, *, min_score: float = 0.0) -> tuple[Detections, Fit]:
        """Run inference on a picture through the daemon's own encoding and decoding; return how the picture was fitted, too.

        Raises:
            ToolError: the runtime failed, or the outputs are invalid.
        """
        family = self.loaded_model.family
        with self._naming(picture):
            outputs, fit = self._invoke(picture)
            return family.decode(outputs, fit, min_score=min_score), fit

    def classify(self, picture: LabelledPicture) -> F32:
        """Run a classifier on a picture through the daemon's own encoding and decoding.

        Returns:
            (C,) float32, the score of each class id.

        Raises:
            SourceError: the model is a detector.
            ToolError: the runtime failed, or the outputs are invalid.
        """
        family = self.loaded_model.family
        if not isinstance(family, ClassificationFamily):
            raise SourceError(f"{self.path} is a detector: it does not classify whole pictures")
        with self._naming(picture):
            outputs, _ = self._invoke(picture)
            return family.score_classes(outputs)

    def _invoke(self, picture: LabelledPicture) -> tuple[tuple[NDArray[np.generic], ...], Fit]:
        tensor = self.loaded_model.encoder(to_frame(picture.image))
        start_ns = time.perf_counter_ns()
        outputs = self.loaded_model.interpreter.invoke(tensor.array)
        self.invoke_ms.append((time.perf_counter_ns() - start_ns) / 1e6)
        return outputs, tensor.fit

    @contextmanager
    def _naming(self, picture: LabelledPicture) -> Iterator[None]:
        """Name model and picture in the daemon's errors."""
        try:
            yield
        except EdgedError as error:
            raise ToolError(f"{self.path} failed on {picture.name}: {error}") from error


def to_frame(image: NDArray[np.uint8]) -> Frame:
    """Return a picture, (H, W, 3) uint8 RGB, as the frame that a camera would deliver."""
    return Frame.from_pixels(np.ascontiguousarray(image), PixelFormat.RGB24)
