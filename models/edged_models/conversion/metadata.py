"""Labels and normalisation in the .tflite itself, where the daemon and TensorFlow's own tools look for them."""

import zipfile
from io import BytesIO

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edged.model.file.labels import read_zip_labels
from edged_models.conversion.associated_files import (
    AssociatedFiles,
    append_associated_files,
    split_associated_files,
)
from edged_models.conversion.flatbuffer import damage_as_source_error, pack_model, unpack_model
from edged_models.conversion.metadata_schema import IDENTIFIER, ROOT
from edged_models.conversion.metadata_tree import MetadataNode, read_tree, write_tree
from edged_models.conversion.model_metadata import ModelMetadata
from edged_models.conversion.output_order import find_postprocess_outputs
from edged_models.errors import SourceError

_METADATA_ENTRY = b"TFLITE_METADATA"
_LABELS_FILE = "labels.txt"
_AXIS_LABELS, _VALUE_LABELS = 2, 3
_RGB = 1


def read_model_metadata(model: bytes, name: str = "the model") -> ModelMetadata:
    """What a .tflite says of itself; fields are empty where it says nothing.

    Raises:
        SourceError: it is no .tflite, or damaged.
    """
    graph, files = split_associated_files(model, name)
    root = _read_metadata_tree(unpack_model(graph, name), name)
    norms = _find_normalisation(root)
    return ModelMetadata(
        name=root.fields.get("name", ""),
        version=root.fields.get("version", ""),
        description=root.fields.get("description", ""),
        author=root.fields.get("author", ""),
        licence=root.fields.get("license", ""),
        mean=tuple(norms.fields.get("mean", ())) if norms else (),
        std=tuple(norms.fields.get("std", ())) if norms else (),
        labels=_read_labels(files, name),
    )


def attach_metadata(model: bytes, metadata: ModelMetadata, name: str = "the model") -> bytes:
    """Write what a card says into a .tflite; what it leaves empty, and all else that the file holds, stays as it is.

    Args:
        model: the .tflite.
        metadata: what to say.
        name: the model's, for messages.

    Returns:
        The same graph with the metadata, and the labels in the zip at the end. Doing it twice gives the same bytes.

    Raises:
        SourceError: the model is damaged, or knows fewer classes than there are labels.
    """
    if metadata == ModelMetadata():
        return model
    content, files = split_associated_files(model, name)
    tree = unpack_model(content, name)
    root = _read_metadata_tree(tree, name)
    _set_model_fields(root, metadata)
    with damage_as_source_error(name):
        _describe_tensors(tree, root, metadata, files, name)
        _store_metadata(tree, write_tree(root))
        return append_associated_files(pack_model(tree), files)


def copy_metadata(source: bytes, target: bytes, name: str) -> bytes:
    """Give one .tflite all of another's metadata and packed files; nothing of the target's own stays."""
    content, files = split_associated_files(source, name)
    tree = unpack_model(target, name)
    _store_metadata(tree, write_tree(_read_metadata_tree(unpack_model(content, name), name)))
    return append_associated_files(pack_model(tree), files)


def _read_metadata_tree(model: schema.ModelT, name: str) -> MetadataNode:
    for entry in model.metadata or []:
        if entry.name == _METADATA_ENTRY:
            with damage_as_source_error(f"the metadata in {name}"):
                packed = bytes(np.asarray(model.buffers[entry.buffer].data, np.uint8))
                if packed[4:8] == IDENTIFIER:
                    return read_tree(packed)
    return MetadataNode(ROOT)


def _describe_tensors(
    model: schema.ModelT,
    root: MetadataNode,
    metadata: ModelMetadata,
    files: AssociatedFiles,
    name: str,
) -> None:
    """Say at the input and the outputs what the card says of them; new labels go into `files`."""
    graph = model.subgraphs[0]
    described = root.get_or_create_children("subgraph_metadata")
    if not described:
        described.append(MetadataNode("SubGraphMetadata"))
    inputs = _tensor_nodes(described[0], "input_tensor_metadata", model, graph.inputs)
    outputs = _tensor_nodes(described[0], "output_tensor_metadata", model, graph.outputs)
    if metadata.mean and metadata.std:
        _set_normalisation(inputs[0], metadata)
    if metadata.labels:
        place, kind = _find_labelled_output(model, len(metadata.labels), name)
        file = _reference_labels_file(described[0], outputs, outputs[place], kind, files)
        files[file] = ("\n".join(metadata.labels) + "\n").encode()


def _store_metadata(model: schema.ModelT, packed: bytes) -> None:
    """Put the metadata where the old one is, so that rewriting does not make the file grow."""
    entries = [one for one in model.metadata or [] if one.name == _METADATA_ENTRY]
    if not entries:
        entry = schema.MetadataT()
        entry.name, entry.buffer = _METADATA_ENTRY, len(model.buffers)
        model.buffers.append(schema.BufferT())
        model.metadata = [*(model.metadata or []), entry]
        entries = [entry]
    model.buffers[entries[0].buffer].data = np.frombuffer(packed, np.uint8)


def _set_model_fields(root: MetadataNode, metadata: ModelMetadata) -> None:
    said = {
        "name": metadata.name,
        "description": metadata.description,
        "version": metadata.version,
        "author": metadata.author,
        "license": metadata.licence,
    }
    root.fields.update({field: text for field, text in said.items() if text})


def _tensor_nodes(
    described: MetadataNode, field: str, model: schema.ModelT, indices: list[int]
) -> list[MetadataNode]:
    """A node for each of the graph's inputs or outputs, in their order."""
    nodes = described.get_or_create_children(field)
    tensors = model.subgraphs[0].tensors
    for index in indices[len(nodes) :]:
        node = MetadataNode("TensorMetadata")
        node.fields["name"] = (tensors[index].name or b"").decode("utf-8", "replace")
        nodes.append(node)
    return nodes


def _find_normalisation(root: MetadataNode) -> MetadataNode | None:
    for described in root.fields.get("subgraph_metadata", [])[:1]:
        for tensor in described.fields.get("input_tensor_metadata", [])[:1]:
            for unit in tensor.fields.get("process_units", []):
                options = unit.fields.get("options")
                if options and options.type == "NormalizationOptions":
                    return options  # type: ignore[no-any-return]
    return None


def _set_normalisation(tensor: MetadataNode, metadata: ModelMetadata) -> None:
    units = tensor.get_or_create_children("process_units")
    present = [
        unit
        for unit in units
        if unit.fields.get("options", MetadataNode("")).type in ("", "NormalizationOptions")
    ]
    if not present:
        present = [MetadataNode("ProcessUnit")]
        units.insert(0, present[0])
    options = present[0].get_or_create_child("options", "NormalizationOptions")
    options.fields.update(mean=list(metadata.mean), std=list(metadata.std))
    image = tensor.get_or_create_child("content", "Content").get_or_create_child(
        "content_properties", "ImageProperties"
    )
    image.fields.setdefault("color_space", _RGB)


def _read_labels(files: AssociatedFiles, name: str) -> tuple[str, ...]:
    try:
        with zipfile.ZipFile(BytesIO(append_associated_files(b"", files)), "r") as archive:
            return read_zip_labels(archive)
    except zipfile.BadZipFile:
        return ()
    except ValueError as error:
        raise SourceError(f"the labels in {name} cannot be read: {error}") from error


def _find_labelled_output(model: schema.ModelT, count: int, name: str) -> tuple[int, int]:
    """Which output the labels are for, and whether they name its values or the places along its last axis."""
    graph = model.subgraphs[0]
    outputs = [int(index) for index in graph.outputs]
    own = find_postprocess_outputs(model)
    if own:
        return outputs.index(own[1]), _VALUE_LABELS
    shapes = [[int(size) for size in graph.tensors[index].shape] for index in outputs]
    if [len(shape) for shape in shapes] == [2] and shapes[0][1] < count:
        raise SourceError(f"{name} knows {shapes[0][1]} classes, and there are {count} labels")
    fits = [place for place, shape in enumerate(shapes) if shape and shape[-1] == count]
    return (fits or [0])[-1], _AXIS_LABELS


def _reference_labels_file(
    described: MetadataNode,
    outputs: list[MetadataNode],
    labelled: MetadataNode,
    kind: int,
    files: AssociatedFiles,
) -> str:
    """Name the labels' file at its output; the name of the one that the daemon reads, if there is one."""
    old = [name for name in files if name.endswith(".txt") and "label" in name.lower()]
    file = next((name for name in ("labelmap.txt", "labels.txt") if name in old), _LABELS_FILE)
    for owner in (described, *outputs):
        for one in owner.fields.get("associated_files", []):
            if one.fields.get("name") == file:
                return file
    node = MetadataNode("AssociatedFile", {"name": file, "type": kind})
    labelled.get_or_create_children("associated_files").append(node)
    return file
