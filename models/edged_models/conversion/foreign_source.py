"""Models of other frameworks as sources: each is converted, and run, in the environment of its framework."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from ai_edge_litert.schema_py_generated import ModelT
from numpy.typing import NDArray

from edged_models.conversion.flatbuffer import pack_model, unpack_model
from edged_models.conversion.kinds.tflite_file import tflite_source
from edged_models.conversion.source import FileSource
from edged_models.environments.environment import Environment
from edged_models.environments.framework_process import FrameworkProcess, start_process

_INPUT_NAME = "image"


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignSource(FileSource):
    """A model of another framework, and the float32 .tflite that its converter made of it.

    Attributes:
        process: the process that holds the original.
    """

    process: FrameworkProcess

    def run(self, tensor: NDArray[np.generic]) -> list[NDArray[np.generic]]:
        """Run the original with its own framework.

        Args:
            tensor: (1, H, W, C) float32, the .tflite's input; (1, C, H, W) if its axes are the original's.

        Returns:
            The outputs, of any shape and float32, in the order and layout of the .tflite's.

        Raises:
            SourceError: the model fails.
        """
        return self.process.run(tensor)


def open_foreign(
    environment: Environment, program: str, request: Mapping[str, Any], *, name: str
) -> ForeignSource:
    """Convert a model in the environment of its framework.

    Args:
        environment: the environment, which is there.
        program: the program in it, of `edged_models.environments.children`.
        request: fields of the program's request.
        name: the model's.

    Raises:
        SourceError: the model cannot be read or converted.
    """
    process = start_process(environment, program, name=name)
    answer, model = process.convert(request)
    plain = tflite_source(_name_tensors(model, answer.outputs, answer.order, name), name=name)
    return ForeignSource(
        name=plain.name, metadata=plain.metadata, model=plain.model, process=process
    )


def _name_tensors(
    model: bytes, outputs: tuple[str, ...], order: tuple[int, ...], name: str
) -> bytes:
    """Give the input and the outputs the original's names, and the outputs its order.

    Args:
        model: the .tflite.
        outputs: names of the outputs, in order.
        order: their positions in the .tflite; () if its signature has these names.
        name: the model's, for messages.
    """
    tree = unpack_model(model, name)
    graph = tree.subgraphs[0]
    graph.outputs = _order_outputs(tree, outputs, order)
    tree.signatureDefs = None
    graph.tensors[graph.inputs[0]].name = _INPUT_NAME.encode()
    for index, one in zip(graph.outputs, outputs, strict=True):
        graph.tensors[index].name = one.encode()
    return pack_model(tree)


def _order_outputs(tree: ModelT, outputs: tuple[str, ...], order: tuple[int, ...]) -> list[int]:
    """Return the indices of the output tensors in the order of the original."""
    if order:
        return [int(tree.subgraphs[0].outputs[position]) for position in order]
    by_name = {one.name.decode(): int(one.tensorIndex) for one in tree.signatureDefs[0].outputs}
    return [by_name[one] for one in outputs]
