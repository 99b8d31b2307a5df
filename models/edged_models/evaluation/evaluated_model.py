"""A model that is to be judged: tried in a process of its own, then opened here, and shown pictures."""

import time
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
from edged.interfaces import Interpreter
from edged.model.encode import Encoder
from edged.model.load import load_model
from edged.selftest.process import self_test_model
from edged.types import Detections, Fit, Frame, PixelFormat
from edged_models.errors import SourceError, ToolError
from edged_models.pictures.labelled import LabelledPicture

_CLASSIFICATION = "classification"


class EvaluatedModel:
    """One model on one runtime; close it, or use it in a ``with``.

    Attributes:
        path: of the file.
        settings: how it was opened.
        sha256: of the file.
        loaded_model: as the daemon has it.
        labels: the names of its classes by class id; () if it names none.
        invoke_ms: how long each invocation took.
    """

    def __init__(
        self,
        path: Path,
        *,
        runtime: str = "auto",
        threads: int = 1,
        labels_file: Path | None = None,
    ) -> None:
        """Try the file in a child, which may die of it, and open it.

        Raises:
            SourceError: it is no detector.
            EdgedError: it was refused.
        """
        self.path = path
        self.settings = ModelSettings(
            path=path, runtime=runtime, threads=threads, labels_file=labels_file
        )
        if self_test_model(self.settings).family == _CLASSIFICATION:
            raise SourceError(
                f"{path} is no detector: it classifies whole pictures, and gives no boxes to judge"
            )
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
        """The same model on another interpreter of it."""
        other = copy(self)
        encoder = Encoder(self.loaded_model.family.input)
        other.loaded_model = replace(self.loaded_model, interpreter=interpreter, encoder=encoder)
        other.invoke_ms = []
        return other

    @property
    def input_px(self) -> tuple[int, int]:
        """Width and height of its input."""
        return self.loaded_model.family.input.width, self.loaded_model.family.input.height

    def detect(self, picture: LabelledPicture, *, min_score: float = 0.0) -> tuple[Detections, Fit]:
        """What it finds in a picture, by the daemon's own encoding and decoding, and how the picture was fitted in.

        Raises:
            ToolError: the runtime failed on it, or the outputs are nonsense.
        """
        try:
            tensor = self.loaded_model.encoder(to_frame(picture.image))
            began_ns = time.perf_counter_ns()
            outputs = self.loaded_model.interpreter.invoke(tensor.array)
            self.invoke_ms.append((time.perf_counter_ns() - began_ns) / 1e6)
            return self.loaded_model.family.decode(
                outputs, tensor.fit, min_score=min_score
            ), tensor.fit
        except EdgedError as error:
            raise ToolError(f"{self.path} failed on {picture.name}: {error}") from error


def to_frame(image: NDArray[np.uint8]) -> Frame:
    """A (H, W, 3) uint8 RGB picture as a camera would deliver it."""
    return Frame.from_pixels(np.ascontiguousarray(image), PixelFormat.RGB24)
