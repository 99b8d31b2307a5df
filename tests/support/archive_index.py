"""All headers of a bundle's archive at once, for tests."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO

from edged.updates.bundle.archive import ArchiveMember, iter_members


@dataclass(frozen=True, slots=True)
class ArchiveIndex:
    """Members of an archive: the envelope, which is the first, and all others by name."""

    envelope: ArchiveMember
    members: Mapping[str, ArchiveMember]


def read_index(file: BinaryIO, size: int) -> ArchiveIndex:
    envelope, *others = iter_members(file, size)
    return ArchiveIndex(envelope, {member.name: member for member in others})
