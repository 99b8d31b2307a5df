"""Associated files of a .tflite: a zip archive that follows the graph."""

import io
import lzma
import zipfile
import zlib

from edged_models.errors import SourceError

_FIXED_DATE = (1980, 1, 1, 0, 0, 0)
_MAX_BYTES = 64 << 20
_DAMAGE_ERRORS = (
    ValueError,
    RuntimeError,
    EOFError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
)

AssociatedFiles = dict[str, bytes]


def split_associated_files(model: bytes, name: str = "the model") -> tuple[bytes, AssociatedFiles]:
    """Split a .tflite into the part without its archive and the archive's files, in their order.

    Raises:
        SourceError: the archive is damaged.
    """
    stream = io.BytesIO(model)
    if not zipfile.is_zipfile(stream):
        return model, {}
    try:
        with zipfile.ZipFile(stream) as archive:
            entries = archive.infolist()
            if sum(entry.file_size for entry in entries) > _MAX_BYTES:
                raise ValueError(f"they are larger than {_MAX_BYTES >> 20} MiB")
            files = {entry.filename: archive.read(entry) for entry in entries}
            begin = min((entry.header_offset for entry in entries), default=archive.start_dir)
    except _DAMAGE_ERRORS as error:
        raise SourceError(f"the files packed into {name} cannot be read: {error}") from error
    return model[:begin], files


def append_associated_files(model: bytes, files: AssociatedFiles) -> bytes:
    """Append files, uncompressed and without dates: the same input gives the same bytes."""
    if not files:
        return model
    stream = io.BytesIO(model)
    with zipfile.ZipFile(stream, "a", zipfile.ZIP_STORED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, _FIXED_DATE), content)
    return stream.getvalue()
