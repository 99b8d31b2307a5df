"""PyTorch models as sources: exported programs (.pt2), and networks that a Python file makes.

The file is executed in PyTorch's environment, never in this process.
"""

import ast
import zipfile
from pathlib import Path

from edged_models.conversion.foreign_arguments import PYTORCH_PREFIX
from edged_models.conversion.foreign_options import InputLayout
from edged_models.conversion.foreign_source import ForeignSource, open_foreign
from edged_models.conversion.source_options import SourceOptions
from edged_models.environments.environment import PYTORCH
from edged_models.errors import SourceError

_PROGRAM_SUFFIX = ".pt2"
_PICKLE_SUFFIXES = (".pt", ".pth", ".ckpt", ".bin")
_TENSORFLOW = ("tensorflow", "keras", "tf_keras")
_EXPORT = (
    'torch.export.save(torch.export.export(net.eval(), (torch.rand(1, 3, 96, 96),)), "net.pt2")'
)


def try_open(spec: str, options: SourceOptions) -> ForeignSource | None:
    """Open an exported program, or call a factory in a Python file.

    Args:
        spec: path that ends in .pt2, or ``path/to/file.py:name`` of a file that imports torch and no TensorFlow, or
            ``torch:path/to/file.py:name``.
        options: `foreign` and `side_px` apply.

    Returns:
        The source; None if `spec` is of another kind.

    Raises:
        SourceError: the file is a pickle, cannot be read or converted, or an option does not apply to it.
        ToolError: PyTorch's environment is missing.
    """
    path, factory = _parse(spec)
    if path is None:
        return None
    options.refuse_head(spec)
    options.refuse_signatures(spec)
    options.refuse_custom(spec)
    if not path.is_file():
        raise SourceError(f"cannot read {path}: there is no such file")
    if path.suffix.lower() in _PICKLE_SUFFIXES:
        raise SourceError(_explain_refusal(path))
    PYTORCH.require(set_up=options.foreign.set_up)
    request = {
        "spec": str(path),
        "factory": factory,
        "trust_code": bool(factory) or options.trust_code,
        "input_shape": options.foreign.shape_for(options.side_px),
        "channels_last": options.foreign.layout is InputLayout.CHANNELS_LAST,
    }
    return open_foreign(PYTORCH, "pytorch_child", request, name=factory or path.stem)


def _parse(spec: str) -> tuple[Path | None, str]:
    """Return the file, and the name of the factory in it; None if it is not PyTorch's."""
    path = Path(spec)
    if path.suffix.lower() in (_PROGRAM_SUFFIX, *_PICKLE_SUFFIXES):
        return path, ""
    file, colon, name = spec.removeprefix(PYTORCH_PREFIX).rpartition(":")
    if not colon or not file.endswith(".py") or not name.isidentifier():
        return None, ""
    is_pytorch = spec.startswith(PYTORCH_PREFIX) or imports_pytorch_only(Path(file))
    return (Path(file), name) if is_pytorch else (None, "")


def imports_pytorch_only(path: Path) -> bool:
    """Return whether a Python file imports torch, but neither TensorFlow nor Keras. The file is parsed, not executed."""
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return False
    modules = set[str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules.update(one.name.partition(".")[0] for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            modules.add(node.module.partition(".")[0])
    return "torch" in modules and modules.isdisjoint(_TENSORFLOW)


def _explain_refusal(path: Path) -> str:
    if _is_torchscript(path):
        return f"{path} is TorchScript, which PyTorch's converter does not read: export the network itself, {_EXPORT}"
    return f"{path} is a pickle, and reading it would execute code in it: load it where you trust it, and export it, {_EXPORT}"


def _is_torchscript(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith("/constants.pkl") for name in archive.namelist())
    except (OSError, zipfile.BadZipFile):
        return False
