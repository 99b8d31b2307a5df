"""Order and names of a .tflite's inputs, outputs and signatures, which the converter changes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ai_edge_litert import schema_py_generated as schema

from edged_models.conversion.flatbuffer import pack_model, unpack_model

POSTPROCESS = b"TFLite_Detection_PostProcess"


@dataclass(frozen=True, slots=True)
class SignatureNames:
    """Names in the signature of a .tflite with one input.

    Attributes:
        name: the signature's.
        input: the input's.
    """

    name: str
    input: str


def restore_output_order(
    model: bytes, outputs: Sequence[str], signature: SignatureNames | None = None
) -> bytes:
    """Sort a .tflite's outputs, and give its input and outputs the names in its signature.

    If the model ends in the detection post-process op, the outputs have the op's own order: boxes, classes, scores, count.
    Otherwise they have the order of `outputs`.

    Args:
        model: the converted model, with its signature.
        outputs: names in the signature.
        signature: names that the signature is given; None to remove it.

    Returns:
        The same model, sorted.

    Raises:
        SourceError: the model is damaged.
    """
    tree = unpack_model(model)
    declared = tree.signatureDefs[0]
    _order_outputs(tree, declared, outputs)
    for one in declared.inputs:
        tree.subgraphs[0].tensors[one.tensorIndex].name = one.name
    if signature is None:
        tree.signatureDefs = None
    else:
        declared.signatureKey = signature.name.encode()
        declared.inputs[0].name = signature.input.encode()
    return pack_model(tree)


def restore_signature_order(model: bytes, outputs: Mapping[str, Sequence[str]]) -> bytes:
    """Sort the signatures of a .tflite, their graphs and their outputs.

    The converter sorts signatures by name, but the daemon, and whoever else does not name a signature, runs the first graph.

    Args:
        model: the converted model, with a signature for each key of `outputs`.
        outputs: names of the outputs, in order, by signature, in order.

    Raises:
        SourceError: the model is damaged.
    """
    tree = unpack_model(model)
    by_name = {one.signatureKey.decode(): one for one in tree.signatureDefs}
    tree.signatureDefs = [by_name[name] for name in outputs]
    for declared, names in zip(tree.signatureDefs, outputs.values(), strict=True):
        _order_outputs(tree, declared, names)
        for one in declared.inputs:
            tree.subgraphs[declared.subgraphIndex].tensors[one.tensorIndex].name = one.name
    first = [one.subgraphIndex for one in tree.signatureDefs]
    _order_subgraphs(tree, [*first, *(i for i in range(len(tree.subgraphs)) if i not in first)])
    return pack_model(tree)


def find_postprocess_outputs(tree: schema.ModelT, subgraph: int = 0) -> list[int]:
    """Return the tensors boxes, classes, scores and count of a graph that ends in the detection post-process op, else []."""
    graph = tree.subgraphs[subgraph]
    for op in graph.operators or []:
        if tree.operatorCodes[op.opcodeIndex].customCode == POSTPROCESS:
            indices = [int(index) for index in op.outputs]
            return indices if set(indices) == {int(index) for index in graph.outputs} else []
    return []


def _order_outputs(
    tree: schema.ModelT, signature: schema.SignatureDefT, names: Sequence[str]
) -> None:
    graph = tree.subgraphs[signature.subgraphIndex]
    by_name = {one.name.decode(): one for one in signature.outputs}
    postprocess = find_postprocess_outputs(tree, signature.subgraphIndex)
    graph.outputs = postprocess or [by_name[name].tensorIndex for name in names]
    for one in signature.outputs:
        graph.tensors[one.tensorIndex].name = one.name
    signature.outputs = [by_name[name] for name in names]


def _order_subgraphs(tree: schema.ModelT, order: Sequence[int]) -> None:
    """Put the graphs into an order, and correct the references to them.

    Args:
        tree: the model.
        order: present indices of the graphs.
    """
    tree.subgraphs = [tree.subgraphs[index] for index in order]
    new_index = {old: new for new, old in enumerate(order)}
    for signature in tree.signatureDefs:
        signature.subgraphIndex = new_index[signature.subgraphIndex]
    for options, field in _references_to_subgraphs(tree):
        old = getattr(options, field)
        is_list = field.endswith("Indices")
        setattr(options, field, [new_index[int(one)] for one in old] if is_list else new_index[old])


def _references_to_subgraphs(tree: schema.ModelT) -> Iterator[tuple[Any, str]]:
    """Yield the options of control flow ops, and the fields in them that are indices of graphs."""
    for graph in tree.subgraphs:
        for op in graph.operators or []:
            for options in (op.builtinOptions, op.builtinOptions2):
                for field in vars(options) if options is not None else ():
                    if field == "subgraph" or "ubgraphInd" in field:
                        yield options, field
