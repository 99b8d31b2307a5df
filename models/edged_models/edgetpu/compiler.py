"""Google's own compiler, where it is installed."""

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
    """What the compiler said.

    Attributes:
        succeeded: whether it made a model.
        on_edgetpu: how many ops it mapped.
        on_cpu: how many it left.
        cached: on-chip memory for parameters, in its words; "" if it did not say.
        log: all that it printed.
        out: the compiled model, if it was kept.
    """

    succeeded: bool
    on_edgetpu: int
    on_cpu: int
    cached: str
    log: str
    out: Path | None = None


def compile_model(model: Path, *, out: Path | None) -> CompilerReport | None:
    """Run the compiler on a model; None where there is none.

    Args:
        model: the .tflite.
        out: where to keep what it makes; None to throw it away.

    Raises:
        ToolError: it cannot be run, does not end, or the result cannot be written.
    """
    program = shutil.which(COMPILER_NAME)
    if program is None:
        return None
    with TemporaryDirectory() as folder:
        try:
            done = subprocess.run(
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
                f"{program} was not done in {_MAX_COMPILE_S} s and was stopped"
            ) from error
        except OSError as error:
            raise ToolError(f"cannot run {program}: {error.strerror or error}") from error
        made = Path(folder) / f"{model.stem}_edgetpu.tflite"
        succeeded = done.returncode == 0 and made.is_file()
        if succeeded and out is not None:
            write_bytes(out, made.read_bytes())
        said = done.stdout.decode("utf-8", "replace").strip()
    return _parse_report(said, succeeded=succeeded, out=out)


def _parse_report(log: str, *, succeeded: bool, out: Path | None) -> CompilerReport:
    left = _parse_number(_CPU_PATTERN, log)
    # Where nothing is left to the CPU it names only the total.
    mapped = _parse_number(_MAPPED_PATTERN, log) or (
        _parse_number(_TOTAL_PATTERN, log) - left if succeeded else 0
    )
    cached = _CACHED_PATTERN.search(log)
    return CompilerReport(
        succeeded=succeeded,
        on_edgetpu=mapped,
        on_cpu=left,
        cached=cached[1] if cached else "",
        log=log,
        out=out if succeeded else None,
    )


def _parse_number(pattern: re.Pattern[str], text: str) -> int:
    match = pattern.search(text)
    return int(match[1]) if match else 0
