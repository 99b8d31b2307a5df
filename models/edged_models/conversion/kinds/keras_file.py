"""Keras files, and any Keras network in memory, as sources."""

from pathlib import Path

from edged_models.conversion.error_summary import summarize_error
from edged_models.conversion.kinds.input_shape import fix_input_shape
from edged_models.conversion.model_metadata import ModelMetadata
from edged_models.conversion.source import FunctionSource
from edged_models.detector.graph import DetectorHead
from edged_models.errors import SourceError
from edged_models.tensorflow import keras, tf

_SUFFIXES = (".keras", ".h5", ".hdf5")


def try_open(spec: str, head: DetectorHead | None, side_px: int | None) -> FunctionSource | None:
    """Open a file that ends in .keras or .h5.

    Args:
        spec: path of the file.
        head: must be None.
        side_px: side of the square input, if the network leaves it open.

    Returns:
        The source; None if the file is of another kind.

    Raises:
        SourceError: the file cannot be read, or the network cannot be converted.
    """
    path = Path(spec)
    if path.suffix.lower() not in _SUFFIXES:
        return None
    if head is not None:
        raise SourceError(f"{path} has fixed outputs: --head applies to checkpoints only")
    if not path.is_file():
        raise SourceError(f"cannot read {path}: there is no such file")
    try:
        net = keras.models.load_model(path, compile=False)
    except Exception as error:  # Keras raises nearly anything on a bad file
        raise SourceError(
            f"{path} cannot be read as a Keras file: {summarize_error(error)}"
        ) from error
    return network_source(net, name=path.stem, side_px=side_px)


def network_source(
    net: keras.Model,
    *,
    name: str,
    metadata: ModelMetadata | None = None,
    side_px: int | None = None,
    has_learned_ranges: bool = False,
) -> FunctionSource:
    """Return a Keras network with one input as a source.

    Args:
        net: the network; its outputs keep their order and names.
        name: for messages, and in the file.
        metadata: metadata of the file; only the name if None.
        side_px: side of the square input, if the network leaves it open.
        has_learned_ranges: whether it was trained quantisation-aware.

    Raises:
        SourceError: the network has several inputs, or the size of its input is not known.
    """
    if len(net.inputs) != 1:
        raise SourceError(f"{name} has {len(net.inputs)} inputs; it must have one, a picture")
    spec = fix_input_shape(net.inputs[0].shape, net.inputs[0].dtype, name=name, side_px=side_px)
    outputs = tuple(net.output_names)

    @tf.function(input_signature=[spec])
    def call(image: tf.Tensor) -> dict[str, tf.Tensor]:
        return dict(zip(outputs, tf.nest.flatten(net(image, training=False)), strict=True))

    function = call.get_concrete_function()
    return FunctionSource(
        name=name,
        metadata=metadata or ModelMetadata(name=name),
        function=function,
        variables=tuple(function.graph.variables),
        outputs=outputs,
        has_learned_ranges=has_learned_ranges,
    )
