"""The catalogue of third-party models: `catalogue.toml`, or a user's own file in the same format."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from edged.config.problems import suggest_name
from edged.errors import CatalogueError
from edged.text import read_text

CATALOGUE_PATH = Path(__file__).parent / "catalogue.toml"

Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
Url = Annotated[str, Meta(pattern=r"^https?://")]
ModelVariant = Literal["cpu", "edgetpu"]


class CatalogueFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file to download.

    Attributes:
        urls: addresses of the file, tried in order.
        sha256: hexadecimal digest of the download; of the whole archive if it is a zip.
        digest_source: the origin of the digest.
        bytes: size of the download; None if unknown.
        member: name of the wanted file in the zip; None if the download is the file itself.
    """

    urls: Annotated[tuple[Url, ...], Meta(min_length=1)]
    sha256: Digest
    digest_source: str
    bytes: Annotated[int, Meta(gt=0)] | None = None
    member: str | None = None


class CatalogueEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A model in the catalogue.

    Attributes:
        name: name in the catalogue, and of the fetched files.
        family: the model family with which edged decodes its outputs.
        input_px: width and height of the input.
        licence: an SPDX identifier.
        description: one line that helps to choose a model.
        cpu: the file that runs on any device; None without one.
        edgetpu: the file that needs a Coral; None without one.
        labels: the file of class names; None if they are in the model file.
    """

    name: Name
    family: str
    input_px: tuple[int, int]
    licence: str
    description: str
    cpu: CatalogueFile | None = None
    edgetpu: CatalogueFile | None = None
    labels: CatalogueFile | None = None

    @property
    def variants(self) -> tuple[ModelVariant, ...]:
        """The variants that the model has."""
        known: tuple[ModelVariant, ...] = ("cpu", "edgetpu")
        return tuple(variant for variant in known if getattr(self, variant) is not None)

    def get_file(self, variant: ModelVariant) -> CatalogueFile:
        """Return the file of one variant.

        Raises:
            CatalogueError: the model does not have that variant.
        """
        source: CatalogueFile | None = getattr(self, variant)
        if source is None:
            raise CatalogueError(f"{self.name} is available for {' and '.join(self.variants)} only")
        return source


class _Catalogue(Struct, frozen=True, forbid_unknown_fields=True):
    model: tuple[CatalogueEntry, ...] = ()


def read_catalogue(path: Path) -> tuple[CatalogueEntry, ...]:
    """Read the models of a catalogue.

    Raises:
        CatalogueError: the file cannot be read, or is invalid.
    """
    try:
        entries = msgspec.toml.decode(read_text(path), type=_Catalogue).model
    except (OSError, ValueError) as error:
        raise CatalogueError(f"cannot read the catalogue {path}: {error}") from error
    names = [entry.name for entry in entries]
    for entry in entries:
        if names.count(entry.name) > 1:
            raise CatalogueError(f"the catalogue {path} lists {entry.name} twice")
        if not entry.variants:
            raise CatalogueError(
                f"the catalogue {path} lists {entry.name} without a file: give it a cpu or an edgetpu file"
            )
    return entries


def select_entries(entries: Sequence[CatalogueEntry], names: Iterable[str]) -> list[CatalogueEntry]:
    """Return the models of the given names, in that order.

    Raises:
        CatalogueError: the catalogue lacks one of them.
    """
    known = {entry.name: entry for entry in entries}
    selected = []
    for name in names:
        if name not in known:
            hint = suggest_name(name, known) or "list the names with --list"
            raise CatalogueError(f"the catalogue has no {name}; {hint}")
        selected.append(known[name])
    return selected
