"""Makes the contents of a bundle: its files, and a manifest. The self-test of the model supplies family and input size."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import asdict, replace

from edged.authoring.bundle_spec import BundleSpec
from edged.authoring.label_check import check_threshold_labels
from edged.authoring.make_goldens import PictureCallback, ProgressCallback, make_goldens
from edged.config.settings import ModelSettings
from edged.errors import BundleError, ConfigError, ModelError
from edged.host.files.given_path import real_path
from edged.model.goldens import Goldens, read_goldens, write_goldens
from edged.selftest.messages import SelfTestReport, SelfTestRequest
from edged.selftest.process import SelfTestProcess
from edged.updates.bundle.bundle import check_goldens
from edged.updates.bundle.manifest import (
    FileEntry,
    Manifest,
    ModelInput,
    Variant,
    decode_manifest,
    encode_manifest,
)
from edged.updates.rules.compatibility import check_requirements

GOLDENS_NAME = "goldens.json"
_MODEL_NAME, _EDGETPU_MODEL_NAME = "model.tflite", "model-edgetpu.tflite"
_EDGETPU_GOLDENS_NAME = "goldens-edgetpu.json"
_EDGETPU_OP = b"edgetpu-custom-op"
_TIMEOUT_S = 60.0
_MAX_MISMATCHES_SHOWN = 3


@dataclass(frozen=True, slots=True)
class BundleContents:
    """The contents of a bundle.

    Attributes:
        manifest: the manifest.
        sources: paths of its files, by name.
    """

    manifest: Manifest
    sources: Mapping[str, Path]


def make_bundle_contents(
    spec: BundleSpec,
    scratch: Path,
    on_progress: ProgressCallback,
    *,
    on_picture: PictureCallback = lambda _picture, _detections: None,
) -> BundleContents:
    """Make the goldens if there are none, run the model on them, and make the manifest.

    Args:
        spec: the inputs of the bundle.
        scratch: an empty folder for new files; it must exist until the bundle is written.
        on_progress: receives a text on the current step, and the fraction 0..1 that is done.
        on_picture: receives each picture that becomes a golden, and the detections in it.

    Raises:
        BundleError: no device would accept the contents.
        ModelError: the model cannot be run.
        ConfigError: a file or the pictures cannot be used.
    """
    check_requirements(spec.details.requirements)
    settings = ModelSettings(path=spec.model, labels=spec.details.labels or None)
    sources = {_MODEL_NAME: real_path(spec.model)} | _prepare_goldens(
        spec, settings, scratch, on_progress, on_picture
    )
    on_progress("running the model on its goldens", 1.0)
    report = _self_test_model(settings, scratch / GOLDENS_NAME)
    check_threshold_labels(spec.details.thresholds, report.labels)
    variants = [Variant(kind="cpu", model=_MODEL_NAME, goldens=GOLDENS_NAME)]
    if spec.edgetpu:
        variants.append(_add_edgetpu(spec.edgetpu, spec.edgetpu_goldens, sources, scratch))
    manifest = _make_manifest(spec, report, sources, variants)
    check_goldens(manifest, lambda name: _read_file(sources[name]))
    return BundleContents(manifest, sources)


def _make_manifest(
    spec: BundleSpec,
    report: SelfTestReport,
    sources: Mapping[str, Path],
    variants: Sequence[Variant],
) -> Manifest:
    manifest = Manifest(
        name=spec.name,
        version=spec.version,
        counter=spec.counter,
        epoch=spec.epoch,
        licence=spec.licence,
        files=tuple(_make_file_entry(name, path) for name, path in sources.items()),
        variants=tuple(variants),
        input=ModelInput(width=report.input.width, height=report.input.height),
        family=report.family,
        **asdict(spec.details),
    )
    return decode_manifest(encode_manifest(manifest))


def _prepare_goldens(
    spec: BundleSpec,
    settings: ModelSettings,
    scratch: Path,
    on_progress: ProgressCallback,
    on_picture: PictureCallback,
) -> dict[str, Path]:
    """Write the goldens of the CPU variant into `scratch`, with the names that they have in the bundle."""
    if spec.goldens:
        return _write_files(scratch, _read_goldens_folder(spec.goldens))
    if spec.pictures is None:
        raise ConfigError("a bundle needs goldens, or pictures to make them of")
    sha256 = _make_file_entry(_MODEL_NAME, spec.model).sha256
    goldens = make_goldens(
        settings,
        spec.pictures,
        scratch,
        model_sha256=sha256,
        on_progress=on_progress,
        on_picture=on_picture,
    )
    return _write_files(scratch, goldens)


def _self_test_model(settings: ModelSettings, goldens: Path) -> SelfTestReport:
    request = SelfTestRequest(settings=settings, goldens=goldens)
    with SelfTestProcess() as process:
        report = process.run(request, timeout_s=_TIMEOUT_S)
    if report.golden_mismatches:
        shown = "; ".join(report.golden_mismatches[:_MAX_MISMATCHES_SHOWN])
        raise BundleError(f"the model's detections differ from its goldens: {shown}")
    return report


def _add_edgetpu(
    model: Path, goldens: Path | None, sources: dict[str, Path], scratch: Path
) -> Variant:
    """Add the files of the EdgeTPU variant to `sources`; return the variant."""
    if _EDGETPU_OP not in _read_file(model):
        raise BundleError(
            f"{model} was not made by the EdgeTPU compiler: use the compiler's output, _edgetpu.tflite"
        )
    sources[_EDGETPU_MODEL_NAME] = real_path(model)
    if goldens is None:
        return Variant(kind="edgetpu", model=_EDGETPU_MODEL_NAME, goldens=GOLDENS_NAME)
    pictures = {name: _read_file(path) for name, path in sources.items() if name.endswith(".png")}
    sources |= _write_files(
        scratch, _rename_conflicting_pictures(_read_goldens_folder(goldens), pictures)
    )
    return Variant(kind="edgetpu", model=_EDGETPU_MODEL_NAME, goldens=_EDGETPU_GOLDENS_NAME)


def _rename_conflicting_pictures(
    files: dict[str, bytes], existing: Mapping[str, bytes]
) -> dict[str, bytes]:
    """Return a second set of goldens in which no picture has the name of a different one in `existing`."""
    goldens = _decode_goldens(files[GOLDENS_NAME], GOLDENS_NAME)
    names = {
        golden.picture: f"edgetpu-{golden.picture}"
        if existing.get(golden.picture, files[golden.picture]) != files[golden.picture]
        else golden.picture
        for golden in goldens.goldens
    }
    renamed = tuple(replace(one, picture=names[one.picture]) for one in goldens.goldens)
    pictures = {names[name]: files[name] for name in names}
    return {_EDGETPU_GOLDENS_NAME: write_goldens(replace(goldens, goldens=renamed)), **pictures}


def _read_goldens_folder(folder: Path) -> dict[str, bytes]:
    """Read ``goldens.json`` and the pictures that it names, and no other file of the folder."""
    content = _read_file(folder / GOLDENS_NAME)
    pictures = (
        golden.picture for golden in _decode_goldens(content, str(folder / GOLDENS_NAME)).goldens
    )
    return {GOLDENS_NAME: content, **{name: _read_file(folder / name) for name in pictures}}


def _decode_goldens(content: bytes, name: str) -> Goldens:
    try:
        return read_goldens(content)
    except ModelError as error:
        raise BundleError(f"{name}: {error}") from error


def _write_files(folder: Path, files: Mapping[str, bytes]) -> dict[str, Path]:
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return {name: folder / name for name in files}


def _make_file_entry(name: str, path: Path) -> FileEntry:
    content = _read_file(path)
    return FileEntry(name=name, size_bytes=len(content), sha256=hashlib.sha256(content).hexdigest())


def _read_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror or error}") from error
