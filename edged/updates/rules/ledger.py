"""The ledger: what a model store records about its deployments.

It is one small JSON file. The store replaces it as a whole, and makes it durable before it does anything that the ledger describes.
"""

from enum import StrEnum
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct, field

from edged.errors import StoreError
from edged.redaction import display_url
from edged.updates.bundle.manifest import Count, Digest

SCHEMA = "edged.ledger/1"
MAX_LEDGER_BYTES = 1 << 20
FACTORY = ""
"""Stands for the digest of the model that is installed with edged."""

DeploymentState = Literal["fetching", "staged", "verified", "self-tested", "trial"]
DeploymentOutcome = Literal["committed", "rolled-back", "rejected"]
Requester = Literal["operator", "drop-folder", "channel"]
OptionalDigest = Annotated[str, Meta(pattern=r"^([0-9a-f]{64})?\Z")]


class EndCause(StrEnum):
    """The cause of a rejection or a rollback.

    `DENYING_CAUSES` also deny the version: what failed was the model itself. A new cause needs its words in `edged.updates.rules.rollback.DEFAULT_REASONS`, and a value of `cause` in `edged.messaging.contract.model`.
    """

    BUNDLE_REFUSED = "bundle-refused"
    """The bundle cannot be fetched, is not trusted, or is not for this device."""
    SELF_TEST_FAILED = "self-test-failed"
    TRIAL_FAILED = "trial-failed"
    """The model broke a rule of its probation, or its worker was lost through it."""
    TRIAL_INTERRUPTED = "trial-interrupted"
    """The daemon crashed, the host was rebooted, or workers were lost for reasons outside the model, too often in the trial; or it could not be tried."""
    ATTEMPTS_EXHAUSTED = "attempts-exhausted"
    """The deployment did not end within the allowed number of steps."""
    OPERATOR = "operator"
    CRASH_LOOP = "crash-loop"
    """The daemon kept crashing, and `edged rescue` went one step back."""


DENYING_CAUSES = frozenset({EndCause.TRIAL_FAILED, EndCause.SELF_TEST_FAILED, EndCause.CRASH_LOOP})
"""The causes for which the device does not install the version again without `force`."""


class DeploymentRequest(Struct, frozen=True, kw_only=True):
    """A request to install a bundle.

    Attributes:
        source: a path or a URL.
        mirrors: further URLs, tried in turn if the source does not deliver.
        requested_by: only an operator may install a lower counter.
        expected: the digest that the bundle must have; "" if any is accepted.
        force: install the version although it failed before.
        downgrade: install the version although its counter is lower than that of the model in use.
    """

    source: str
    mirrors: tuple[str, ...] = ()
    requested_by: Requester = "operator"
    expected: OptionalDigest = ""
    force: bool = False
    downgrade: bool = False


class Deployment(Struct, frozen=True, kw_only=True):
    """The deployment in flight.

    Attributes:
        id: identifies this deployment.
        request: what was requested.
        state: the last step that is done; in ``fetching`` and ``trial`` the step is still running.
        digest: sha256 of the manifest; "" until the bundle is verified.
        title: ``name@version``; "" until the bundle is verified.
        name: name of the model.
        counter: counter in the manifest.
        epoch: security epoch in the manifest.
        transitions: number of changes so far, failed attempts included.
        deaths: crashes of the daemon in the trial, without a reboot.
        boots: boots of the host in the trial.
        boot_id: id of the boot in which the trial last continued.
        is_clean_shutdown: the daemon was stopped properly in the trial, so its next start is no crash.
        blocked_reason: why the deployment cannot continue at the moment; "" if it can.
        baseline_fps: frames per second before the trial; 0 if unknown.
        baseline_frame_s: what the median of the old model's net time per frame was below before the trial, seconds; 0 if unknown.
        baseline_memory_mb: memory of the largest worker before the trial, MiB; 0 if unknown.
    """

    id: str
    request: DeploymentRequest
    state: DeploymentState
    digest: OptionalDigest = ""
    title: str = ""
    name: str = ""
    counter: Count = 0
    epoch: Count = 0
    transitions: Count = 0
    deaths: Count = 0
    boots: Count = 0
    boot_id: str = ""
    is_clean_shutdown: bool = False
    blocked_reason: str = ""
    baseline_fps: Annotated[float, Meta(ge=0.0)] = 0.0
    baseline_frame_s: Annotated[float, Meta(ge=0.0)] = 0.0
    baseline_memory_mb: Annotated[float, Meta(ge=0.0)] = 0.0

    @property
    def display_name(self) -> str:
        """``name@version``, or the source while the version is not known."""
        return self.title or display_url(self.request.source)


class DeploymentRecord(Struct, frozen=True, kw_only=True):
    """A deployment that has ended, or a rollback of a committed version.

    Attributes:
        id: ID of the deployment, or of the rollback.
        title: ``name@version``; "" if it never became known.
        digest: sha256 of the manifest; "" if it never became known.
        source: where the bundle came from; "" for a rollback of a committed version.
        outcome: how it ended.
        cause: why it ended; None for a commit.
        reason: the cause in words, with details; "" for a commit without remarks.
        flagged: committed with too little evidence, or by an operator before the end of the trial.
        time: when it ended, RFC 3339.
    """

    id: str
    title: str
    digest: OptionalDigest
    source: str
    outcome: DeploymentOutcome
    cause: EndCause | None = None
    reason: str = ""
    flagged: bool = False
    time: str = ""


class Ledger(Struct, frozen=True, kw_only=True, tag_field="schema", tag=SCHEMA):
    """The content of the ledger file.

    Attributes:
        epoch: minimum security epoch: the highest epoch of the models that were committed.
        current: digest of the committed version; `FACTORY` for the factory model.
        previous: digest of the version that was committed before it.
        counters: the highest counter that was committed, by the model's name.
        deployment: the deployment in flight.
        denied: versions that failed and are not installed again, with the reason, by digest.
        past: the latest records, newest last.
        sequence: sequence number of the latest desired state that was followed.
        desired_sha256: sha256 of that desired state.
        refresh_h: within how many hours it promised the next desired state; 0 if none was followed.
    """

    epoch: Count = 0
    current: OptionalDigest = FACTORY
    previous: OptionalDigest = FACTORY
    counters: dict[str, Count] = field(default_factory=dict)
    deployment: Deployment | None = None
    denied: dict[Digest, str] = field(default_factory=dict)
    past: tuple[DeploymentRecord, ...] = ()
    sequence: Count = 0
    desired_sha256: OptionalDigest = ""
    refresh_h: Annotated[float, Meta(ge=0.0)] = 0.0


def referenced_versions(ledger: Ledger) -> frozenset[str]:
    """Return the digests that a store must keep: current, previous, and the one in flight."""
    in_flight = ledger.deployment.digest if ledger.deployment else FACTORY
    return frozenset({ledger.current, ledger.previous, in_flight} - {FACTORY})


def decode_ledger(content: bytes) -> Ledger:
    """Decode the ledger file.

    Raises:
        StoreError: it is damaged, or too large.
    """
    if len(content) > MAX_LEDGER_BYTES:
        raise StoreError(
            f"the ledger of the model store takes {len(content)} bytes; {MAX_LEDGER_BYTES} are allowed"
        )
    try:
        if "schema" not in msgspec.json.decode(content, type=dict[str, msgspec.Raw]):
            # Without a tag msgspec assumes the only type it knows: ``{}`` would be an empty ledger.
            raise StoreError("the ledger of the model store cannot be read: it has no schema")
        return msgspec.json.decode(content, type=Ledger)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise StoreError(f"the ledger of the model store cannot be read: {error}") from error


def encode_ledger(ledger: Ledger) -> bytes:
    """Encode the ledger file such that `decode_ledger` can read it.

    Raises:
        StoreError: it could not read it, or the content is too large.
    """
    try:
        content = msgspec.json.format(msgspec.json.encode(ledger), indent=1)
    except UnicodeEncodeError as error:
        raise StoreError(f"the ledger of the model store cannot be written: {error}") from error
    decode_ledger(content)
    return content
