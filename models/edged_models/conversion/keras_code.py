"""Python code in a Keras file, and names of code outside Keras. Loading the file would execute it."""

import builtins
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_LIBRARIES = ("keras", "keras_cv", "keras_hub", "keras_nlp", "tf_keras")
"""Packages whose classes Keras finds by itself."""


@dataclass(frozen=True, slots=True)
class CustomObject:
    """A class or a function that a Keras file uses and Keras does not have.

    Attributes:
        name: its own name.
        registered_name: the name under which it is registered, as ``package>name``.
        module: the module that Keras 2 would import to find it; "" if there is none.
        is_function: whether it is a function.
    """

    name: str
    registered_name: str
    module: str
    is_function: bool


def find_code(config: Any) -> tuple[str, ...]:
    """Return the names of the layers that contain Python bytecode, in nested models too.

    Args:
        config: the file's layers: JSON as Python values.
    """
    return tuple(dict.fromkeys(layer for layer, node in _walk(config, "") if _has_code(node)))


def find_custom_objects(config: Any) -> tuple[CustomObject, ...]:
    """Return the classes and functions that are not Keras' own.

    HDF5 files do not say where a class is from, so only those of ``.keras`` files are found.

    Args:
        config: the file's layers: JSON as Python values.
    """
    nodes = (node for _, node in _walk(config, "") if "registered_name" in node)
    found = (
        CustomObject(
            str(node["config"] if node.get("class_name") == "function" else node.get("class_name")),
            str(node["registered_name"] or ""),
            str(node.get("module") or ""),
            node.get("class_name") == "function",
        )
        for node in nodes
    )
    return tuple(dict.fromkeys(one for one in found if _is_custom(one)))


def _walk(node: Any, layer: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every dict with the name of the innermost layer around it."""
    if isinstance(node, dict):
        options = node.get("config")
        if isinstance(options, dict) and isinstance(options.get("name"), str):
            layer = options["name"]
        yield layer, node
        for one in node.values():
            yield from _walk(one, layer)
    elif isinstance(node, list):
        for one in node:
            yield from _walk(one, layer)


def _has_code(node: dict[str, Any]) -> bool:
    if node.get("class_name") == "__lambda__":
        return True
    if any(key.endswith("_type") and value == "lambda" for key, value in node.items()):
        return True
    options = node.get("config")
    return (
        node.get("class_name") == "Lambda"
        and isinstance(options, dict)
        and isinstance(options.get("function"), list)
    )


def _is_custom(found: CustomObject) -> bool:
    if not found.module:
        return bool(found.registered_name)
    if (
        found.module == "builtins" and found.is_function
    ):  # so Keras writes its own functions, as relu
        return hasattr(builtins, found.name)
    return found.module.partition(".")[0] not in _LIBRARIES
