"""A model that runs and finds other things than its goldens say, in a bundle signed so: only the self-test stands before a camera."""

import random
from hashlib import sha256
from pathlib import Path

import pytest

from edged import bundled
from edged.clock import SystemClock
from edged.config.settings import ModelSettings
from edged.host.files import LocalFileSystem
from edged.updates.installer.installer import Installer
from edged.updates.installer.self_test_gate import self_test_version
from edged.updates.rules import deployment as rules
from edged.updates.rules.ledger import DeploymentRequest as Wanted
from edged.updates.store.host_info import detect_host
from edged.updates.store.store import ModelStore
from support.bundles import GOLDENS, SigningKeys, bundle_files, make_bundle

pytestmark = pytest.mark.runtime


def test_a_signed_model_with_other_weights_is_denied_by_the_installer(tmp_path: Path) -> None:
    signing = SigningKeys()
    original = bundled.model_path()
    (tmp_path / "store").mkdir()
    store = ModelStore(tmp_path / "store", LocalFileSystem())
    ledger = store.open()
    model = bytearray(original.read_bytes())
    middle = len(model) // 2
    model[middle : middle + 8000] = random.Random(20270214).randbytes(8000)
    before, now = (sha256(one).hexdigest().encode() for one in (original.read_bytes(), model))
    files = bundle_files(original)
    files["model.tflite"] = bytes(model)
    files[GOLDENS] = files[GOLDENS].replace(before, now)
    bundle = make_bundle(tmp_path, signing, model=original, files=files)
    ledger = rules.begin(ledger, Wanted(source=str(bundle)), id_="d1")
    store.write_ledger(ledger)
    clock = SystemClock()
    installer = Installer(
        store,
        files=LocalFileSystem(),
        get_trust=lambda: signing.trust,
        get_host=lambda: detect_host(store.root),
        run_self_test=lambda version: self_test_version(
            version, ModelSettings(), is_device_free=True, clock=clock
        ),
        clock=clock,
        on_progress=lambda _: None,
    )
    ledger = installer.advance(ledger)
    assert ledger.past[-1].outcome == "rejected"
    assert ledger.past[-1].reason.startswith(
        "the self-test failed: its detections differ from its goldens"
    )
    assert list(ledger.denied) == [ledger.past[-1].digest]
