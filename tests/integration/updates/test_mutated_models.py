"""Damaged models in bundles that were signed with the damage in them: nothing but the self-test stands between them and a camera.

Each ends as a self-test that fails, or as one that is passed by right; what passes is looked at once more, without the self-test's own
judgement. It never ends in the death of who asked.
"""

import os
import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from edged import bundled
from edged.clock import SystemClock
from edged.config.settings import ModelSettings
from edged.errors import InvokeError, ModelError
from edged.host.files import LocalFileSystem
from edged.model.goldens import Golden, Goldens, find_mismatches, read_goldens
from edged.selftest.messages import ReportedDetection, SelfTestRequest
from edged.selftest.process import SelfTestProcess
from edged.types import Detections
from edged.updates.installer.installer import Installer
from edged.updates.installer.self_test_gate import self_test_version
from edged.updates.rules import deployment as rules
from edged.updates.rules.ledger import DeploymentRequest as Wanted
from edged.updates.store.host_info import detect_host
from edged.updates.store.store import ModelStore
from support.bundles import GOLDENS, SigningKeys, bundle_files, make_bundle, make_goldens
from support.damage import damage

pytestmark = pytest.mark.runtime

SEED = int(os.environ.get("EDGED_SEED", "20270214"))
MODELS = ("marks", "marks-fast", "marks-accurate")
CHILDREN = 2
TIMEOUT_S = 8.0


def to_detections(findings: tuple[ReportedDetection, ...]) -> Detections:
    return Detections(
        np.array([one.box for one in findings], np.float32).reshape(-1, 4),
        np.array([one.score for one in findings], np.float32),
        np.array([one.class_id for one in findings], np.int32),
    )


def count_faults_on_rerun(
    process: SelfTestProcess, model: Path, goldens: Goldens, golden: Golden
) -> int:
    """What it finds in a picture that is only a picture to it, judged here."""
    request = SelfTestRequest(
        settings=ModelSettings(path=model),
        image=model.with_name(golden.picture),
        min_score=goldens.tolerances.lower_min_score(goldens.min_score),
        max_invocations=1,
    )
    found = to_detections(process.run(request, timeout_s=TIMEOUT_S).detections)
    return len(
        find_mismatches(golden.detections, found, goldens.tolerances, min_score=goldens.min_score)
    )


def outcome_of(process: SelfTestProcess, model: Path, rng: random.Random, rechecks: int) -> str:
    goldens_file = model.with_name(GOLDENS)
    request = SelfTestRequest(
        settings=ModelSettings(path=model), goldens=goldens_file, max_invocations=1
    )
    try:
        report = process.run(request, timeout_s=TIMEOUT_S)
    except (ModelError, InvokeError) as error:
        told = str(error)
        return next((end for end in ("crashed", "not done") if end in told), "refused")
    if report.golden_mismatches:
        return "other detections"
    goldens = read_goldens(goldens_file.read_bytes())
    for golden in rng.sample(goldens.goldens, rechecks):
        assert not count_faults_on_rerun(process, model, goldens, golden), (SEED, model.name)
    return "passed"


def campaign(folder: Path, seed: int, count: int, *, rechecks: int) -> Counter[str]:
    """Try so many, and look again at so many pictures with what passes; how they ended."""
    originals = {name: bundled.model_path(name) for name in MODELS}
    for name, path in originals.items():
        (folder / name).mkdir()
        for file, content in make_goldens(path).items():
            (folder / name / file).write_bytes(content)

    def work(child: int) -> list[str]:
        ends = []
        for name in MODELS:  # one after the other: a child looks into one folder
            original = originals[name].read_bytes()
            with SelfTestProcess() as tryout:
                for number in range(child, count // len(MODELS), CHILDREN):
                    rng = random.Random(f"{seed} {name} {number}")
                    model = folder / name / f"{number}.tflite"
                    model.write_bytes(damage(original, rng))
                    ends.append(outcome_of(tryout, model, rng, rechecks))
                    model.unlink()
        return ends

    with ThreadPoolExecutor(CHILDREN) as pool:
        return Counter(end for ends in pool.map(work, range(CHILDREN)) for end in ends)


def check_outcomes(outcomes: Counter[str], count: int) -> None:
    print(f"seed {SEED}: {dict(outcomes)}")
    assert outcomes.total() == count
    assert outcomes["refused"] + outcomes["crashed"] + outcomes["not done"] > count // 10
    assert outcomes["passed"] > 0, "a few flipped bits change nothing that can be seen"


def test_no_damaged_model_passes_with_other_detections(tmp_path: Path) -> None:
    check_outcomes(campaign(tmp_path, SEED, 60, rechecks=1), 60)


@pytest.mark.campaign
@pytest.mark.timeout(3600)
def test_two_thousand_of_them(tmp_path: Path) -> None:
    ends = campaign(tmp_path, SEED, 2001, rechecks=3)
    check_outcomes(ends, 2001)
    assert ends["other detections"] > 20, "what only the goldens tell"


def test_in_a_signed_bundle_it_is_denied_by_the_installer(tmp_path: Path) -> None:
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
    assert ledger.past[-1].reason.startswith("the self-test: it does not find in its goldens")
    assert list(ledger.denied) == [ledger.past[-1].digest]
