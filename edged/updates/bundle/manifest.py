"""What a bundle says of itself: the signed part, from which everything else in it is known by size and sha256."""

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
MIN_GOLDENS = 8
MIN_EMPTY_GOLDENS = 2

Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
ModelName = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}\Z")]
Version = Annotated[str, Meta(pattern=r"^[0-9A-Za-z][0-9A-Za-z.+_-]{0,63}\Z")]
FileName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z")]
Fraction = Annotated[float, Meta(ge=0.0, le=1.0)]
Count = Annotated[int, Meta(ge=0, le=1 << 53)]
Label = Annotated[str, Meta(max_length=200)]
ShortText = Annotated[str, Meta(max_length=1000)]


class FileEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file of the bundle."""

    name: FileName
    size_bytes: Annotated[int, Meta(ge=0, le=MAX_BUNDLE_BYTES)]
    sha256: Digest


class Variant(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The model for one kind of processor.

    Attributes:
        kind: ``cpu``, or ``edgetpu`` for a file that the EdgeTPU compiler made.
        model: its .tflite, among the files.
        goldens: its goldens (`edged.model.goldens`), among the files; the pictures that they name are beside them.
    """

    kind: Literal["cpu", "edgetpu"]
    model: FileName
    goldens: FileName


class Requirements(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which devices may take it; what is empty or 0 asks for nothing.

    Attributes:
        edged: versions of edged (PEP 440), as ``>=0.2``.
        runtimes: any of these, with versions, as ``litert>=2.1`` or ``tflite``.
        architectures: any of these, as ``platform.machine()`` has them.
        boards: any of these patterns (`fnmatch`), as the board names itself.
        edgetpu_runtime: versions of libedgetpu (PEP 440) for the EdgeTPU variant.
        free_bytes: of disk, beside the bundle's own size.
        memory_mb: of the host, in MiB.
    """

    edged: ShortText = ""
    runtimes: Annotated[tuple[ShortText, ...], Meta(max_length=8)] = ()
    architectures: Annotated[tuple[ShortText, ...], Meta(max_length=16)] = ()
    boards: Annotated[tuple[ShortText, ...], Meta(max_length=32)] = ()
    edgetpu_runtime: ShortText = ""
    free_bytes: Count = 0
    memory_mb: Count = 0


class ModelInput(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the model is fed; the self-test compares it with what the file says."""

    width: Annotated[int, Meta(ge=1, le=8192)]
    height: Annotated[int, Meta(ge=1, le=8192)]


class Thresholds(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Least scores that the maker recommends: they stand where the configuration says nothing.

    Attributes:
        threshold: of all labels.
        labels: of single labels.
    """

    threshold: Fraction | None = None
    labels: Annotated[dict[Label, Fraction], Meta(max_length=1000)] = field(default_factory=dict)


class Budgets(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the model may take on the device, in the self-test and in its trial; None asks for nothing.

    Attributes:
        invoke_ms_p95: of one invocation, milliseconds.
        memory_mb: resident memory of the process that runs it, MiB.
    """

    invoke_ms_p95: Annotated[float, Meta(gt=0)] | None = None
    memory_mb: Annotated[float, Meta(gt=0)] | None = None


class Probation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a trial must show before the model is kept.

    Attributes:
        min_baseline_s: the old model is measured for at least so long before the trial.
        min_s: it lasts at least so long; time in which the board throttles does not count.
        min_frames: and so many frames.
        max_s: without enough evidence it ends after so long, and the commit is flagged.
        min_fps_ratio: frames a second, against those before the trial.
        max_p95_ratio: 95th percentile of a frame's time in the model, against the old model's.
        max_error_rate: of frames on which the model failed.
        shadow_every: one frame in so many is shown to the old model as well.
        min_f1: agreement with the old model on these frames, at an IoU of 0.5.
        min_boxes: boxes of either model on these frames that count as enough evidence.
        detection_ratio: least and greatest number of detections, against the old model's.
        max_boxes: more of them in one frame are a flood. A family gives at most 100: from there on no frame is one.
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
    detection_ratio: tuple[
        Annotated[float, Meta(ge=0, le=1000)], Annotated[float, Meta(ge=0, le=1000)]
    ] = (0.5, 2.0)
    max_boxes: Annotated[int, Meta(ge=1, le=1000)] = 80


class Manifest(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="schema", tag=SCHEMA
):
    """The signed part of a bundle.

    Attributes:
        name: of the model, the same over its versions; the trust file's roles go by it.
        version: for people.
        counter: orders the versions of one name: a device takes a lower one only from an operator.
        epoch: security floor: once a model of an epoch is committed, none of a lower one is taken any more.
        files: all that is in the bundle besides the envelope.
        variants: a CPU variant, and at most one other.
        requirements: which devices may take it.
        input: how the model is fed.
        family: how its outputs are read; the self-test compares it with what is found.
        labels: by index; the model file's own if empty.
        thresholds: recommended.
        budgets: what it may take.
        probation: what its trial must show.
        licence: an SPDX expression.
        provenance: where it comes from, in words.
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
        """Of all files."""
        return sum(file.size_bytes for file in self.files)

    def file(self, name: str) -> FileEntry:
        """The entry of that name; `read_manifest` has seen to it that what the variants name is there."""
        return next(file for file in self.files if file.name == name)

    def variant(self, kind: str) -> Variant | None:
        """The variant of that kind; None if there is none."""
        return next((variant for variant in self.variants if variant.kind == kind), None)


def decode_manifest(content: bytes) -> Manifest:
    """Read the envelope's payload, after its signatures have been verified.

    Raises:
        BundleError: it is too large, has another form, impossible values, or contradicts itself.
    """
    if len(content) > MAX_MANIFEST_BYTES:
        raise BundleError(
            f"the manifest takes {len(content)} bytes; {MAX_MANIFEST_BYTES} are allowed"
        )
    try:
        manifest = msgspec.json.decode(content, type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BundleError(f"the manifest cannot be read: {error}") from error
    _check_consistency(manifest)
    return manifest


def encode_manifest(manifest: Manifest) -> bytes:
    """The payload, which `read_manifest` reads; the same manifest always gives the same bytes.

    Raises:
        BundleError: `read_manifest` would not read it.
    """
    content = msgspec.json.format(msgspec.json.encode(manifest, order="deterministic"), indent=1)
    decode_manifest(content)
    return content


def digest_of(payload: bytes) -> str:
    """The identity of a version: sha256 of the manifest's bytes, which name the content of every file."""
    return hashlib.sha256(payload).hexdigest()


def _check_consistency(manifest: Manifest) -> None:
    names = [file.name for file in manifest.files]
    if len(set(names)) < len(names):
        raise BundleError("the manifest lists a file twice")
    if manifest.size_bytes > MAX_BUNDLE_BYTES:
        raise BundleError(
            f"the bundle's files take {manifest.size_bytes} bytes; {MAX_BUNDLE_BYTES} are allowed"
        )
    kinds = [variant.kind for variant in manifest.variants]
    if "cpu" not in kinds or len(set(kinds)) < len(kinds):
        raise BundleError("the bundle must have one CPU variant, and at most one other")
    for variant in manifest.variants:
        for name in (variant.model, variant.goldens):
            if name not in names:
                raise BundleError(f"the {variant.kind} variant names {name}, which is not listed")
    least, most = manifest.probation.detection_ratio
    if least > most or manifest.probation.max_s < manifest.probation.min_s:
        raise BundleError("the probation's limits contradict each other")
