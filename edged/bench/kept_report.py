"""Reports in files."""

from pathlib import Path

import msgspec

from edged.bench.report_values import BenchReport
from edged.errors import EdgedError

_MAX_BYTES = 1 << 20


def read_report(path: Path) -> BenchReport:
    """Read a report.

    Raises:
        EdgedError: there is no such file, or it is not a report.
    """
    try:
        if not path.is_file():
            raise EdgedError(f"{path}: no such report")
        if path.stat().st_size > _MAX_BYTES:
            raise EdgedError(f"{path}: not a report of edged bench: larger than {_MAX_BYTES} bytes")
        return msgspec.json.decode(path.read_bytes(), type=BenchReport)
    except OSError as error:
        raise EdgedError(f"{path}: {error.strerror}") from error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise EdgedError(f"{path}: not a report of edged bench: {error}") from error


def write_report(report: BenchReport, path: Path) -> None:
    """Write a report as JSON.

    Raises:
        EdgedError: the file cannot be written.
    """
    try:
        path.write_bytes(msgspec.json.format(msgspec.json.encode(report)) + b"\n")
    except OSError as error:
        raise EdgedError(f"--out: {path}: {error.strerror}") from error


def check_writable(path: Path, option: str) -> None:
    """Check that a file could be written there: better now than after minutes.

    Args:
        path: the file.
        option: the option to name.

    Raises:
        EdgedError: its folder is missing, or it is a folder itself.
    """
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise EdgedError(f"{option}: {path}: there is no such folder, or it is a folder")
