"""The folder that goldens are kept in: pictures, and ``goldens.json``."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from edged_models.errors import ToolError
from edged_models.files import write_bytes

GOLDENS_FILE = "goldens.json"


def check_folder(out: Path) -> None:
    """Say before any work is done that goldens cannot take that place.

    Raises:
        ToolError: something else is there.
    """
    if out.is_dir() and any(out.iterdir()) and not (out / GOLDENS_FILE).is_file():
        raise ToolError(f"{out} holds something else than goldens: name another folder with --out")
    if out.exists() and not out.is_dir():
        raise ToolError(f"{out} is no folder: name another with --out")


def write_folder(out: Path, files: Mapping[str, bytes]) -> None:
    """Write a folder whole or not at all; goldens that are there already are replaced.

    Raises:
        ToolError: it cannot be written.
    """
    partial = out.with_name(f".{out.name}.{os.getpid()}.partial")
    before = out.with_name(f".{out.name}.{os.getpid()}.before")
    try:
        for name, content in files.items():
            write_bytes(partial / name, content)
        if out.exists():
            out.rename(before)
        partial.rename(out)
    except OSError as error:
        raise ToolError(f"cannot write {out}: {error.strerror or error}") from error
    finally:
        if before.exists() and not out.exists():
            before.rename(out)
        shutil.rmtree(partial, ignore_errors=True)
        shutil.rmtree(before, ignore_errors=True)
