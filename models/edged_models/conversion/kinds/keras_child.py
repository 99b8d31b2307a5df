"""The process that loads a Keras file and writes it as a SavedModel: ``python -m ...keras_child REQUEST.json``.

`keras_process` starts it with the Keras that wrote the file. It is also where code in a file is executed.
"""

import sys
from pathlib import Path

import msgspec

from edged_models.conversion.converter import save_functions
from edged_models.conversion.keras_archive import read_keras_archive
from edged_models.conversion.kinds.keras_loading import open_keras_file
from edged_models.conversion.kinds.keras_process import KerasExport, KerasRequest
from edged_models.conversion.source import DEFAULT_SIGNATURE
from edged_models.conversion.source_options import SourceOptions
from edged_models.errors import SourceError


def main(request_file: Path) -> None:
    """Write the SavedModel and ``export.json`` beside the request.

    Args:
        request_file: a `KerasRequest` as JSON.
    """
    request = msgspec.json.decode(request_file.read_bytes(), type=KerasRequest)
    try:
        export = _export(request, request_file.parent / "saved")
    except SourceError as error:
        export = KerasExport(outputs=(), error=str(error))
    (request_file.parent / "export.json").write_bytes(msgspec.json.encode(export))


def _export(request: KerasRequest, folder: Path) -> KerasExport:
    options = SourceOptions(
        side_px=request.side_px,
        custom=Path(request.custom) if request.custom else None,
        trust_code=request.trust_code,
    )
    source = open_keras_file(read_keras_archive(Path(request.path)), options)
    save_functions({DEFAULT_SIGNATURE: source.function}, source.variables, folder)
    return KerasExport(outputs=source.outputs)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
