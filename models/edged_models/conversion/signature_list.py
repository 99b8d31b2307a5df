"""The signatures of a .tflite, as text."""

from typing import Any

from edged_models.conversion.flatbuffer import unpack_model


def list_signatures(model: bytes) -> tuple[str, ...]:
    """Describe the signatures: ``train(kinds, rate, x) -> loss``, in the order of the file.

    Raises:
        SourceError: the model is damaged.
    """
    return tuple(
        f"{one.signatureKey.decode()}({_join(one.inputs)}) -> {_join(one.outputs)}"
        for one in unpack_model(model).signatureDefs or []
    )


def _join(tensors: Any) -> str:
    return ", ".join(tensor.name.decode() for tensor in tensors or [])
