"""Checkpoints of `edged-models train`, and their networks in memory, as sources."""

from pathlib import Path

from edged_models.conversion.model_metadata import ModelMetadata
from edged_models.conversion.source import FunctionSource
from edged_models.conversion.source_options import SourceOptions
from edged_models.detector.checkpoint import SUFFIX, load_checkpoint
from edged_models.detector.graph import DetectorHead, build_graph_of_net
from edged_models.detector.weights import restore_net
from edged_models.errors import SourceError
from edged_models.tensorflow import keras

STRIDE_PX = 32
"""Stride of the coarsest level: a side must be a multiple of it."""


def try_open(spec: str, options: SourceOptions) -> FunctionSource | None:
    """Open a file that ends in .npz.

    Args:
        spec: path of the file.
        options: `head` chooses the outputs; `side_px` is the side of the square input, the checkpoint's own if None.

    Returns:
        The source; None if the file is of another kind.

    Raises:
        SourceError: the checkpoint cannot be read, or the options do not apply to it.
    """
    path = Path(spec)
    if path.suffix != SUFFIX:
        return None
    options.refuse_signatures(path)
    options.refuse_custom(path)
    side_px = options.side_px
    if side_px is not None and side_px % STRIDE_PX:
        raise SourceError(
            f"{path} cannot have an input of {side_px} px: the side must be a multiple of {STRIDE_PX}"
        )
    checkpoint = load_checkpoint(path)
    return detector_source(
        restore_net(checkpoint, side_px=side_px or checkpoint.side_px),
        name=path.stem,
        labels=checkpoint.architecture.labels,
        head=options.head or DetectorHead.POSTPROCESS,
    )


def detector_source(
    net: keras.Model,
    *,
    name: str,
    labels: tuple[str, ...],
    head: DetectorHead = DetectorHead.POSTPROCESS,
    has_learned_ranges: bool = False,
) -> FunctionSource:
    """Return a network of `detector.net.build` as a source; it may have been pruned or clustered.

    Args:
        net: the network, built for one input size.
        name: for messages, and in the file.
        labels: its classes, by class id.
        head: outputs of the model.
        has_learned_ranges: whether it was trained quantisation-aware.
    """
    graph = build_graph_of_net(net, head=head)
    function = graph.function.get_concrete_function()
    return FunctionSource(
        name=name,
        metadata=ModelMetadata(name=name, mean=(0.0,), std=(255.0,), labels=labels),
        function=function,
        variables=tuple(function.graph.variables),
        outputs=graph.outputs,
        has_learned_ranges=has_learned_ranges,
    )
