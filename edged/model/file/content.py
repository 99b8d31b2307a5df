"""The content of a model file, mapped into memory, and the errors that reading a damaged one raises."""

import lzma
import mmap
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edged.errors import ModelError
from edged.host.files.given_path import check_regular
from edged.model.file.flatbuffer import FlatbufferTable

_DAMAGE_ERRORS = (
    ValueError,
    RuntimeError,  # zipfile raises its subclass NotImplementedError
    EOFError,
    OverflowError,  # int() of an infinite option
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
)
"""The errors that reading a damaged file can raise."""


@contextmanager
def open_model_file(path: Path) -> Iterator[FlatbufferTable]:
    """Open a model file and provide its root table, `Model` of the schema, while the context lasts.

    Raises:
        ModelError: the file does not exist, is not a TensorFlow Lite model, or is damaged where the context reads it.
    """
    try:
        check_regular(path)
        if path.is_file() and not path.stat().st_size:
            raise ModelError(f"{path} is empty: download or copy the model again")
        with (
            path.open("rb") as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
        ):
            if content[4:8] != b"TFL3":
                raise ModelError(
                    f"{path} is not a TensorFlow Lite model: bytes 4 to 8 are not 'TFL3'"
                )
            yield FlatbufferTable.read_root(content)
    except OSError as error:
        raise ModelError(f"cannot read the model {path}: {error.strerror or error}") from error
    except _DAMAGE_ERRORS as error:
        if isinstance(error, ModelError):
            raise
        raise ModelError(f"{path} is damaged: {error}") from error
