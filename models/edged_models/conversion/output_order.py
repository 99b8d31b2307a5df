"""Order and names of a .tflite's outputs, which the converter changes."""

from collections.abc import Sequence

from ai_edge_litert import schema_py_generated as schema

from edged_models.conversion.flatbuffer import pack_model, unpack_model

POSTPROCESS = b"TFLite_Detection_PostProcess"


def restore_output_order(model: bytes, outputs: Sequence[str]) -> bytes:
    """Sort a .tflite's outputs, and give its input and outputs the names in its signature.

    If the model ends in the detection post-process op, the outputs have the op's own order: boxes, classes, scores, count.
    Otherwise they have the order of `outputs`.

    Args:
        model: the converted model, with its signature.
        outputs: names in the signature.

    Returns:
        The model without the signature, which is redundant then.

    Raises:
        SourceError: the model is damaged.
    """
    tree = unpack_model(model)
    graph = tree.subgraphs[0]
    signature = tree.signatureDefs[0]
    indices = {one.name.decode(): one.tensorIndex for one in signature.outputs}
    graph.outputs = find_postprocess_outputs(tree) or [indices[name] for name in outputs]
    for one in (*signature.inputs, *signature.outputs):
        graph.tensors[one.tensorIndex].name = one.name
    tree.signatureDefs = None
    return pack_model(tree)


def find_postprocess_outputs(tree: schema.ModelT) -> list[int]:
    """Return the tensors boxes, classes, scores and count of a model that ends in the detection post-process op, else []."""
    graph = tree.subgraphs[0]
    for op in graph.operators or []:
        if tree.operatorCodes[op.opcodeIndex].customCode == POSTPROCESS:
            indices = [int(index) for index in op.outputs]
            return indices if set(indices) == {int(index) for index in graph.outputs} else []
    return []
