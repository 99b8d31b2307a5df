"""Our own checkpoints, and our nets in memory."""

from pathlib import Path

from edged_models.conversion.model_metadata import ModelMetadata
from edged_models.conversion.source import FunctionSource
from edged_models.detector.checkpoint import SUFFIX, load_checkpoint
from edged_models.detector.graph import DetectorHead, build_graph_of_net
from edged_models.detector.weights import restore_net
from edged_models.errors import SourceError
from edged_models.tensorflow import keras

STRIDE_PX = 32
"""The coarsest level's: a side must be a multiple."""


def try_open(spec: str, head: DetectorHead | None, side_px: int | None) -> FunctionSource | None:
    """A file that ends in .npz."""
    path = Path(spec)
    if path.suffix != SUFFIX:
        return None
    if side_px is not None and side_px % STRIDE_PX:
        raise SourceError(
            f"a side of {side_px} px does not do: {path} needs a multiple of {STRIDE_PX}"
        )
    checkpoint = load_checkpoint(path)
    net = restore_net(checkpoint, side_px=side_px or checkpoint.side_px)
    labels = checkpoint.architecture.labels
    return detector_source(
        net, name=path.stem, labels=labels, head=head or DetectorHead.POSTPROCESS
    )


def detector_source(
    net: keras.Model,
    *,
    name: str,
    labels: tuple[str, ...],
    head: DetectorHead = DetectorHead.POSTPROCESS,
    has_learned_ranges: bool = False,
) -> FunctionSource:
    """A net of ours in memory, pruned, clustered or what not.

    Args:
        net: as `detector.net.build` makes it, built for one side.
        name: for messages, and in the file.
        labels: its classes.
        head: what the model shall give.
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
