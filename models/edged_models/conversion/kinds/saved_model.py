"""SavedModels, which are folders with a `saved_model.pb`, as sources."""

import re
from pathlib import Path
from typing import Any

from edged_models.conversion.error_summary import summarize_error
from edged_models.conversion.kinds.function import concrete_source
from edged_models.conversion.source import FunctionSource
from edged_models.detector.graph import DetectorHead
from edged_models.errors import SourceError
from edged_models.tensorflow import tf

_DEFAULT_SIGNATURE = "serving_default"
_DIGITS = re.compile(r"(\d+)")


def try_open(spec: str, head: DetectorHead | None, side_px: int | None) -> FunctionSource | None:
    """Open a folder.

    Args:
        spec: path of the folder.
        head: must be None.
        side_px: side of the square input, if the signature leaves it open.

    Returns:
        The source; None if `spec` is not a folder.

    Raises:
        SourceError: the folder is not a SavedModel, cannot be read, or cannot be converted.
    """
    path = Path(spec)
    if not path.is_dir():
        return None
    if head is not None:
        raise SourceError(f"{path} has fixed outputs: --head applies to checkpoints only")
    loaded = _load_folder(path)
    signatures = loaded.signatures
    if not signatures:
        raise SourceError(f"{path} has no signature; save it with `signatures=`")
    signature = signatures.get(_DEFAULT_SIGNATURE, next(iter(signatures.values())))
    # A SavedModel does not store the order of its outputs; sorting by name always gives the same one.
    outputs = tuple(sorted(signature.structured_outputs, key=_natural_sort_key))
    return concrete_source(
        signature,
        name=path.resolve().name,
        outputs=outputs,
        side_px=side_px,
        tracked_resources=loaded,
    )


def _load_folder(path: Path) -> Any:
    if not any((path / name).is_file() for name in ("saved_model.pb", "saved_model.pbtxt")):
        raise SourceError(f"{path} is not a SavedModel: it has no saved_model.pb")
    try:
        return tf.saved_model.load(str(path))
    except Exception as error:  # it raises nearly anything on a damaged folder
        raise SourceError(
            f"{path} cannot be read as a SavedModel: {summarize_error(error)}"
        ) from error


def _natural_sort_key(name: str) -> list[tuple[int, str]]:
    """Return a sort key that puts output_10 after output_9."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in _DIGITS.split(name)]
