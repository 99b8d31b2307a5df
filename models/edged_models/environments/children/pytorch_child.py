"""Conversion of PyTorch models with litert-torch, and their reference outputs. Runs in .venv-models-torch."""

import importlib.util
import logging
import os
import sys
import traceback
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import litert_torch
import numpy as np
import torch
from child_protocol import RefusedError, describe_error, serve
from torch.utils import _pytree as pytree

IMAGE_RANK = 4
CHANNEL_COUNTS = (1, 3)


class FlatOutputs(torch.nn.Module):
    """A network whose outputs are a flat tuple, whatever structure they have in the original."""

    def __init__(self, net: torch.nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Run the network."""
        return tuple(pytree.tree_leaves(self.net(image)))


class TorchModel:
    """A PyTorch network with one input."""

    def __init__(self, net: FlatOutputs, shape: tuple[int, ...], *, channels_last: bool) -> None:
        self._net = net
        self._shape = shape
        self._channels_last = channels_last
        self._image_outputs: list[int] = []

    def convert(self, out: Path) -> dict[str, Any]:
        """Write a float .tflite."""
        generator = torch.Generator().manual_seed(0)
        image = torch.rand(self._shape, generator=generator)
        with torch.no_grad():
            outputs = self._net(image)
        _check_outputs(outputs)
        self._image_outputs = [i for i, one in enumerate(outputs) if one.ndim == IMAGE_RANK]
        net = self._net
        if self._channels_last:
            net = litert_torch.to_channel_last_io(net, args=[0], outputs=self._image_outputs)
            image = image.permute(0, 2, 3, 1).contiguous()
        litert_torch.convert(net, (image,)).export(str(out))
        return {"outputs": [f"output_{position}" for position in range(len(outputs))]}

    def run(self, tensor: np.ndarray) -> list[np.ndarray]:
        """Run the network with PyTorch.

        Args:
            tensor: the .tflite's input, (1, H, W, C) float32, or (1, C, H, W) without `channels_last`.

        Returns:
            The outputs, of any shape and float32, in the layout of the .tflite's.
        """
        image = torch.from_numpy(tensor)
        if self._channels_last:
            image = image.permute(0, 3, 1, 2)
        with torch.no_grad():
            outputs = [one.numpy() for one in self._net(image)]
        if self._channels_last:
            for position in self._image_outputs:
                outputs[position] = outputs[position].transpose(0, 2, 3, 1)
        return outputs


def open_model(request: dict[str, Any]) -> TorchModel:
    """Load an exported program, or call the user's factory."""
    spec, shape = request["spec"], request["input_shape"]
    if not request["trust_code"]:
        os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"] = (
            "1"  # else torch.export.load unpickles whatever the archive contains
        )
    if request["factory"]:
        net, example = _call_factory(Path(spec), request["factory"])
        name = f"{spec}:{request['factory']}"
    else:
        net, example = _load_program(spec)
        name = spec
    if not shape and example is None:
        raise RefusedError(
            f"{name} has no example input: give the input's shape, as --input 1,3,96,96, or return (net, example)"
        )
    shape = tuple(shape or example.shape)
    _check_input(name, shape, example, channels_last=request["channels_last"])
    return TorchModel(FlatOutputs(net), shape, channels_last=request["channels_last"])


def _load_program(path: str) -> tuple[torch.nn.Module, Any]:
    try:
        program = torch.export.load(path)
    except Exception as error:  # a damaged archive raises nearly anything
        raise RefusedError(
            f"{path} cannot be read as an exported program: {describe_error(error)}"
        ) from error
    if any(_is_in_training_mode(node) for node in program.graph.nodes):
        raise RefusedError(
            f"{path} was exported in training mode: call net.eval() before torch.export"
        )
    args, kwargs = program.example_inputs or ((), {})
    inputs = pytree.tree_leaves((args, kwargs))
    count = len(program.graph_signature.user_inputs)
    if count != 1:
        raise RefusedError(f"{path} has {count} inputs; it must have one, a picture")
    return program.module(), inputs[0] if inputs else None


def _is_in_training_mode(node: torch.fx.Node) -> bool:
    """Return whether an operator has the argument ``training`` or ``train``, as batch_norm and dropout, and it is set."""
    if not isinstance(node.target, torch._ops.OpOverload):  # noqa: SLF001  # there is no public name
        return False
    names = [one.name for one in node.target._schema.arguments]  # noqa: SLF001  # as above
    values = {**dict(zip(names, node.args, strict=False)), **node.kwargs}
    return any(values.get(name) is True for name in ("training", "train"))


def _import_file(path: Path) -> ModuleType:
    sys.path.append(str(path.resolve().parent))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def _call_factory(path: Path, name: str) -> tuple[torch.nn.Module, Any]:
    """Execute the user's file; return the network and an example of its input, None if there is none."""
    try:
        value = getattr(_import_file(path), name, None)
        made = value() if callable(value) and not isinstance(value, torch.nn.Module) else value
    except Exception as error:  # the user's own code
        raise RefusedError(_describe_user_error(path, error)) from error
    if made is None:
        raise RefusedError(f"{path} has no {name}, or it returns nothing")
    net, example = made if isinstance(made, tuple) and len(made) == 2 else (made, None)  # noqa: PLR2004
    example = example[0] if isinstance(example, tuple) and len(example) == 1 else example
    if not isinstance(net, torch.nn.Module):
        raise RefusedError(
            f"{path}:{name} gives a {type(net).__name__}: it must be a torch.nn.Module, or return one, or (net, example)"
        )
    return net.eval(), example


def _describe_user_error(path: Path, error: Exception) -> str:
    frames = [
        one.lineno
        for one in traceback.extract_tb(error.__traceback__)
        if Path(one.filename) == path
    ]
    line = error.lineno if isinstance(error, SyntaxError) else frames[-1] if frames else 0
    return f"{path}, line {line}: {describe_error(error)}"


def _check_input(name: str, shape: tuple[int, ...], example: Any, *, channels_last: bool) -> None:
    if example is not None and getattr(example, "dtype", None) is not torch.float32:
        raise RefusedError(
            f"{name}'s input is {getattr(example, 'dtype', type(example).__name__)}; it must be a float32 tensor"
        )
    if len(shape) != IMAGE_RANK or shape[0] != 1:
        raise RefusedError(
            f"{name}'s input {list(shape)} is not a single picture [1, channels, height, width]: set it with --input 1,3,H,W"
        )
    if channels_last and shape[1] not in CHANNEL_COUNTS:
        raise RefusedError(
            f"{name}'s input {list(shape)} does not have its 1 or 3 channels first: use --layout as-is"
        )


def _check_outputs(outputs: tuple[Any, ...]) -> None:
    for position, one in enumerate(outputs):
        if not isinstance(one, torch.Tensor):
            raise RefusedError(
                f"output {position} is a {type(one).__name__}; all outputs must be tensors"
            )


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    torch.set_num_threads(1)
    serve(open_model)
