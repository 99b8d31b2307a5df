"""Makes what is in a bundle: its files, and a manifest of them. What trying the model tells nobody need say."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from msgspec import Struct, field
from msgspec.structs import asdict, replace

from edged.authoring.make_goldens import Tell, make_goldens
from edged.config.settings import ModelSettings
from edged.errors import BundleError, ConfigError, ModelError
from edged.model.goldens import Goldens, read_goldens, write_goldens
from edged.selftest.messages import ModelReport, Request
from edged.selftest.process import Tryout
from edged.updates.bundle.bundle import check_goldens
from edged.updates.bundle.manifest import (
    Budgets,
    FileEntry,
    Input,
    Label,
    Line,
    Manifest,
    Probation,
    Requirements,
    Thresholds,
    Variant,
    read_manifest,
    write_manifest,
)
from edged.updates.rules.compatibility import check_requirements

GOLDENS = "goldens.json"
_MODEL, _EDGETPU_MODEL = "model.tflite", "model-edgetpu.tflite"
_EDGETPU_GOLDENS = "goldens-edgetpu.json"
_EDGETPU_OP = b"edgetpu-custom-op"
_TIMEOUT_S = 60.0
_MOST_FAULTS_SHOWN = 3


class Details(Struct, frozen=True, kw_only=True):
    """What a manifest can say besides; each is as `Manifest` has it."""

    requirements: Requirements = field(default_factory=Requirements)
    labels: tuple[Label, ...] = ()
    thresholds: Thresholds = field(default_factory=Thresholds)
    budgets: Budgets = field(default_factory=Budgets)
    probation: Probation = field(default_factory=Probation)
    provenance: Line = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What a bundle is to be made of.

    Attributes:
        name: of the model.
        version: for people.
        counter: orders the versions.
        epoch: the security floor.
        licence: SPDX.
        model: the CPU variant's .tflite.
        goldens: its goldens' folder; None: they are made of `pictures`.
        pictures: a folder; None if there are goldens.
        edgetpu: the EdgeTPU variant's .tflite, if there is to be one.
        edgetpu_goldens: its goldens' folder; None: those of the CPU variant.
        details: all else.
    """

    name: str
    version: str
    counter: int
    epoch: int
    licence: str
    model: Path
    goldens: Path | None = None
    pictures: Path | None = None
    edgetpu: Path | None = None
    edgetpu_goldens: Path | None = None
    details: Details


@dataclass(frozen=True, slots=True)
class Contents:
    """A manifest, and where its files are."""

    manifest: Manifest
    sources: Mapping[str, Path]


def make_contents(recipe: Recipe, scratch: Path, tell: Tell) -> Contents:
    """Make what is not there yet, try the model on its goldens, and write the manifest.

    Args:
        recipe: what goes into the bundle.
        scratch: an empty folder for what is made; it must last until the bundle is written.
        tell: hears what is done now, and which share of all was.

    Raises:
        BundleError: the contents would not be taken on any device.
        ModelError: the model was refused.
        ConfigError: a file or the pictures cannot be used.
    """
    check_requirements(recipe.details.requirements)
    settings = ModelSettings(path=recipe.model, labels=recipe.details.labels or None)
    sources = {_MODEL: recipe.model.resolve()} | _goldens(recipe, settings, scratch, tell)
    tell("trying the model on its goldens", 1.0)
    report = _try(settings, scratch / GOLDENS)
    variants = [Variant(kind="cpu", model=_MODEL, goldens=GOLDENS)]
    if recipe.edgetpu:
        variants.append(_add_edgetpu(recipe.edgetpu, recipe.edgetpu_goldens, sources, scratch))
    manifest = Manifest(
        name=recipe.name,
        version=recipe.version,
        counter=recipe.counter,
        epoch=recipe.epoch,
        licence=recipe.licence,
        files=tuple(_entry(name, path) for name, path in sources.items()),
        variants=tuple(variants),
        input=Input(width=report.input.width, height=report.input.height),
        family=report.family,
        **asdict(recipe.details),
    )
    manifest = read_manifest(write_manifest(manifest))
    check_goldens(manifest, lambda name: _read(sources[name]))
    return Contents(manifest, sources)


def _goldens(recipe: Recipe, settings: ModelSettings, scratch: Path, tell: Tell) -> dict[str, Path]:
    """The CPU variant's, laid into `scratch` as they will lie on the device."""
    if recipe.goldens:
        return _lay_out(scratch, _read_folder(recipe.goldens))
    if recipe.pictures is None:
        raise ConfigError("a bundle needs goldens, or pictures to make them of")
    sha256 = _entry(_MODEL, recipe.model).sha256
    made = make_goldens(settings, recipe.pictures, scratch, model_sha256=sha256, tell=tell)
    return _lay_out(scratch, made)


def _try(settings: ModelSettings, goldens: Path) -> ModelReport:
    request = Request(settings=settings, goldens=goldens)
    with Tryout() as tryout:
        report = tryout.try_model(request, timeout_s=_TIMEOUT_S)
    if report.golden_faults:
        shown = "; ".join(report.golden_faults[:_MOST_FAULTS_SHOWN])
        raise BundleError(f"the model does not find what its goldens say: {shown}")
    return report


def _add_edgetpu(
    model: Path, goldens: Path | None, sources: dict[str, Path], scratch: Path
) -> Variant:
    """The EdgeTPU variant, and its files into `sources`."""
    if _EDGETPU_OP not in _read(model):
        raise BundleError(f"{model} was not made by the EdgeTPU compiler: give its _edgetpu.tflite")
    sources[_EDGETPU_MODEL] = model.resolve()
    if goldens is None:
        return Variant(kind="edgetpu", model=_EDGETPU_MODEL, goldens=GOLDENS)
    there = {name: _read(path) for name, path in sources.items() if name.endswith(".png")}
    sources |= _lay_out(scratch, _beside(_read_folder(goldens), there))
    return Variant(kind="edgetpu", model=_EDGETPU_MODEL, goldens=_EDGETPU_GOLDENS)


def _beside(files: dict[str, bytes], there: Mapping[str, bytes]) -> dict[str, bytes]:
    """A second set of goldens: a picture whose name another one has already gets another name."""
    goldens = _parse(files[GOLDENS], GOLDENS)
    names = {
        golden.picture: f"edgetpu-{golden.picture}"
        if there.get(golden.picture, files[golden.picture]) != files[golden.picture]
        else golden.picture
        for golden in goldens.goldens
    }
    renamed = tuple(replace(one, picture=names[one.picture]) for one in goldens.goldens)
    pictures = {names[name]: files[name] for name in names}
    return {_EDGETPU_GOLDENS: write_goldens(replace(goldens, goldens=renamed)), **pictures}


def _read_folder(folder: Path) -> dict[str, bytes]:
    """``goldens.json`` and the pictures that it names; what else is there stays there."""
    content = _read(folder / GOLDENS)
    pictures = (golden.picture for golden in _parse(content, str(folder / GOLDENS)).goldens)
    return {GOLDENS: content, **{name: _read(folder / name) for name in pictures}}


def _parse(content: bytes, name: str) -> Goldens:
    try:
        return read_goldens(content)
    except ModelError as error:
        raise BundleError(f"{name}: {error}") from error


def _lay_out(folder: Path, files: Mapping[str, bytes]) -> dict[str, Path]:
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return {name: folder / name for name in files}


def _entry(name: str, path: Path) -> FileEntry:
    content = _read(path)
    return FileEntry(name=name, size_bytes=len(content), sha256=hashlib.sha256(content).hexdigest())


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror or error}") from error
