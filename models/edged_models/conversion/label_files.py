"""The files of a .tflite that its metadata declares as lists of labels."""

from edged.model.file.label_list import LabelError
from edged.model.file.labels import parse_labels
from edged_models.conversion.associated_files import AssociatedFiles
from edged_models.conversion.metadata_tree import MetadataNode
from edged_models.errors import SourceError

AXIS_LABELS, VALUE_LABELS = 2, 3
"""Types of files: the labels of the positions along an output's last axis, and of its values."""
_DEFAULT_NAME = "labels.txt"


def list_declared_labels(root: MetadataNode) -> tuple[str, ...]:
    """Return the names of the files that a model's metadata declares as labels, the untranslated first."""
    files = [
        file
        for subgraph in root.fields.get("subgraph_metadata", [])
        for tensor in subgraph.fields.get("output_tensor_metadata", [])
        for file in _associated_files(tensor)
        if _is_label_list(file)
    ]
    files.sort(key=lambda file: bool(file.fields.get("locale")))
    return tuple(str(file.fields.get("name", "")) for file in files)


def pack_labels(labels: tuple[str, ...]) -> bytes:
    """Return a file with one label on each line.

    Raises:
        SourceError: the daemon would read other labels in it, because one is a comment, or all begin with a number.
    """
    text = "\n".join(labels) + "\n"
    try:
        is_same = _without_end(parse_labels(text)) == _without_end(labels)
    except LabelError as error:
        raise SourceError(f"these labels cannot be written one a line: {error}") from error
    if not is_same:
        raise SourceError(
            "these labels cannot be written one a line: one begins with #, or all of them with a number; rename them"
        )
    return text.encode()


def _without_end(labels: tuple[str, ...]) -> list[str]:
    """Return the labels without those at the end that are empty."""
    return "\n".join(labels).rstrip("\n").split("\n")


def reference_labels_file(
    subgraph: MetadataNode,
    outputs: list[MetadataNode],
    labelled: MetadataNode,
    file_type: int,
    files: AssociatedFiles,
) -> str:
    """Link the labels file to its output, and return its name; keep the name of the file that the daemon reads, if there is one.

    Label lists with other names are removed: the daemon would read them, because the metadata declares them.

    Args:
        subgraph: metadata of the subgraph.
        outputs: metadata of its outputs.
        labelled: the output with the classes, one of them.
        file_type: `AXIS_LABELS` or `VALUE_LABELS`.
        files: the files in the zip.
    """
    old = [name for name in files if name.endswith(".txt") and "label" in name.lower()]
    name = next((name for name in ("labelmap.txt", "labels.txt") if name in old), _DEFAULT_NAME)
    _remove_other_lists((subgraph, *outputs), name, files)
    for owner in (subgraph, *outputs):
        for one in _associated_files(owner):
            if one.fields.get("name") == name:
                return name
    node = MetadataNode("AssociatedFile", {"name": name, "type": file_type})
    labelled.get_or_create_children("associated_files").append(node)
    return name


def _remove_other_lists(
    owners: tuple[MetadataNode, ...], name: str, files: AssociatedFiles
) -> None:
    for owner in owners:
        declared = _associated_files(owner)
        others = [one for one in declared if _is_label_list(one) and one.fields.get("name") != name]
        for one in others:
            declared.remove(one)
            files.pop(one.fields.get("name", ""), None)


def _associated_files(owner: MetadataNode) -> list[MetadataNode]:
    files: list[MetadataNode] = owner.fields.get("associated_files", [])
    return files


def _is_label_list(file: MetadataNode) -> bool:
    return file.fields.get("type") in (AXIS_LABELS, VALUE_LABELS)
