"""Logs of a training for TensorBoard."""

from pathlib import Path

from msgspec import structs

from edged_models.errors import ToolError
from edged_models.tensorflow import tf
from edged_models.training.journal import TrainingStep

_NOT_PLOTTED = ("step", "weights")


class TensorBoardLog:
    """A folder of event files, which `tensorboard --logdir` shows."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writer = None

    def write(self, line: TrainingStep, *, rate: float) -> None:
        """Write the numbers of a line of the journal.

        Args:
            line: the line.
            rate: the learning rate of its step.

        Raises:
            ToolError: the folder cannot be written.
        """
        values = {
            n: v for n, v in structs.asdict(line).items() if n not in _NOT_PLOTTED and v is not None
        }
        try:
            self._writer = self._writer or tf.summary.create_file_writer(str(self._folder))
            with self._writer.as_default(step=line.step):
                for name, value in {**values, "rate": rate}.items():
                    tf.summary.scalar(name, value)
            self._writer.flush()
        except (OSError, tf.errors.OpError) as error:
            raise ToolError(f"cannot write TensorBoard logs to {self._folder}: {error}") from error
