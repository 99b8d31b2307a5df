"""Training by a function of the user's: the way for any network whose loss edged-models does not know."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edged_models.compression.fine_tune_settings import FineTuneSettings
from edged_models.compression.user_code import call_user_code, find_optional
from edged_models.errors import ToolError
from edged_models.tensorflow import keras


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackTrainer:
    """Trains by ``trainer(model, steps, progress)`` in a file.

    Attributes:
        spec: ``file.py:name``, for messages.
        module: the loaded file; it may have ``evaluate(model) -> float`` and ``inputs()``, which yields (1, H, W, C) float32.
        function: the function.
    """

    spec: str
    module: ModuleType
    function: Callable[..., Any]

    def fine_tune(
        self,
        model: keras.Model,
        *,
        settings: FineTuneSettings,
        default_rate: float,  # noqa: ARG002  # the function has its own
        on_step: Callable[[int], None],
        teacher: keras.Model | None = None,
    ) -> None:
        """Let the function train in place.

        Args:
            model: the model.
            settings: steps and seed.
            default_rate: without effect.
            on_step: called with 0, and by the function after each step.
            teacher: must be None: the function has its own loss.

        Raises:
            ToolError: the function fails, does not report its steps, or a teacher is given.
        """
        if teacher is not None:
            raise ToolError(
                f"{self.spec} trains with a loss of its own and cannot imitate a teacher: give --train-on a set of pictures"
            )
        keras.utils.set_random_seed(settings.seed)
        reported = 0

        def progress(done: int) -> None:
            nonlocal reported
            reported = done
            on_step(done)

        on_step(0)
        call_user_code(self.spec, self.function, model, settings.steps, progress)
        if reported < settings.steps:
            raise ToolError(
                f"{self.spec} reported {reported} of {settings.steps} steps: it must call progress(done) after each batch"
            )

    def inputs(self, count: int) -> Iterator[NDArray[np.float32]]:
        """Yield what the file's ``inputs()`` yields: (1, H, W, C) float32; at most `count`.

        Raises:
            ToolError: the file has no such function, or it fails.
        """
        function = find_optional(self.module, "inputs")
        if function is None:
            raise ToolError(
                f"{self.spec}: this technique needs pictures; add a function inputs() to the file that yields arrays "
                "(1, height, width, channels) float32, as the model takes them"
            )
        for one in islice(call_user_code(f"{self.spec}: inputs", function), count):
            yield np.asarray(one, np.float32)

    def evaluate(self, model: keras.Model) -> float | None:
        """Return what the file's ``evaluate(model)`` returns; None if it has no such function.

        Raises:
            ToolError: it fails.
        """
        function = find_optional(self.module, "evaluate")
        if function is None:
            return None
        return float(call_user_code(f"{self.spec}: evaluate", function, model))
