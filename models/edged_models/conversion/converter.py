"""TensorFlow's converter, from functions to a .tflite."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from edged_models.conversion.error_summary import summarize_error
from edged_models.conversion.precision import Precision
from edged_models.conversion.suppress_stderr import suppress_stderr
from edged_models.errors import SourceError
from edged_models.tensorflow import tf


def convert_functions(
    functions: Mapping[str, Any],
    held: Any,
    *,
    name: str,
    precision: Precision,
    per_channel: bool,
) -> bytes:
    """Convert concrete functions to one .tflite with a signature for each; the same functions give the same bytes.

    Args:
        functions: the functions by the names of their signatures.
        held: variables, tables and other resources that the functions use.
        name: the source's, for messages.
        precision: bits of weights and activations.
        per_channel: whether each channel of a weight has its own scale.

    Raises:
        SourceError: TensorFlow cannot convert the functions.
    """
    # Through a SavedModel: converting the function itself would inline the placeholder of a custom op.
    with _converter_errors(name), TemporaryDirectory() as folder:
        save_functions(functions, held, folder)
        with suppress_stderr():
            return _run_converter(folder, tuple(functions), precision, per_channel=per_channel)


def save_functions(functions: Mapping[str, Any], held: Any, folder: str | Path) -> None:
    """Write concrete functions as a SavedModel.

    Args:
        functions: the functions by the names of their signatures.
        held: variables, tables and other resources that the functions use. Only these are tracked: saving Keras' layers would
            trace each of them.
        folder: where to write.
    """
    module = tf.Module()
    module.held = held
    tf.saved_model.save(module, str(folder), signatures=dict(functions))


@contextmanager
def _converter_errors(name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SourceError(
            f"cannot convert {name}: {error.strerror or error}; check the space for temporary files"
        ) from error
    except Exception as error:  # the converter raises nearly anything
        raise SourceError(f"cannot convert {name}: {summarize_error(error)}") from error


def _run_converter(
    folder: str, signatures: Sequence[str], precision: Precision, *, per_channel: bool
) -> bytes:
    converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=list(signatures))
    converter.allow_custom_ops = True
    converter._experimental_disable_per_channel = not per_channel  # noqa: SLF001  # there is no public way
    if precision is not Precision.FLOAT32:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if precision is Precision.FLOAT16:
        converter.target_spec.supported_types = [tf.float16]
    return bytes(converter.convert())
