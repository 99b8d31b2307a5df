"""What a model store remembers: one small file that is replaced whole, and durable before anything is done that it speaks of."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct, field

from edged.errors import StoreError
from edged.updates.bundle.manifest import Count, Digest
from edged.updates.bundle.urls import redact_url

SCHEMA = "edged.ledger/1"
MAX_LEDGER_BYTES = 1 << 20
FACTORY = ""
"""Stands for the digest of the model that came with edged."""

DeploymentState = Literal["fetching", "staged", "verified", "self-tested", "trial"]
DeploymentOutcome = Literal["committed", "rolled-back", "rejected"]
Requester = Literal["operator", "spool", "channel"]
OptionalDigest = Annotated[str, Meta(pattern=r"^([0-9a-f]{64})?\Z")]


class DeploymentRequest(Struct, frozen=True, kw_only=True):
    """What somebody wants installed.

    Attributes:
        source: a path or a URL.
        mirrors: where else it is to be had, if it does not come from there.
        requested_by: who wants it; only an operator may go back to a lower counter.
        expected: the digest that it must have; "" if any will do.
        force: take it though it failed before.
        downgrade: take it though its counter is lower than that of the model in use.
    """

    source: str
    mirrors: tuple[str, ...] = ()
    requested_by: Requester = "operator"
    expected: OptionalDigest = ""
    force: bool = False
    downgrade: bool = False


class Deployment(Struct, frozen=True, kw_only=True):
    """A model on its way in.

    Attributes:
        id: of this deployment.
        request: what was asked for.
        state: how far it has come: what it names is done, except that a trial goes on.
        digest: of its manifest; "" until that is verified.
        title: ``name@version``; "" until then.
        name: of the model.
        counter: of the manifest.
        epoch: of the manifest.
        transitions: how often anything has happened to it.
        deaths: of the daemon's process in the trial, without a reboot.
        boots: of the host in the trial.
        boot_id: id of the boot in which the trial last went on.
        is_clean_shutdown: the daemon was ended properly in the trial: its next start is no death.
        blocked_reason: why it does not go on at the moment; "" if it does.
        baseline_fps: frames a second before the trial; 0 if that is not known.
        baseline_frame_s_p95: 95th percentile of a frame's time in the old model before the trial; 0 if that is not known.
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
    baseline_frame_s_p95: Annotated[float, Meta(ge=0.0)] = 0.0

    @property
    def display_name(self) -> str:
        """``name@version``, or, as long as that is not known, where it comes from."""
        return self.title or redact_url(self.request.source)


class DeploymentRecord(Struct, frozen=True, kw_only=True):
    """A deployment that is over.

    Attributes:
        id: of the deployment.
        title: ``name@version``; "" if that was never known.
        digest: of its manifest; "" if that was never known.
        source: where it came from.
        outcome: how it ended.
        reason: why, in words; "" for a commit without remarks.
        flagged: it was committed with too little evidence, or by an operator before its trial was over.
        time: when, RFC 3339.
    """

    id: str
    title: str
    digest: OptionalDigest
    source: str
    outcome: DeploymentOutcome
    reason: str = ""
    flagged: bool = False
    time: str = ""


class Ledger(Struct, frozen=True, kw_only=True, tag_field="schema", tag=SCHEMA):
    """See the module.

    Attributes:
        epoch: the security floor: of the models that are committed, the highest.
        current: digest of the version in use; `FACTORY` for the factory model.
        previous: of the one before it.
        counters: the highest that was committed, by the model's name.
        deployment: the one in flight.
        denied: why a version is not tried again, by its digest.
        past: the latest deployments, the newest last.
        sequence: of the channel's latest desired state.
        desired_sha256: sha256 of that desired state.
        refresh_h: within so many hours it promised the next one; 0 if there was none.
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


def decode_ledger(content: bytes) -> Ledger:
    """Read the file.

    Raises:
        StoreError: it is damaged, or too large.
    """
    if len(content) > MAX_LEDGER_BYTES:
        raise StoreError(
            f"the ledger of the model store takes {len(content)} bytes; {MAX_LEDGER_BYTES} are allowed"
        )
    try:
        if "schema" not in msgspec.json.decode(content, type=dict[str, msgspec.Raw]):
            # msgspec takes what has no tag for the only type there is: ``{}`` would be a ledger that knows nothing.
            raise StoreError("the ledger of the model store cannot be read: it has no schema")
        return msgspec.json.decode(content, type=Ledger)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise StoreError(f"the ledger of the model store cannot be read: {error}") from error


def encode_ledger(ledger: Ledger) -> bytes:
    """The file's content, which `read_ledger` reads.

    Raises:
        StoreError: it would not, or the content would be too large.
    """
    try:
        content = msgspec.json.format(msgspec.json.encode(ledger), indent=1)
    except UnicodeEncodeError as error:
        raise StoreError(f"the ledger of the model store cannot be written: {error}") from error
    decode_ledger(content)
    return content
