"""The EdgeTPU compiler, which Google distributes for x86-64 Linux and which may not be installed."""

import re
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec import Struct

from edged_models.errors import ToolError
from edged_models.files import write_bytes

COMPILER_NAME = "edgetpu_compiler"
_MAX_COMPILE_S = 900
_MAPPED_PATTERN = re.compile(r"Number of operations that will run on Edge TPU:\s*(\d+)")
_CPU_PATTERN = re.compile(r"Number of operations that will run on CPU:\s*(\d+)")
_CACHED_PATTERN = re.compile(r"On-chip memory used for caching model parameters:\s*(\S+)")
_TOTAL_PATTERN = re.compile(r"Total number of operations:\s*(\d+)")


class CompilerReport(Struct, frozen=True, kw_only=True):
    """The outcome of a compilation.

    Attributes:
        succeeded: whether the compiler made a model.
        on_edgetpu: number of ops that it mapped to the EdgeTPU.
        on_cpu: number of ops that it left to the CPU.
        cached: on-chip memory used for parameters, as the compiler prints it; None if it did not print it.
        log: the compiler's output.
        out: path of the compiled model; None if it was not kept.
    """

    succeeded: bool
    on_edgetpu: int
    on_cpu: int
    cached: str | None
    log: str
    out: Path | None = None


def compile_model(model: Path, *, out: Path | None) -> CompilerReport | None:
    """Run the compiler on a model.

    Args:
        model: the .tflite.
        out: where to keep the compiled model; None to discard it.

    Returns:
        The outcome; None if the compiler is not installed.

    Raises:
        ToolError: the compiler cannot be run, takes too long, or the result cannot be written.
    """
    program = shutil.which(COMPILER_NAME)
    if program is None:
        return None
    with TemporaryDirectory() as folder:
        finished = _run_compiler(program, model, folder)
        compiled = Path(folder) / f"{model.stem}_edgetpu.tflite"
        succeeded = finished.returncode == 0 and compiled.is_file()
        if succeeded and out is not None:
            write_bytes(out, compiled.read_bytes())
    log = finished.stdout.decode("utf-8", "replace").strip()
    return _parse_report(log, succeeded=succeeded, out=out)


def _run_compiler(program: str, model: Path, folder: str) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            [program, "-s", "-o", folder, str(model.resolve())],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_MAX_COMPILE_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ToolError(
            f"{program} did not finish in {_MAX_COMPILE_S} s and was stopped"
        ) from error
    except OSError as error:
        raise ToolError(f"cannot run {program}: {error.strerror or error}") from error


def _parse_report(log: str, *, succeeded: bool, out: Path | None) -> CompilerReport:
    on_cpu = _parse_number(_CPU_PATTERN, log)
    # If all ops are mapped, the compiler prints only the total.
    mapped = _parse_number(_MAPPED_PATTERN, log) or (
        _parse_number(_TOTAL_PATTERN, log) - on_cpu if succeeded else 0
    )
    cached = _CACHED_PATTERN.search(log)
    return CompilerReport(
        succeeded=succeeded,
        on_edgetpu=mapped,
        on_cpu=on_cpu,
        cached=cached[1] if cached else None,
        log=log,
        out=out if succeeded else None,
    )


def _parse_number(pattern: re.Pattern[str], text: str) -> int:
    match = pattern.search(text)
    return int(match[1]) if match else 0
