"""The user's own Python code: its modules, and its errors in one line with file and line number."""

import re
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from edged_models.conversion.error_summary import summarize_error
from edged_models.errors import SourceError


def load_user_module(name: str) -> ModuleType:
    """Execute the user's module.

    Args:
        name: path of a file that ends in ``.py``, or the name of an installed module.

    Raises:
        SourceError: there is no such file or module, or its code fails.
    """
    if name.endswith(".py"):
        return load_user_file(Path(name))
    with user_errors(name, None):
        return import_module(name)


def load_user_file(path: Path) -> ModuleType:
    """Execute the user's file; it can import modules that lie beside it.

    Raises:
        SourceError: there is no such file, or its code fails.
    """
    spec = spec_from_file_location(path.stem, path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise SourceError(f"cannot read {path}: there is no such Python file")
    module = module_from_spec(spec)
    folder = str(path.resolve().parent)
    if folder not in sys.path:
        sys.path.append(folder)
    # The module is kept alive, because a function does not keep its variables alive.
    sys.modules[f"edged_models.user_modules.{path.stem}"] = module
    with user_errors(str(path), path):
        spec.loader.exec_module(module)
    return module


@contextmanager
def user_errors(spec: str, path: Path | None) -> Iterator[None]:
    """Turn errors of the user's code in the block into a `SourceError` with the line of the user's file.

    Args:
        spec: what the user named, for the message.
        path: the user's file; None if it is not known.

    Raises:
        SourceError: the block failed.
    """
    try:
        yield
    except SourceError:
        raise
    except (Exception, SystemExit) as error:  # the user's own code
        summary, kind = summarize_error(error), type(error).__name__
        message = summary if summary.startswith(kind) else f"{kind}: {summary}"
        line = _find_line(error, path) if path else None
        place = f" in {path.name}, line {line}" if path and line else ""
        raise SourceError(f"{spec} failed{place}: {message}") from error


def _find_line(error: BaseException, path: Path) -> int | None:
    """Return the innermost line of the user's file that the error passed through; None if there is none."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return error.lineno
    # TensorFlow rewrites functions before it traces them, and names the original lines in the message only.
    in_message = re.findall(rf'File "{re.escape(str(path))}", line (\d+)', str(error))
    if in_message:
        return int(in_message[-1])
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == str(path)]
    return lines[-1] if lines else None
