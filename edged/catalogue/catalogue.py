"""The catalogue of third-party models: `catalogue.toml`, or a user's own file in the same format."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct, field

from edged.config.problems import suggest_name
from edged.errors import CatalogueError
from edged.text import read_text

CATALOGUE_PATH = Path(__file__).parent / "catalogue.toml"

Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
Url = Annotated[str, Meta(pattern=r"^https?://")]
LabelList = Annotated[tuple[str, ...], Meta(min_length=1)]
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
        good_for: what it does well; "" if nothing is known.
        bad_for: what it does badly; "" if nothing is known.
        camera_labels: its labels that are of use to a camera; ``--use`` detects only those; empty for all.
        label_list: the list of its labels, in the order of its classes, if no file has one; None if the model file or `labels` has it.
        cpu: the file that runs on any device; None without one.
        edgetpu: the file that needs a Coral; None without one.
        labels: the file of class names; None if they are in the model file.
    """

    name: Name
    family: str
    input_px: tuple[int, int]
    licence: str
    description: str
    good_for: str = ""
    bad_for: str = ""
    camera_labels: tuple[str, ...] = ()
    label_list: str | None = None
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
            hint = "add --edgetpu" if self.edgetpu else "leave --edgetpu out"
            raise CatalogueError(
                f"{self.name} is available for {' and '.join(self.variants)} only: {hint}"
            )
        return source


class Catalogue(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A catalogue.

    Attributes:
        model: the models, in the order in which they are listed.
        label_list: label lists that models without one refer to, by name.
    """

    model: tuple[CatalogueEntry, ...] = ()
    label_list: Mapping[str, LabelList] = field(default_factory=dict)

    def select(self, names: Iterable[str]) -> list[CatalogueEntry]:
        """Return the models of the given names, in that order.

        Raises:
            CatalogueError: the catalogue lacks one of them.
        """
        known = {entry.name: entry for entry in self.model}
        selected = []
        for name in names:
            if name not in known:
                hint = suggest_name(name, known) or f"it has: {', '.join(known)}"
                raise CatalogueError(f"the catalogue has no {name}; {hint}")
            selected.append(known[name])
        return selected

    def find_label_list(self, entry: CatalogueEntry) -> Sequence[str]:
        """Return the labels of a model of which no file has them; empty for any other."""
        return self.label_list[entry.label_list] if entry.label_list else ()


def read_catalogue(path: Path = CATALOGUE_PATH) -> Catalogue:
    """Read a catalogue.

    Raises:
        CatalogueError: the file cannot be read, or is invalid.
    """
    try:
        catalogue = msgspec.toml.decode(read_text(path), type=Catalogue)
    except (OSError, ValueError) as error:
        raise CatalogueError(f"cannot read the catalogue {path}: {error}") from error
    names = [entry.name for entry in catalogue.model]
    for entry in catalogue.model:
        if problem := _find_problem(entry, names, catalogue):
            raise CatalogueError(f"the catalogue {path} lists {entry.name} {problem}")
    return catalogue


def _find_problem(entry: CatalogueEntry, names: Sequence[str], catalogue: Catalogue) -> str | None:
    """Return what is wrong with a model in the catalogue, as the end of a sentence; None if nothing is."""
    if names.count(entry.name) > 1:
        return "twice"
    if not entry.variants:
        return "without a file: give it a cpu or an edgetpu file"
    if entry.label_list is not None and entry.label_list not in catalogue.label_list:
        return f"with the label list {entry.label_list}, which it does not have"
    if entry.label_list is not None and entry.labels is not None:
        return "with both a label list and a file of labels: remove one of the two"
    return None
