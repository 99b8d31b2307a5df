"""Trust roles on the command line: ``[N:]PUB[,PUB..]`` and ``PATTERN[,PATTERN..]=[N:]PUB[,PUB..]``."""

import argparse
import re
from dataclasses import dataclass, field
from pathlib import Path

from edged.errors import UpdateError
from edged.text import read_content
from edged.updates.bundle.keys import PublicKey, decode_public_key
from edged.updates.bundle.trust import ModelRole, Role


@dataclass(frozen=True, slots=True)
class RoleOption:
    """A role whose keys have not been read yet.

    Attributes:
        threshold: how many of the keys must sign.
        key_files: files of public keys.
        names: patterns of model names; () for a role that is not about models.
    """

    threshold: int
    key_files: tuple[Path, ...]
    names: tuple[str, ...] = ()


def parse_role(text: str) -> RoleOption:
    """Parse ``[N:]PUB[,PUB..]``, as an argparse `type`.

    Raises:
        argparse.ArgumentTypeError: the text does not have this form.
    """
    number = re.match(r"([0-9]{1,2}):", text)
    files = text.removeprefix(number[0] if number else "").split(",")
    if not all(files):
        raise argparse.ArgumentTypeError(f"{text!r} is not [N:]PUB[,PUB..]")
    return RoleOption(int(number[1]) if number else 1, tuple(map(Path, files)))


def parse_model_role(text: str) -> RoleOption:
    """Parse ``PATTERN[,PATTERN..]=[N:]PUB[,PUB..]``, as an argparse `type`.

    Raises:
        argparse.ArgumentTypeError: the text does not have this form.
    """
    names, equals, keys = text.partition("=")
    if not (equals and all(names.split(","))):
        raise argparse.ArgumentTypeError(f"{text!r} is not PATTERN[,PATTERN..]=[N:]PUB[,PUB..]")
    option = parse_role(keys)
    return RoleOption(option.threshold, option.key_files, tuple(names.split(",")))


@dataclass(slots=True)
class KeyRing:
    """The public keys of a trust file's roles, by key ID; a key has the name of its file."""

    keys: dict[str, PublicKey] = field(default_factory=dict)

    def make_role(self, option: RoleOption) -> Role:
        """Read the keys of a role and return the role.

        Raises:
            UpdateError: a key cannot be read.
        """
        return Role(keys=self._read_key_ids(option), threshold=option.threshold)

    def make_model_role(self, option: RoleOption) -> ModelRole:
        """Read the keys of a role for models and return the role.

        Raises:
            UpdateError: a key cannot be read.
        """
        return ModelRole(
            keys=self._read_key_ids(option), threshold=option.threshold, names=option.names
        )

    def _read_key_ids(self, option: RoleOption) -> tuple[str, ...]:
        return tuple(self._read_key_id(file) for file in option.key_files)

    def _read_key_id(self, file: Path) -> str:
        try:
            key = decode_public_key(read_content(file), name=file.stem)
        except OSError as error:
            raise UpdateError(f"cannot read {file}: {error.strerror or error}") from error
        self.keys.setdefault(key.id, key)
        return key.id
