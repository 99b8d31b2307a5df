"""The parts of a set, train, validation and test, as they are named after a colon."""

from pathlib import Path

_FOLDERS = {"train": ("train",), "val": ("val", "valid"), "test": ("test",)}
PARTS = tuple(_FOLDERS)
PART_FOLDERS = frozenset(name for names in _FOLDERS.values() for name in names)
_OTHER_NAMES = {"valid": "val"}


def split_spec(spec: str) -> tuple[Path, str | None]:
    """Return the path and the part of ``PATH:train``, ``:val``, ``:valid`` or ``:test``; None for a path alone."""
    before, _, after = spec.rpartition(":")
    part = _OTHER_NAMES.get(after, after)
    return (Path(before), part) if before and part in PARTS else (Path(spec), None)


def find_part_folders(spec: str) -> list[Path]:
    """Return the folder of the part that the specification names; without a part, those of all parts."""
    path, part = split_spec(spec)
    wanted = (part,) if part else PARTS
    candidates = [path / name for one in wanted for name in _FOLDERS[one]]
    return [folder for folder in candidates if folder.is_dir()]
