"""ONNX files as sources."""

from pathlib import Path

from edged_models.conversion.foreign_options import InputLayout
from edged_models.conversion.foreign_source import ForeignSource, open_foreign
from edged_models.conversion.source_options import SourceOptions
from edged_models.environments.environment import ONNX
from edged_models.errors import SourceError


def try_open(spec: str, options: SourceOptions) -> ForeignSource | None:
    """Open a file that ends in .onnx.

    Args:
        spec: path of the file.
        options: `foreign` and `side_px` apply.

    Returns:
        The source; None if the file is of another kind.

    Raises:
        SourceError: the file cannot be read or converted, or an option does not apply to it.
        ToolError: the converter's environment is missing.
    """
    path = Path(spec)
    if path.suffix.lower() != ".onnx":
        return None
    options.refuse_head(path)
    options.refuse_signatures(path)
    options.refuse_custom(path)
    if options.foreign.layout is not InputLayout.CHANNELS_LAST:
        raise SourceError(f"{path} is converted to channels-last only: omit --layout")
    if not path.is_file():
        raise SourceError(f"cannot read {path}: there is no such file")
    ONNX.require(set_up=options.foreign.set_up)
    request = {
        "spec": str(path),
        "input_shape": options.foreign.shape_for(options.side_px),
    }
    return open_foreign(ONNX, "onnx_child", request, name=path.stem)
