"""SavedModels, which are folders with a `saved_model.pb`, as sources."""

import re
from pathlib import Path
from typing import Any

from edged_models.conversion.error_summary import summarize_error
from edged_models.conversion.kinds.signatures import choose_signatures, signatures_source
from edged_models.conversion.source import DEFAULT_SIGNATURE, ModelSource
from edged_models.conversion.source_options import SourceOptions
from edged_models.errors import SourceError
from edged_models.tensorflow import tf

_DIGITS = re.compile(r"(\d+)")


def try_open(spec: str, options: SourceOptions) -> ModelSource | None:
    """Open a folder.

    Args:
        spec: path of the folder.
        options: `side_px` is the side of the square input, if the signature leaves it open; `signatures` are those to convert.

    Returns:
        The source; None if `spec` is not a folder.

    Raises:
        SourceError: the folder is not a SavedModel, cannot be read, has no such signature, or cannot be converted.
    """
    path = Path(spec)
    if not path.is_dir():
        return None
    options.refuse_head(path)
    options.refuse_custom(path)
    loaded = _load_folder(path)
    available = dict(loaded.signatures)
    if not available:
        raise SourceError(f"{path} has no signature; save it with `signatures=`")
    chosen = choose_signatures(available, options, name=str(path), default=DEFAULT_SIGNATURE)
    return signatures_source(
        chosen,
        {key: _sort_outputs(function) for key, function in chosen.items()},
        name=path.resolve().name,
        side_px=options.side_px,
        held=loaded,
    )


def _sort_outputs(signature: Any) -> tuple[str, ...]:
    """Sort outputs by name: a SavedModel does not store their order."""
    return tuple(sorted(signature.structured_outputs, key=_natural_sort_key))


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
