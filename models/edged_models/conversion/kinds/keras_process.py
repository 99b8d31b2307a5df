"""Loading of a Keras file in a process of its own, with the Keras that wrote it."""

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from edged_models.conversion.keras_archive import KerasArchive
from edged_models.conversion.kinds.concrete_function import concrete_source
from edged_models.conversion.source import DEFAULT_SIGNATURE, FunctionSource
from edged_models.conversion.source_options import SourceOptions
from edged_models.errors import SourceError
from edged_models.tensorflow import tf

_CHILD = "edged_models.conversion.kinds.keras_child"


class KerasRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The request to the child process: what it is to load.

    Attributes:
        path: the Keras file.
        side_px: side of the square input; the file's own if None.
        custom: the Python file with custom classes; None if there is none.
        trust_code: whether code in the file may be executed.
    """

    path: str
    side_px: int | None
    custom: str | None
    trust_code: bool


class KerasExport(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of the child process: what it has written.

    Attributes:
        outputs: names of the outputs, in order.
        error: why there is none; "" if there is one.
    """

    outputs: tuple[str, ...]
    error: str = ""


def load_in_child(archive: KerasArchive, options: SourceOptions) -> FunctionSource:
    """Load a Keras file with the Keras that wrote it.

    Keras 2 and 3 cannot both be `tf.keras` in one process, and code of a file may end the process that executes it.

    Raises:
        SourceError: the file cannot be loaded, or the child process crashed.
    """
    with TemporaryDirectory(prefix="edged-models-") as folder:
        export = _run_child(archive, options, Path(folder))
        if export.error:
            raise SourceError(export.error)
        loaded = tf.saved_model.load(str(Path(folder) / "saved"))
    return concrete_source(
        loaded.signatures[DEFAULT_SIGNATURE],
        name=archive.path.stem,
        outputs=export.outputs,
        tracked_resources=loaded,
    )


def _run_child(archive: KerasArchive, options: SourceOptions, folder: Path) -> KerasExport:
    request = KerasRequest(
        path=str(archive.path),
        side_px=options.side_px,
        custom=str(options.custom) if options.custom else None,
        trust_code=options.trust_code,
    )
    request_file, export_file = folder / "request.json", folder / "export.json"
    request_file.write_bytes(msgspec.json.encode(request))
    child = subprocess.run(
        [sys.executable, "-P", "-m", _CHILD, str(request_file)],
        env=_make_environment(folder, keras_3=archive.is_keras_3),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    if child.returncode == 0:
        return msgspec.json.decode(export_file.read_bytes(), type=KerasExport)
    raise SourceError(
        f"{archive.path} cannot be read: {_describe_crash(child, trusted=options.trust_code)}"
    )


def _make_environment(folder: Path, *, keras_3: bool) -> dict[str, str]:
    return {
        **os.environ,
        "KERAS_BACKEND": "tensorflow",
        "TF_USE_LEGACY_KERAS": "0" if keras_3 else "1",
        # Keras unpacks files there, and the folder goes even if the child is killed.
        "TMPDIR": str(folder),
    }


def _describe_crash(child: subprocess.CompletedProcess[bytes], *, trusted: bool) -> str:
    if child.returncode < 0:
        hint = "; code in the file must be of this Python's version" if trusted else ""
        return f"Keras crashed (signal {-child.returncode}){hint}"
    lines = child.stderr.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else f"Keras ended with exit code {child.returncode}"
