"""Messages between a command and the child processes that run a written model."""

from msgspec import Struct

from edged.types import ModelSignature

RUNTIMES = ("litert", "tflite")
"""Names in `edged.registry.INTERPRETERS`."""


class RunRequest(Struct, frozen=True, kw_only=True):
    """Parent to child: the inputs.

    Attributes:
        inputs: path of an .npy file, (N, *shape of the model's input) in its dtype.
        outputs: path of the .npz file to write: output J of picture I is the array ``I_J``.
        budget_s: seconds after which no further picture is run.
        min_pictures: number of pictures that are run however long that takes.
    """

    inputs: str
    outputs: str
    budget_s: float
    min_pictures: int


class RuntimeLoaded(Struct, frozen=True, kw_only=True, tag="loaded"):
    """Child to parent: the model is loaded.

    Attributes:
        runtime: name and version of the runtime.
        signature: the model's tensors, operators and metadata.
    """

    runtime: str
    signature: ModelSignature


class RuntimeRan(Struct, frozen=True, kw_only=True, tag="ran"):
    """Child to parent: the pictures were run, and the outputs are written.

    Attributes:
        pictures: number of pictures that were run.
        seconds: duration of all invocations.
    """

    pictures: int
    seconds: float


class RuntimeRefusal(Struct, frozen=True, kw_only=True, tag="refused"):
    """Child to parent: the runtime cannot load or run the model.

    Attributes:
        reason: the runtime's own sentence.
    """

    reason: str


RuntimeReply = RuntimeLoaded | RuntimeRan | RuntimeRefusal
