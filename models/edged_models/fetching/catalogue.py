"""The catalogue of models: models/catalogue.toml, or one's own in the same form."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from edged.config.problems import suggest_name
from edged_models.errors import FetchError

CATALOGUE_PATH = Path(__file__).parents[2] / "catalogue.toml"

Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
Url = Annotated[str, Meta(pattern=r"^https?://")]
ModelVariant = Literal["cpu", "edgetpu"]


class CatalogueFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file on the net.

    Attributes:
        urls: where it is, tried in order.
        sha256: of what comes, a zip as a whole.
        digest_source: who says so.
        bytes: its size, where it is known.
        member: the name of the wanted file, if what comes is a zip.
    """

    urls: Annotated[tuple[Url, ...], Meta(min_length=1)]
    sha256: Digest
    digest_source: str
    bytes: Annotated[int, Meta(gt=0)] | None = None
    member: str | None = None


class CatalogueEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A model.

    Attributes:
        name: in the catalogue, and of its files here.
        family: how edged reads it.
        input_px: width and height that it is fed with.
        licence: an SPDX identifier.
        description: a sentence for who has to choose.
        cpu: the file that any device runs.
        edgetpu: the file that needs a Coral.
        labels: its labels, if they are in a file of their own.
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
        """Which there are."""
        found: list[ModelVariant] = ["cpu"] * (self.cpu is not None)
        return (*found, *(["edgetpu"] * (self.edgetpu is not None)))

    def get_file(self, variant: ModelVariant) -> CatalogueFile:
        """One variant's file.

        Raises:
            FetchError: there is none.
        """
        if found := getattr(self, variant):
            source: CatalogueFile = found
            return source
        raise FetchError(f"{self.name} is there for {' and '.join(self.variants)} only")


class _Catalogue(Struct, frozen=True, forbid_unknown_fields=True):
    model: tuple[CatalogueEntry, ...] = ()


def read_catalogue(path: Path) -> tuple[CatalogueEntry, ...]:
    """The models of a catalogue.

    Raises:
        FetchError: it cannot be read, or something in it is not as it must be.
    """
    try:
        entries = msgspec.toml.decode(path.read_bytes(), type=_Catalogue).model
    except (OSError, ValueError) as error:
        raise FetchError(f"cannot read the catalogue {path}: {error}") from error
    names = [entry.name for entry in entries]
    for entry in entries:
        if names.count(entry.name) > 1:
            raise FetchError(f"the catalogue {path} has {entry.name} twice")
        if not entry.variants:
            raise FetchError(f"the catalogue {path} has {entry.name} without a file")
    return entries


def select_entries(entries: Sequence[CatalogueEntry], names: Iterable[str]) -> list[CatalogueEntry]:
    """The models of these names, in the order asked.

    Raises:
        FetchError: there is none of that name.
    """
    known = {entry.name: entry for entry in entries}
    chosen = []
    for name in names:
        if name not in known:
            hint = suggest_name(name, known) or "--list shows those there are"
            raise FetchError(f"the catalogue has no {name}; {hint}")
        chosen.append(known[name])
    return chosen
