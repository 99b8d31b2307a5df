"""Python files of the user's, named as ``file.py:name``. Their code is executed."""

import sys
import traceback
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from edged_models.conversion.error_summary import summarize_error
from edged_models.errors import ToolError

_SEPARATOR = ".py:"


def is_user_code(spec: str) -> bool:
    """Return whether `spec` has the form ``file.py:name``."""
    path, separator, name = spec.rpartition(_SEPARATOR)
    return bool(path and separator) and name.isidentifier()


def load_user_code(spec: str) -> tuple[ModuleType, Any]:
    """Load the file of ``file.py:name``, and return its module and the named object in it.

    Raises:
        ToolError: there is no such file or name, or the code fails.
    """
    file, _, name = spec.rpartition(":")
    path = Path(file)
    found = spec_from_file_location(f"edged_models_user_code.{path.stem}", path)
    if not path.is_file() or found is None or found.loader is None:
        raise ToolError(f"cannot read {path}: there is no such file")
    module = module_from_spec(found)
    # Its classes find their module by this name.
    sys.modules[module.__name__] = module
    call_user_code(spec, found.loader.exec_module, module)
    if hasattr(module, name):
        return module, getattr(module, name)
    raise ToolError(f"{path} has no {name}")


def find_optional(module: ModuleType, name: str) -> Callable[..., Any] | None:
    """Return a function of a module; None if it has none of this name."""
    function = getattr(module, name, None)
    return function if callable(function) else None


def call_user_code(spec: str, function: Callable[..., Any], *args: Any) -> Any:
    """Call a function of the user's.

    Args:
        spec: where it is, for messages.
        function: the function.
        args: its arguments.

    Raises:
        ToolError: it fails; the message names the error and the line.
    """
    try:
        return function(*args)
    except ToolError:
        raise
    except Exception as error:
        reason = f"{type(error).__name__}: {summarize_error(error)}"
        raise ToolError(f"{spec} failed{_find_line(error, spec)}: {reason}") from error


def _find_line(error: Exception, spec: str) -> str:
    """Return the line of the user's file in which an error was raised; nothing if it is not known."""
    name = Path(spec.rpartition(_SEPARATOR)[0] + ".py").name
    frames = traceback.extract_tb(error.__traceback__)
    lines = [one.lineno for one in frames if Path(one.filename).name == name]
    return f", line {lines[-1]}" if lines else ""
