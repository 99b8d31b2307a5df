"""Signatures of a .tflite, which quantisers lose or demand."""

from ai_edge_litert import schema_py_generated as schema

from edged_models.conversion.flatbuffer import pack_model, unpack_model
from edged_models.errors import SourceError

TEMPORARY_KEY = "edged_quantize"
"""Key of the signature that is added where a library demands one."""


def ensure_signature(model: bytes) -> tuple[bytes, str, str]:
    """Return the model with a signature of its main graph, the signature's key, and the name of the input in it.

    Raises:
        SourceError: the model is damaged.
    """
    tree = unpack_model(model)
    graph = tree.subgraphs[0]
    for one in tree.signatureDefs or []:
        if one.subgraphIndex == 0 and len(one.inputs) == 1:
            return model, _text(one.signatureKey), _text(one.inputs[0].name)
    added = schema.SignatureDefT()
    added.signatureKey, added.subgraphIndex = TEMPORARY_KEY, 0
    added.inputs = [_map_tensor(graph, int(index)) for index in graph.inputs]
    added.outputs = [_map_tensor(graph, int(index)) for index in graph.outputs]
    tree.signatureDefs = [*(tree.signatureDefs or []), added]
    return pack_model(tree), TEMPORARY_KEY, _text(added.inputs[0].name)


def restore_signatures(source: bytes, quantized: bytes, name: str) -> bytes:
    """Return a quantised model with the signatures of its source.

    A temporary one is removed. Those of the main graph are written anew if they were lost, because inputs and outputs keep
    their order.

    Args:
        source: the float .tflite.
        quantized: what was made of it.
        name: the model's, for messages.

    Raises:
        SourceError: signatures of other graphs were lost.
    """
    wanted, tree = unpack_model(source), unpack_model(quantized)
    kept = [one for one in tree.signatureDefs or [] if _text(one.signatureKey) != TEMPORARY_KEY]
    keys = {_text(one.signatureKey) for one in kept}
    for one in wanted.signatureDefs or []:
        key = _text(one.signatureKey)
        if key in keys:
            continue
        if one.subgraphIndex != 0:
            raise SourceError(
                f"cannot quantise {name}: its signature {key} would be lost; choose dynamic or float16 with --engine ai-edge"
            )
        _point_to(one, wanted.subgraphs[0], tree.subgraphs[0])
        kept.append(one)
    if len(kept) == len(tree.signatureDefs or []):
        return quantized
    tree.signatureDefs = kept or None
    return pack_model(tree)


def check_single_graph(model: bytes, name: str) -> None:
    """Check that a model to calibrate has one graph with its picture: the others' ranges cannot be found with pictures.

    Raises:
        SourceError: it has signatures of other graphs.
    """
    others = [
        _text(one.signatureKey)
        for one in unpack_model(model, name).signatureDefs or []
        if one.subgraphIndex != 0
    ]
    if others:
        raise SourceError(
            f"cannot calibrate {name}: pictures give no ranges for its signature {others[0]}; choose dynamic or float16"
        )


def _point_to(
    signature: schema.SignatureDefT, old: schema.SubGraphT, new: schema.SubGraphT
) -> None:
    for maps, before, after in (
        (signature.inputs, old.inputs, new.inputs),
        (signature.outputs, old.outputs, new.outputs),
    ):
        positions = {int(index): position for position, index in enumerate(before)}
        for one in maps:
            one.tensorIndex = int(after[positions[one.tensorIndex]])


def _map_tensor(graph: schema.SubGraphT, index: int) -> schema.TensorMapT:
    one = schema.TensorMapT()
    one.name, one.tensorIndex = graph.tensors[index].name, index
    return one


def _text(value: bytes | str | None) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value or ""
