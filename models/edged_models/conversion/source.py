"""What is converted: something trained that can be written as a .tflite."""

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

from edged_models.conversion.error_summary import summarize_error
from edged_models.conversion.model_metadata import ModelMetadata
from edged_models.conversion.output_order import restore_output_order
from edged_models.conversion.suppress_stderr import suppress_stderr
from edged_models.errors import SourceError
from edged_models.tensorflow import tf


class Precision(StrEnum):
    """What the converter itself can make of weights, without having seen a picture."""

    FLOAT32 = "float32"
    DYNAMIC = "dynamic"
    """Weights of 8 bits, activations of 32."""
    FLOAT16 = "float16"
    """Weights of 16 bits, computed with 32."""
    LEARNED_RANGES = "learnt"
    """Eight bits throughout, with the ranges that quantisation-aware training has learnt."""


class ModelSource(Protocol):
    """Something trained.

    Attributes:
        name: for messages and for the file's name.
        metadata: what the .tflite shall say of itself.
        has_learned_ranges: whether it was trained quantisation-aware, and needs no calibration.
    """

    name: str
    metadata: ModelMetadata
    has_learned_ranges: bool

    def to_tflite(self, precision: Precision, *, per_channel: bool = True) -> bytes:
        """The .tflite, without metadata.

        Raises:
            SourceError: it cannot be had so.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionSource:
    """A function of TensorFlow.

    Attributes:
        name: see `Source`.
        metadata: see `Source`.
        has_learned_ranges: see `Source`.
        function: concrete; from tensors of fixed shapes to tensors by name.
        variables: the function's own, which it does not keep alive itself.
        outputs: the names, in the order in which the .tflite shall have them.
        tracked_resources: whatever of the function's must be saved with it beside its variables: a loaded SavedModel's tables.
    """

    name: str
    metadata: ModelMetadata
    function: Any
    variables: tuple[Any, ...]
    outputs: tuple[str, ...]
    has_learned_ranges: bool = False
    tracked_resources: Any = None
    _converted_models: dict[tuple[Precision, bool], bytes] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """What was written once: several schemes begin with the float32 model."""

    def to_tflite(self, precision: Precision, *, per_channel: bool = True) -> bytes:
        """See `Source`; the same function gives the same bytes."""
        known = self._converted_models.get((precision, per_channel))
        if known is None:
            known = self._convert(precision, per_channel=per_channel)
            self._converted_models[precision, per_channel] = known
        return known

    def _convert(self, precision: Precision, *, per_channel: bool) -> bytes:
        # By way of a SavedModel: converting the function itself would inline the stand-in of a custom op. Only the variables
        # are tracked, for saving Keras' layers would trace each of them.
        module = tf.Module()
        module.variables_, module.held = list(self.variables), self.tracked_resources
        try:
            with TemporaryDirectory() as folder:
                tf.saved_model.save(module, folder, signatures=self.function)
                with suppress_stderr():
                    model = _run_converter(folder, precision, per_channel=per_channel)
        except OSError as error:
            raise SourceError(
                f"cannot convert {self.name}: {error.strerror or error}; is the disk of temporary files full?"
            ) from error
        except Exception as error:  # the converter raises nearly anything
            raise SourceError(f"cannot convert {self.name}: {summarize_error(error)}") from error
        return restore_output_order(model, self.outputs)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSource:
    """A float32 .tflite, of which nothing else is left."""

    name: str
    metadata: ModelMetadata
    model: bytes
    has_learned_ranges: bool = False

    def to_tflite(self, precision: Precision, *, per_channel: bool = True) -> bytes:  # noqa: ARG002  # of the protocol
        """See `Source`."""
        if precision is not Precision.FLOAT32:
            raise SourceError(
                f"{self.name} is a .tflite already, and TensorFlow makes {precision} models only from what it was converted from: "
                "give the checkpoint, Keras file or SavedModel, or choose int8 or int16x8"
            )
        return self.model


def _run_converter(folder: str | Path, precision: Precision, *, per_channel: bool) -> bytes:
    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder))
    converter.allow_custom_ops = True
    converter._experimental_disable_per_channel = not per_channel  # noqa: SLF001  # there is no public way
    if precision is not Precision.FLOAT32:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if precision is Precision.FLOAT16:
        converter.target_spec.supported_types = [tf.float16]
    return bytes(converter.convert())
