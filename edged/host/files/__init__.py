"""The one layer through which the model store writes to the disk; tests replace it by one that records calls or fails.

A change is durable only after `FileSystem.sync` (a file's content) and `FileSystem.sync_folder` (the names in a folder). After a
power cut, changes that were not synced may be present or missing, in any combination.
"""

from edged.host.files.disk_errors import to_store_error
from edged.host.files.durable import replace_file, temporary_path, write_new_file
from edged.host.files.file_system import FileSystem
from edged.host.files.local import LocalFileSystem

__all__ = [
    "FileSystem",
    "LocalFileSystem",
    "replace_file",
    "temporary_path",
    "to_store_error",
    "write_new_file",
]
