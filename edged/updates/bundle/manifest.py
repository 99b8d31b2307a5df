"""The manifest of a bundle: the signed part, which lists every other file with its size and sha256."""

import hashlib
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct, field

from edged.errors import BundleError

SCHEMA = "edged.bundle/1"
PAYLOAD_TYPE = "application/vnd.edged.manifest+json"
MAX_MANIFEST_BYTES = 64 << 10
MAX_FILES = 64
MAX_BUNDLE_BYTES = 256 << 20

Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
ModelName = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}\Z")]
Version = Annotated[str, Meta(pattern=r"^[0-9A-Za-z][0-9A-Za-z.+_-]{0,63}\Z")]
FileName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z")]
Fraction = Annotated[float, Meta(ge=0.0, le=1.0)]
Ratio = Annotated[float, Meta(ge=0, le=1000)]
Count = Annotated[int, Meta(ge=0, le=1 << 53)]
Label = Annotated[str, Meta(max_length=200)]
ShortText = Annotated[str, Meta(max_length=1000)]


class FileEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file of the bundle: its name in the archive, its size in bytes, and the sha256 of its content."""

    name: FileName
    size_bytes: Annotated[int, Meta(ge=0, le=MAX_BUNDLE_BYTES)]
    sha256: Digest


class Variant(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The model for one kind of processor.

    Attributes:
        kind: ``cpu``, or ``edgetpu`` for a file from the EdgeTPU compiler.
        model: name of its .tflite file.
        goldens: name of its goldens file (`edged.model.goldens`); their pictures are files of the bundle, too.
    """

    kind: Literal["cpu", "edgetpu"]
    model: FileName
    goldens: FileName


class Requirements(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The requirements for a device; an empty field or 0 requires nothing.

    Attributes:
        edged: versions of edged (PEP 440), for example ``>=0.2``.
        runtimes: any of these, with versions, for example ``litert>=2.1`` or ``tflite``.
        architectures: any of these, as ``platform.machine()`` returns them.
        boards: any of these patterns (`fnmatch`) for the name that the board reports.
        edgetpu_runtime: versions of libedgetpu (PEP 440) for the EdgeTPU variant.
        free_bytes: disk space beside the bundle's own size, bytes.
        memory_mb: memory of the host, MiB.
    """

    edged: ShortText = ""
    runtimes: Annotated[tuple[ShortText, ...], Meta(max_length=8)] = ()
    architectures: Annotated[tuple[ShortText, ...], Meta(max_length=16)] = ()
    boards: Annotated[tuple[ShortText, ...], Meta(max_length=32)] = ()
    edgetpu_runtime: ShortText = ""
    free_bytes: Count = 0
    memory_mb: Count = 0


class ModelInput(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The model's input, which the self-test compares with the model file.

    Attributes:
        width: pixels.
        height: pixels.
    """

    width: Annotated[int, Meta(ge=1, le=8192)]
    height: Annotated[int, Meta(ge=1, le=8192)]


class Thresholds(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The minimum scores that the maker recommends; the configuration takes precedence.

    Attributes:
        threshold: minimum score for all labels; None for no recommendation.
        labels: minimum scores for single labels.
    """

    threshold: Fraction | None = None
    labels: Annotated[dict[Label, Fraction], Meta(max_length=1000)] = field(default_factory=dict)


class Budgets(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The limits of the model on the device, in the self-test and in its trial; None is no limit.

    Attributes:
        invoke_ms_p95: 95th percentile of an invocation, milliseconds.
        memory_mb: resident memory of the process that runs the model, MiB.
    """

    invoke_ms_p95: Annotated[float, Meta(gt=0)] | None = None
    memory_mb: Annotated[float, Meta(gt=0)] | None = None


class Probation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The conditions for a commit after the trial.

    Attributes:
        min_baseline_s: minimum duration of the old model's measurement before the trial, seconds.
        min_s: minimum duration of the trial, seconds; time in which the board throttles does not count.
        min_frames: minimum number of frames.
        max_s: maximum duration, seconds; without enough evidence by then, the commit is flagged.
        min_fps_ratio: minimum frames per second, relative to those before the trial.
        max_p95_ratio: maximum 95th percentile of the time per frame, relative to the old model's.
        max_error_rate: maximum share of frames on which the model fails.
        shadow_every: the old model runs on every Nth frame of each camera as well.
        min_f1: minimum agreement with the old model on these frames, at an IoU of 0.5.
        min_boxes: minimum number of boxes of both models on these frames; fewer are too little evidence.
        detection_ratio: minimum and maximum number of boxes, relative to the old model's.
        max_boxes: maximum number of boxes in one frame. A family gives at most 100, so that from 100 on there is no limit.
    """

    min_baseline_s: Annotated[float, Meta(ge=0, le=20)] = 5.0
    min_s: Annotated[float, Meta(ge=0, le=604_800)] = 300.0
    min_frames: Annotated[int, Meta(ge=0, le=10_000_000)] = 500
    max_s: Annotated[float, Meta(ge=0, le=2_592_000)] = 3600.0
    min_fps_ratio: Annotated[float, Meta(ge=0, le=10)] = 0.9
    max_p95_ratio: Annotated[float, Meta(gt=0, le=1000)] = 1.25
    max_error_rate: Fraction = 0.001
    shadow_every: Annotated[int, Meta(ge=1, le=1000)] = 10
    min_f1: Fraction = 0.6
    min_boxes: Annotated[int, Meta(ge=0, le=1_000_000)] = 20
    detection_ratio: tuple[Ratio, Ratio] = (0.5, 2.0)
    max_boxes: Annotated[int, Meta(ge=1, le=1000)] = 80


class Manifest(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="schema", tag=SCHEMA
):
    """The signed part of a bundle.

    Attributes:
        name: name of the model, the same for all versions; the roles of the trust file refer to it.
        version: version, shown to people; `counter` orders versions.
        counter: orders the versions of one name: a device installs a lower one only for an operator.
        epoch: security epoch: once a model of an epoch is committed, no model of a lower epoch is accepted.
        files: all files of the bundle except the envelope.
        variants: a CPU variant, and at most one other.
        requirements: the requirements for a device.
        input: the model's input.
        family: the model family, which the self-test compares with the one it detects.
        labels: by index; if empty, those in the model file.
        thresholds: recommended minimum scores.
        budgets: the limits of the model on the device.
        probation: the conditions for a commit.
        licence: an SPDX expression.
        provenance: the origin, in words.
    """

    name: ModelName
    version: Version
    counter: Count
    epoch: Count
    files: Annotated[tuple[FileEntry, ...], Meta(min_length=1, max_length=MAX_FILES)]
    variants: Annotated[tuple[Variant, ...], Meta(min_length=1, max_length=2)]
    input: ModelInput
    family: ShortText
    licence: ShortText
    requirements: Requirements = field(default_factory=Requirements)
    labels: Annotated[tuple[Label, ...], Meta(max_length=10_000)] = ()
    thresholds: Thresholds = field(default_factory=Thresholds)
    budgets: Budgets = field(default_factory=Budgets)
    probation: Probation = field(default_factory=Probation)
    provenance: ShortText = ""

    @property
    def title(self) -> str:
        """``name@version``."""
        return f"{self.name}@{self.version}"

    @property
    def size_bytes(self) -> int:
        """The size of all files, bytes."""
        return sum(file.size_bytes for file in self.files)

    def file(self, name: str) -> FileEntry:
        """Return the entry of that name; `decode_manifest` has checked that the files of the variants are listed."""
        return next(file for file in self.files if file.name == name)

    def variant(self, kind: str) -> Variant | None:
        """Return the variant of that kind; None if there is none."""
        return next((variant for variant in self.variants if variant.kind == kind), None)


def decode_manifest(content: bytes) -> Manifest:
    """Decode the payload of an envelope whose signatures have been verified.

    Raises:
        BundleError: it is too large, malformed or inconsistent, or has impossible values.
    """
    if len(content) > MAX_MANIFEST_BYTES:
        raise BundleError(f"the manifest has {len(content)} bytes, over {MAX_MANIFEST_BYTES}")
    try:
        manifest = msgspec.json.decode(content, type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BundleError(f"the manifest cannot be read: {error}") from error
    _check_consistency(manifest)
    return manifest


def encode_manifest(manifest: Manifest) -> bytes:
    """Encode the payload, to be signed; the same manifest always gives the same bytes.

    Raises:
        BundleError: `decode_manifest` could not read it.
    """
    content = msgspec.json.format(msgspec.json.encode(manifest, order="deterministic"), indent=1)
    decode_manifest(content)
    return content


def digest_of(payload: bytes) -> str:
    """Return the identity of a version: the sha256 of the manifest's bytes, which list the sha256 of every file."""
    return hashlib.sha256(payload).hexdigest()


def _check_consistency(manifest: Manifest) -> None:
    names = [file.name for file in manifest.files]
    if len(set(names)) < len(names):
        raise BundleError("the manifest lists a file twice")
    if manifest.size_bytes > MAX_BUNDLE_BYTES:
        raise BundleError(f"the files have {manifest.size_bytes} bytes, over {MAX_BUNDLE_BYTES}")
    kinds = [variant.kind for variant in manifest.variants]
    if "cpu" not in kinds or len(set(kinds)) < len(kinds):
        raise BundleError("the bundle must have a CPU variant, and at most one other")
    for variant in manifest.variants:
        if missing := {variant.model, variant.goldens} - {*names}:
            raise BundleError(
                f"the {variant.kind} variant names {min(missing)}, which is not listed"
            )
    min_ratio, max_ratio = manifest.probation.detection_ratio
    if min_ratio > max_ratio or manifest.probation.max_s < manifest.probation.min_s:
        raise BundleError("the probation's limits contradict each other")
