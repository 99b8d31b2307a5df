"""SavedModels: folders with a `saved_model.pb`."""

import re
from pathlib import Path

from edged_models.conversion.error_summary import summarize_error
from edged_models.conversion.kinds.function import concrete_source
from edged_models.conversion.source import FunctionSource
from edged_models.detector.graph import DetectorHead
from edged_models.errors import SourceError
from edged_models.tensorflow import tf

_DEFAULT_SIGNATURE = "serving_default"
_DIGITS = re.compile(r"(\d+)")


def try_open(spec: str, head: DetectorHead | None, side_px: int | None) -> FunctionSource | None:
    """A folder."""
    path = Path(spec)
    if not path.is_dir():
        return None
    if head is not None:
        raise SourceError(f"{path} has the head that it has: --head is for checkpoints")
    if not any((path / name).is_file() for name in ("saved_model.pb", "saved_model.pbtxt")):
        raise SourceError(f"{path} is no SavedModel: there is no saved_model.pb in it")
    try:
        loaded = tf.saved_model.load(str(path))
    except Exception as error:  # it raises nearly anything on a damaged folder
        raise SourceError(
            f"{path} cannot be read as a SavedModel: {summarize_error(error)}"
        ) from error
    signatures = loaded.signatures
    if not signatures:
        raise SourceError(f"{path} has no signature; save it with `signatures=`")
    signature = (
        signatures[_DEFAULT_SIGNATURE]
        if _DEFAULT_SIGNATURE in signatures
        else next(iter(signatures.values()))
    )
    # A folder does not say in which order its outputs were meant; their names' is the same every time.
    outputs = tuple(sorted(signature.structured_outputs, key=_natural_sort_key))
    return concrete_source(
        signature,
        name=path.resolve().name,
        outputs=outputs,
        side_px=side_px,
        tracked_resources=loaded,
    )


def _natural_sort_key(name: str) -> list[tuple[int, str]]:
    """Sorts output_10 after output_9."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in _DIGITS.split(name)]
