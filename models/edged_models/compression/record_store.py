"""Storage of finished variants, one JSON file each, so that an interrupted run can be resumed."""

from hashlib import sha256
from pathlib import Path

import msgspec

from edged_models.compression.build_messages import BuildJob
from edged_models.compression.comparison import VariantRecord
from edged_models.files import write_bytes


class RecordStore:
    """The records of finished variants in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, job: BuildJob) -> VariantRecord | None:
        """Return the record of an equivalent job, or None if there is none or its model has changed since."""
        try:
            record = msgspec.json.decode(self._path(job).read_bytes(), type=VariantRecord)
            model = Path(job.out).read_bytes()
        except (OSError, msgspec.MsgspecError):
            return None
        is_unchanged = sha256(model).hexdigest() == record.built.sha256
        return record if is_unchanged and record.job.is_equivalent(job) else None

    def save(self, record: VariantRecord) -> None:
        """Write a record.

        Raises:
            ToolError: the file cannot be written.
        """
        packed = msgspec.json.format(msgspec.json.encode(record), indent=2)
        write_bytes(self._path(record.job), packed + b"\n")

    def _path(self, job: BuildJob) -> Path:
        return self._folder / f"{job.name}.json"
