"""Labels and normalisation in the .tflite, in the format that the daemon and TensorFlow's own tools read."""

import zipfile
from io import BytesIO

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edged.model.file.embedded_labels import read_embedded_labels
from edged_models.conversion.associated_files import (
    AssociatedFiles,
    append_associated_files,
    split_associated_files,
)
from edged_models.conversion.flatbuffer import damage_as_source_error, pack_model, unpack_model
from edged_models.conversion.label_files import (
    AXIS_LABELS,
    VALUE_LABELS,
    list_declared_labels,
    pack_labels,
    reference_labels_file,
)
from edged_models.conversion.metadata_schema import IDENTIFIER, ROOT
from edged_models.conversion.metadata_tree import MetadataNode, read_tree, write_tree
from edged_models.conversion.model_metadata import ModelMetadata
from edged_models.conversion.output_order import find_postprocess_outputs
from edged_models.errors import SourceError

_METADATA_ENTRY = b"TFLITE_METADATA"
_RGB = 1


def read_model_metadata(model: bytes, name: str = "the model") -> ModelMetadata:
    """Read the metadata of a .tflite; fields that it does not have are empty.

    Raises:
        SourceError: the file is not a .tflite, or is damaged.
    """
    graph, files = split_associated_files(model, name)
    root = _read_metadata_tree(unpack_model(graph, name), name)
    normalisation = _find_normalisation(root)
    return ModelMetadata(
        name=root.fields.get("name") or None,
        version=root.fields.get("version") or None,
        description=root.fields.get("description") or None,
        author=root.fields.get("author") or None,
        licence=root.fields.get("license") or None,
        mean=tuple(normalisation.fields.get("mean", ())) if normalisation else (),
        std=tuple(normalisation.fields.get("std", ())) if normalisation else (),
        labels=_read_labels(files, list_declared_labels(root), name),
    )


def attach_metadata(model: bytes, metadata: ModelMetadata, name: str = "the model") -> bytes:
    """Write metadata into a .tflite; empty fields, and everything else in the file, are not changed.

    Args:
        model: the .tflite.
        metadata: the fields to write.
        name: the model's, for messages.

    Returns:
        The same graph with the metadata, and the labels in the zip at the end. Writing it again gives the same bytes.

    Raises:
        SourceError: the model is damaged, or has fewer classes than there are labels.
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
    """Replace the metadata and packed files of one .tflite by those of another.

    Args:
        source: the .tflite that has the metadata.
        target: the .tflite that gets it.
        name: the model's, for messages.

    Raises:
        SourceError: one of the two is damaged.
    """
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
    """Set the metadata of the input and the outputs; new labels are added to `files`."""
    graph = model.subgraphs[0]
    subgraphs = root.get_or_create_children("subgraph_metadata")
    if not subgraphs:
        subgraphs.append(MetadataNode("SubGraphMetadata"))
    inputs = _tensor_nodes(subgraphs[0], "input_tensor_metadata", model, graph.inputs)
    outputs = _tensor_nodes(subgraphs[0], "output_tensor_metadata", model, graph.outputs)
    if metadata.mean and metadata.std:
        _set_normalisation(inputs[0], metadata)
    if metadata.labels:
        position, file_type = _find_labelled_output(model, len(metadata.labels), name)
        file = reference_labels_file(subgraphs[0], outputs, outputs[position], file_type, files)
        files[file] = pack_labels(metadata.labels)


def _store_metadata(model: schema.ModelT, packed: bytes) -> None:
    """Replace the old metadata in its buffer, so that the file does not grow."""
    entries = [one for one in model.metadata or [] if one.name == _METADATA_ENTRY]
    if not entries:
        entry = schema.MetadataT()
        entry.name, entry.buffer = _METADATA_ENTRY, len(model.buffers)
        model.buffers.append(schema.BufferT())
        model.metadata = [*(model.metadata or []), entry]
        entries = [entry]
    model.buffers[entries[0].buffer].data = np.frombuffer(packed, np.uint8)


def _set_model_fields(root: MetadataNode, metadata: ModelMetadata) -> None:
    texts = {
        "name": metadata.name,
        "description": metadata.description,
        "version": metadata.version,
        "author": metadata.author,
        "license": metadata.licence,
    }
    root.fields.update({field: text for field, text in texts.items() if text})


def _tensor_nodes(
    subgraph: MetadataNode, field: str, model: schema.ModelT, indices: list[int]
) -> list[MetadataNode]:
    """Return a node for each of the graph's inputs or outputs, in their order."""
    nodes = subgraph.get_or_create_children(field)
    tensors = model.subgraphs[0].tensors
    for index in indices[len(nodes) :]:
        node = MetadataNode("TensorMetadata")
        node.fields["name"] = (tensors[index].name or b"").decode("utf-8", "replace")
        nodes.append(node)
    return nodes


def _find_normalisation(root: MetadataNode) -> MetadataNode | None:
    for subgraph in root.fields.get("subgraph_metadata", [])[:1]:
        for tensor in subgraph.fields.get("input_tensor_metadata", [])[:1]:
            for unit in tensor.fields.get("process_units", []):
                options = unit.fields.get("options")
                if options and options.type == "NormalizationOptions":
                    return options  # type: ignore[no-any-return]
    return None


def _set_normalisation(tensor: MetadataNode, metadata: ModelMetadata) -> None:
    units = tensor.get_or_create_children("process_units")
    usable = [
        unit
        for unit in units
        if unit.fields.get("options", MetadataNode("")).type in ("", "NormalizationOptions")
    ]
    if not usable:
        usable = [MetadataNode("ProcessUnit")]
        units.insert(0, usable[0])
    options = usable[0].get_or_create_child("options", "NormalizationOptions")
    options.fields.update(mean=list(metadata.mean), std=list(metadata.std))
    image = tensor.get_or_create_child("content", "Content").get_or_create_child(
        "content_properties", "ImageProperties"
    )
    image.fields.setdefault("color_space", _RGB)


def _read_labels(files: AssociatedFiles, declared: tuple[str, ...], name: str) -> tuple[str, ...]:
    try:
        with zipfile.ZipFile(BytesIO(append_associated_files(b"", files)), "r") as archive:
            found = read_embedded_labels(archive, declared)
    except zipfile.BadZipFile:
        return ()
    except ValueError as error:
        raise SourceError(f"the labels in {name} cannot be read: {error}") from error
    if found.fault:
        raise SourceError(f"the labels in {name} cannot be read: {found.fault}")
    return found.labels


def _find_labelled_output(model: schema.ModelT, count: int, name: str) -> tuple[int, int]:
    """Return the position of the output with classes, and the type of the labels file.

    The labels name either the output's values or the positions along its last axis.
    """
    graph = model.subgraphs[0]
    outputs = [int(index) for index in graph.outputs]
    postprocess_outputs = find_postprocess_outputs(model)
    if postprocess_outputs:
        return outputs.index(postprocess_outputs[1]), VALUE_LABELS
    shapes = [[int(size) for size in graph.tensors[index].shape] for index in outputs]
    if [len(shape) for shape in shapes] == [2] and shapes[0][1] < count:
        raise SourceError(f"{name} has {shapes[0][1]} classes, but there are {count} labels")
    fitting = [position for position, shape in enumerate(shapes) if shape and shape[-1] == count]
    return (fitting or [0])[-1], AXIS_LABELS
