"""The folder of a model's goldens: pictures and ``goldens.json``."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from edged_models.errors import ToolError
from edged_models.files import write_bytes

GOLDENS_FILE = "goldens.json"


def check_folder(out: Path) -> None:
    """Check before any work is done that goldens may be written to the folder.

    Raises:
        ToolError: it holds other files, or is not a folder.
    """
    if out.is_dir() and any(out.iterdir()) and not (out / GOLDENS_FILE).is_file():
        raise ToolError(f"{out} holds files other than goldens: name another folder with --out")
    if out.exists() and not out.is_dir():
        raise ToolError(f"{out} is not a folder: name another one with --out")


def write_folder(out: Path, files: Mapping[str, bytes]) -> None:
    """Write all files of a folder, or none; existing goldens are replaced.

    Raises:
        ToolError: the folder cannot be written.
    """
    partial = out.with_name(f".{out.name}.{os.getpid()}.partial")
    replaced = out.with_name(f".{out.name}.{os.getpid()}.replaced")
    try:
        for name, content in files.items():
            write_bytes(partial / name, content)
        if out.exists():
            out.rename(replaced)
        partial.rename(out)
    except OSError as error:
        raise ToolError(f"cannot write {out}: {error.strerror or error}") from error
    finally:
        if replaced.exists() and not out.exists():
            replaced.rename(out)
        for leftover in (partial, replaced):
            shutil.rmtree(leftover, ignore_errors=True)
