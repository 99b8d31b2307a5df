"""The order and names of a .tflite's outputs, which the converter shuffles."""

from collections.abc import Sequence

from ai_edge_litert import schema_py_generated as schema

from edged_models.conversion.flatbuffer import pack_model, unpack_model

POSTPROCESS = b"TFLite_Detection_PostProcess"


def restore_output_order(model: bytes, outputs: Sequence[str]) -> bytes:
    """Put a .tflite's outputs in order, and give its input and outputs the names that its signature has for them.

    The detection post-process op's outputs, if the model's are those, stand in the op's own order: boxes, classes, scores,
    count. All others stand as in `outputs`.

    Args:
        model: as converted, with its signature.
        outputs: names in the signature.

    Returns:
        The model without the signature, which repeats what the tensors say now.
    """
    tree = unpack_model(model)
    graph = tree.subgraphs[0]
    signature = tree.signatureDefs[0]
    places = {one.name.decode(): one.tensorIndex for one in signature.outputs}
    graph.outputs = find_postprocess_outputs(tree) or [places[name] for name in outputs]
    for one in (*signature.inputs, *signature.outputs):
        graph.tensors[one.tensorIndex].name = one.name
    tree.signatureDefs = None
    return pack_model(tree)


def find_postprocess_outputs(tree: schema.ModelT) -> list[int]:
    """The tensors boxes, classes, scores, count of a model that ends in the detection post-process op; else none."""
    graph = tree.subgraphs[0]
    for op in graph.operators or []:
        if tree.operatorCodes[op.opcodeIndex].customCode == POSTPROCESS:
            own = [int(index) for index in op.outputs]
            return own if set(own) == {int(index) for index in graph.outputs} else []
    return []
