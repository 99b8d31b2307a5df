"""The device's own key: it signs models of its own names, and nothing else."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from edged.config.settings import Settings, UpdateSettings
from edged.errors import TrustError, UpdateError
from edged.host.files import LocalFileSystem
from edged.updates.bundle.bundle import open_unverified
from edged.updates.bundle.manifest import (
    PAYLOAD_TYPE,
    Manifest,
    decode_manifest,
    encode_manifest,
)
from edged.updates.bundle.trust import DESIRED_PAYLOAD_TYPE as DESIRED
from edged.updates.bundle.trust import PAYLOAD_TYPE as TRUST
from edged.updates.bundle.trust import (
    add_local_key,
    encode_trust_file,
    verify_desired_envelope,
    verify_manifest_envelope,
    verify_successor,
)
from edged.updates.installer.configured_trust import load_configured_trust
from edged.updates.store.store import ModelStore
from support.bundles import SigningKey, SigningKeys, make_bundle, sign

OWN = SigningKey("own")
FLEET = SigningKeys(names=("marks*",))


def manifest_named(name: str, folder: Path) -> Manifest:
    bundle = make_bundle(folder, FLEET)
    with bundle.open("rb") as file:
        opened = open_unverified(file, bundle.stat().st_size)
    return replace(opened.manifest, name=name)


def test_the_own_key_signs_models_of_its_own_names_only(tmp_path: Path) -> None:
    trust = add_local_key(FLEET.trust, OWN.public)
    local = encode_manifest(manifest_named("local-classifier", tmp_path))
    signed = sign(PAYLOAD_TYPE, local, OWN)
    assert decode_manifest(verify_manifest_envelope(trust, signed)).name == "local-classifier"
    other = sign(PAYLOAD_TYPE, encode_manifest(manifest_named("marks-shop", tmp_path)), OWN)
    with pytest.raises(TrustError, match=r"may sign models named local-\*, not marks-shop"):
        verify_manifest_envelope(trust, other)
    with pytest.raises(TrustError):
        verify_manifest_envelope(FLEET.trust, signed)


def test_the_own_key_changes_no_trust_and_gives_no_orders() -> None:
    trust = add_local_key(FLEET.trust, OWN.public)
    following = replace(FLEET.trust, version=2)
    with pytest.raises(TrustError, match="the root of trust file 1"):
        verify_successor(trust, sign(TRUST, encode_trust_file(following), OWN))
    with pytest.raises(TrustError, match="the channel role"):
        verify_desired_envelope(trust, sign(DESIRED, b"{}", OWN))


def test_the_setting_adds_the_key(tmp_path: Path) -> None:
    (tmp_path / "trust.json").write_bytes(FLEET.trust_envelope())
    (tmp_path / "own.pub").write_text(OWN.public.pem)
    store = ModelStore(tmp_path, LocalFileSystem())

    def load(local_key: Path | None) -> set[str]:
        updates = UpdateSettings(trust=tmp_path / "trust.json", local_key=local_key)
        return set(load_configured_trust(store, Settings(updates=updates)).keys)

    assert load(tmp_path / "own.pub") - load(None) == {OWN.id}
    for file in (tmp_path / "none.pub", tmp_path / "trust.json"):
        with pytest.raises(UpdateError, match=f"the key {file}, which updates.local_key names"):
            load(file)
