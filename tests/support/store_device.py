"""The calls of an installer and a daemon to a store, in the right order, without trust, models and a clock."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Literal

from edged.errors import BundleError
from edged.host.files import FileSystem
from edged.updates.bundle.envelope import Envelope, encode_envelope
from edged.updates.bundle.manifest import (
    PAYLOAD_TYPE,
    FileEntry,
    Manifest,
    ModelInput,
    Probation,
    Variant,
    digest_of,
    encode_manifest,
)
from edged.updates.rules import deployment, rollback
from edged.updates.rules.compatibility import check_admissible
from edged.updates.rules.ledger import FACTORY, DeploymentRequest, EndCause, Ledger
from edged.updates.store.store import ModelStore
from support.disk import STORE_ROOT

AT = "2027-01-01T00:00:00Z"
MAX_BUNDLE_BYTES = 1 << 20


@dataclass(frozen=True)
class SampleVersion:
    """A version and the bytes of its bundle, in a simplified form."""

    manifest: Manifest
    digest: str
    envelope: bytes
    files: Mapping[str, bytes]
    fails_at: Literal["", "self-test", "trial"] = ""

    @property
    def bundle(self) -> bytes:
        return b"".join((self.envelope, *self.files.values()))

    def contents(self) -> Iterator[tuple[str, Iterator[bytes]]]:
        """Yield the files, each in two pieces."""
        for name, content in self.files.items():
            half = len(content) // 2
            yield name, iter((content[:half], content[half:]))


def make_version(
    version: str,
    *,
    name: str = "marks",
    counter: int = 1,
    epoch: int = 0,
    fails_at: Literal["", "self-test", "trial"] = "",
    probation: Probation | None = None,
) -> SampleVersion:
    files = {
        "model.tflite": f"the model {name}@{version}".encode() * 3,
        "goldens.json": f"the goldens of {name}@{version}".encode(),
    }
    manifest = Manifest(
        name=name,
        version=version,
        counter=counter,
        epoch=epoch,
        files=tuple(
            FileEntry(name=name, size_bytes=len(content), sha256=sha256(content).hexdigest())
            for name, content in files.items()
        ),
        variants=(Variant(kind="cpu", model="model.tflite", goldens="goldens.json"),),
        input=ModelInput(width=320, height=320),
        family="ssd",
        licence="Apache-2.0",
        probation=probation or Probation(),
    )
    payload = encode_manifest(manifest)
    envelope = encode_envelope(Envelope(payload, PAYLOAD_TYPE, ()))
    return SampleVersion(manifest, digest_of(payload), envelope, files, fails_at)


class StoreDevice:
    """A process with a store; after a crash, another one goes on with the same disk.

    Args:
        files: the disk.
        versions_by_source: the versions that can be installed, by source.
        root: the store's folder.
        boot: boot id of the host.
    """

    def __init__(
        self,
        files: FileSystem,
        versions_by_source: Mapping[str, SampleVersion],
        *,
        root: Path = STORE_ROOT,
        boot: str = "boot",
    ) -> None:
        self.files = files
        self.store = ModelStore(root, files)
        self.versions_by_source = versions_by_source
        self.boot = boot
        self.ledger = Ledger()
        self.is_started = False

    def start(self) -> None:
        self.open()
        self.record(deployment.record_start(self.ledger, boot_id=self.boot, at=AT))
        self.is_started = True

    def open(self) -> None:
        if not self.files.exists(self.store.root):
            self.files.make_folder(self.store.root)
        self.ledger = self.store.open()

    def record(self, ledger: Ledger) -> None:
        if ledger != self.ledger:
            self.store.write_ledger(ledger)
            self.ledger = ledger

    def begin(self, source: str, *, force: bool = False) -> None:
        request = DeploymentRequest(source=source, force=force, downgrade=True)
        self.record(deployment.begin(self.ledger, request, id_=f"{len(self.ledger.past)}"))

    def install(self, source: str) -> None:
        self.begin(source)
        self.finish()

    def finish(self) -> None:
        while self.ledger.deployment is not None:
            self.step()
        self.apply_ledger()

    def apply_ledger(self) -> None:
        self.store.update_links(self.ledger)
        self.store.collect_garbage(self.ledger)

    def step(self) -> None:
        """Advance the deployment in flight by one state."""
        in_flight = self.ledger.deployment
        assert in_flight is not None
        new = self.versions_by_source[in_flight.request.source]
        match in_flight.state:
            case "fetching":
                self.download(in_flight.id, new.bundle)
                self.record(deployment.record_staged(self.ledger, at=AT))
            case "staged":
                self.unpack(in_flight.id, new)
            case "verified":
                self.self_test(new)
            case "self-tested":
                self.record(deployment.begin_trial(self.ledger, boot_id=self.boot, at=AT))
            case "trial":
                self.end_trial(new)

    def download(self, id_: str, bundle: bytes) -> None:
        """Download the rest of the bundle in pieces."""
        have = self.files.size(self.store.download_path(id_))
        third = len(bundle) // 3
        bounds = [have, *(at for at in (third, 2 * third, len(bundle)) if at > have)]
        self.store.append_download(id_, (bundle[a:b] for a, b in pairwise(bounds)))

    def unpack(self, id_: str, new: SampleVersion) -> None:
        found = self.files.read(self.store.download_path(id_), MAX_BUNDLE_BYTES)
        try:
            _require(found == new.bundle, "the bundle is damaged")
            check_admissible(self.ledger, new.manifest, new.digest)
            self.store.add_version(new.digest, new.envelope, new.contents())
        except BundleError as error:
            self.reject(EndCause.BUNDLE_REFUSED, error)
        else:
            self.record(deployment.record_verified(self.ledger, new.manifest, new.digest, at=AT))

    def self_test(self, new: SampleVersion) -> None:
        try:
            self.store.read_version(new.digest)
            _require(new.fails_at != "self-test", "the goldens do not match")
        except BundleError as error:
            self.reject(EndCause.SELF_TEST_FAILED, error)
        else:
            self.record(deployment.record_self_tested(self.ledger, at=AT))

    def end_trial(self, new: SampleVersion) -> None:
        if new.fails_at == "trial":
            self.record(
                rollback.roll_back(self.ledger, EndCause.TRIAL_FAILED, "it detects nothing", at=AT)
            )
        else:
            self.record(deployment.commit(self.ledger, at=AT))

    def roll_back_to_previous(self) -> None:
        previous = self.ledger.previous
        epoch = 0 if previous == FACTORY else self.store.read_version(previous).manifest.epoch
        self.record(
            rollback.roll_back(
                self.ledger, EndCause.OPERATOR, at=AT, id_="rollback", previous_epoch=epoch
            )
        )

    def reject(self, cause: EndCause, error: BundleError) -> None:
        self.record(rollback.reject(self.ledger, cause, str(error), at=AT))


def _require(condition: bool, otherwise: str) -> None:  # noqa: FBT001 - a condition
    if not condition:
        raise BundleError(otherwise)
