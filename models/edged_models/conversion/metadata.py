"""Labels and normalisation in the .tflite itself, where the daemon and TensorFlow's own tools look for them."""

import zipfile
from io import BytesIO

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edged.model.file.labels import labels_in_zip
from edged_models.conversion.appended import Files, join, split
from edged_models.conversion.card import Card
from edged_models.conversion.flatfile import put_together, reading, taken_apart
from edged_models.conversion.metadata_schema import IDENTIFIER, ROOT
from edged_models.conversion.metadata_tree import Node, read_tree, write_tree
from edged_models.conversion.order import postprocessed
from edged_models.errors import SourceError

_ENTRY = b"TFLITE_METADATA"
_LABELS_FILE = "labels.txt"
_AXIS_LABELS, _VALUE_LABELS = 2, 3
_RGB = 1


def card_of(model: bytes, name: str = "the model") -> Card:
    """What a .tflite says of itself; fields are empty where it says nothing.

    Raises:
        SourceError: it is no .tflite, or damaged.
    """
    graph, files = split(model, name)
    root = _tree(taken_apart(graph, name), name)
    norms = _normalisation(root)
    return Card(
        name=root.fields.get("name", ""),
        version=root.fields.get("version", ""),
        description=root.fields.get("description", ""),
        author=root.fields.get("author", ""),
        licence=root.fields.get("license", ""),
        mean=tuple(norms.fields.get("mean", ())) if norms else (),
        std=tuple(norms.fields.get("std", ())) if norms else (),
        labels=_labels(files, name),
    )


def attach(model: bytes, card: Card, name: str = "the model") -> bytes:
    """Write what a card says into a .tflite; what it leaves empty, and all else that the file holds, stays as it is.

    Args:
        model: the .tflite.
        card: what to say.
        name: the model's, for messages.

    Returns:
        The same graph with the metadata, and the labels in the zip at the end. Doing it twice gives the same bytes.

    Raises:
        SourceError: the model is damaged, or knows fewer classes than there are labels.
    """
    if card == Card():
        return model
    content, files = split(model, name)
    tree = taken_apart(content, name)
    root = _tree(tree, name)
    _say(root, card)
    with reading(name):
        _describe(tree, root, card, files, name)
        _store(tree, write_tree(root))
        return join(put_together(tree), files)


def transplant(source: bytes, target: bytes, name: str) -> bytes:
    """Give one .tflite all of another's metadata and packed files; nothing of the target's own stays."""
    content, files = split(source, name)
    tree = taken_apart(target, name)
    _store(tree, write_tree(_tree(taken_apart(content, name), name)))
    return join(put_together(tree), files)


def _tree(model: schema.ModelT, name: str) -> Node:
    for entry in model.metadata or []:
        if entry.name == _ENTRY:
            with reading(f"the metadata in {name}"):
                packed = bytes(np.asarray(model.buffers[entry.buffer].data, np.uint8))
                if packed[4:8] == IDENTIFIER:
                    return read_tree(packed)
    return Node(ROOT)


def _describe(model: schema.ModelT, root: Node, card: Card, files: Files, name: str) -> None:
    """Say at the input and the outputs what the card says of them; new labels go into `files`."""
    graph = model.subgraphs[0]
    described = root.children("subgraph_metadata")
    if not described:
        described.append(Node("SubGraphMetadata"))
    inputs = _tensors(described[0], "input_tensor_metadata", model, graph.inputs)
    outputs = _tensors(described[0], "output_tensor_metadata", model, graph.outputs)
    if card.mean and card.std:
        _normalise(inputs[0], card)
    if card.labels:
        place, kind = _labelled(model, len(card.labels), name)
        file = _place_labels(described[0], outputs, outputs[place], kind, files)
        files[file] = ("\n".join(card.labels) + "\n").encode()


def _store(model: schema.ModelT, packed: bytes) -> None:
    """Put the metadata where the old one is, so that rewriting does not make the file grow."""
    entries = [one for one in model.metadata or [] if one.name == _ENTRY]
    if not entries:
        entry = schema.MetadataT()
        entry.name, entry.buffer = _ENTRY, len(model.buffers)
        model.buffers.append(schema.BufferT())
        model.metadata = [*(model.metadata or []), entry]
        entries = [entry]
    model.buffers[entries[0].buffer].data = np.frombuffer(packed, np.uint8)


def _say(root: Node, card: Card) -> None:
    said = {
        "name": card.name,
        "description": card.description,
        "version": card.version,
        "author": card.author,
        "license": card.licence,
    }
    root.fields.update({field: text for field, text in said.items() if text})


def _tensors(described: Node, field: str, model: schema.ModelT, indices: list[int]) -> list[Node]:
    """A node for each of the graph's inputs or outputs, in their order."""
    nodes = described.children(field)
    tensors = model.subgraphs[0].tensors
    for index in indices[len(nodes) :]:
        node = Node("TensorMetadata")
        node.fields["name"] = (tensors[index].name or b"").decode("utf-8", "replace")
        nodes.append(node)
    return nodes


def _normalisation(root: Node) -> Node | None:
    for described in root.fields.get("subgraph_metadata", [])[:1]:
        for tensor in described.fields.get("input_tensor_metadata", [])[:1]:
            for unit in tensor.fields.get("process_units", []):
                options = unit.fields.get("options")
                if options and options.type == "NormalizationOptions":
                    return options  # type: ignore[no-any-return]
    return None


def _normalise(tensor: Node, card: Card) -> None:
    units = tensor.children("process_units")
    present = [
        unit
        for unit in units
        if unit.fields.get("options", Node("")).type in ("", "NormalizationOptions")
    ]
    if not present:
        present = [Node("ProcessUnit")]
        units.insert(0, present[0])
    options = present[0].child("options", "NormalizationOptions")
    options.fields.update(mean=list(card.mean), std=list(card.std))
    image = tensor.child("content", "Content").child("content_properties", "ImageProperties")
    image.fields.setdefault("color_space", _RGB)


def _labels(files: Files, name: str) -> tuple[str, ...]:
    try:
        with zipfile.ZipFile(BytesIO(join(b"", files)), "r") as archive:
            return labels_in_zip(archive)
    except zipfile.BadZipFile:
        return ()
    except ValueError as error:
        raise SourceError(f"the labels in {name} cannot be read: {error}") from error


def _labelled(model: schema.ModelT, count: int, name: str) -> tuple[int, int]:
    """Which output the labels are for, and whether they name its values or the places along its last axis."""
    graph = model.subgraphs[0]
    outputs = [int(index) for index in graph.outputs]
    own = postprocessed(model)
    if own:
        return outputs.index(own[1]), _VALUE_LABELS
    shapes = [[int(size) for size in graph.tensors[index].shape] for index in outputs]
    if [len(shape) for shape in shapes] == [2] and shapes[0][1] < count:
        raise SourceError(f"{name} knows {shapes[0][1]} classes, and there are {count} labels")
    fits = [place for place, shape in enumerate(shapes) if shape and shape[-1] == count]
    return (fits or [0])[-1], _AXIS_LABELS


def _place_labels(
    described: Node, outputs: list[Node], labelled: Node, kind: int, files: Files
) -> str:
    """Name the labels' file at its output; the name of the one that the daemon reads, if there is one."""
    old = [name for name in files if name.endswith(".txt") and "label" in name.lower()]
    file = next((name for name in ("labelmap.txt", "labels.txt") if name in old), _LABELS_FILE)
    for owner in (described, *outputs):
        for one in owner.fields.get("associated_files", []):
            if one.fields.get("name") == file:
                return file
    node = Node("AssociatedFile", {"name": file, "type": kind})
    labelled.children("associated_files").append(node)
    return file
