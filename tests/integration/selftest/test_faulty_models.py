"""Models that fail in every way that the simulated interpreter knows: each ends in a report or an error, and the caller lives on."""

import os
import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from edged.config.settings import ModelSettings
from edged.errors import InvokeError, ModelError
from edged.interpreters.simulated_model import InjectedFaults, SimulatedModel
from edged.selftest.messages import SelfTestRequest
from edged.selftest.process import SelfTestProcess

SEED = int(os.environ.get("EDGED_SEED", "20261121"))
COUNT = 40
CAMPAIGN_COUNT = 1000
CHILDREN = 2
TIMEOUT_S = 1.0
MAX_INVOCATIONS = 3


def draw_faults(rng: random.Random) -> InjectedFaults:
    """Draw none, one or two faults that come within the self-test or after it."""
    kinds = [name for name in InjectedFaults.__struct_fields__ if name.endswith("_after")]
    chosen = rng.sample([kind for kind in kinds if kind != "slow_after"], rng.randint(0, 2))
    return InjectedFaults(
        latency_ms=rng.choice((0.0, 2.0)),
        **{kind: rng.randint(0, 2 * MAX_INVOCATIONS) for kind in chosen},
    )


def outcome_of(process: SelfTestProcess, path: Path, rng: random.Random) -> str:
    model = SimulatedModel(faults=draw_faults(rng))
    path.write_bytes(msgspec.json.encode(model))
    settings = ModelSettings(runtime="simulated", path=path)
    request = SelfTestRequest(settings=settings, max_invocations=MAX_INVOCATIONS)
    try:
        process.run(request, timeout_s=TIMEOUT_S)
    except (ModelError, InvokeError) as error:
        message = str(error)
        return next((end for end in ("crashed", "was stopped") if end in message), "refused")
    finally:
        path.unlink()
    return "reported"


def run_campaign(folder: Path, count: int) -> Counter[str]:
    def work(child: int) -> list[str]:
        rng = random.Random(f"{SEED} {child}")
        with SelfTestProcess() as process:
            return [
                outcome_of(process, folder / f"{number}.tflite", rng)
                for number in range(child, count, CHILDREN)
            ]

    with ThreadPoolExecutor(CHILDREN) as pool:
        return Counter(end for ends in pool.map(work, range(CHILDREN)) for end in ends)


def check_outcomes(outcomes: Counter[str], count: int) -> None:
    print(f"seed {SEED}: {dict(outcomes)}")
    assert outcomes.total() == count
    assert set(outcomes) == {"reported", "refused", "crashed", "was stopped"}


@pytest.mark.timeout(180)
def test_every_faulty_model_ends_in_a_report_or_an_error(tmp_path: Path) -> None:
    check_outcomes(run_campaign(tmp_path, COUNT), COUNT)


@pytest.mark.campaign
@pytest.mark.timeout(3600)
def test_a_thousand_faulty_models(tmp_path: Path) -> None:
    check_outcomes(run_campaign(tmp_path, CAMPAIGN_COUNT), CAMPAIGN_COUNT)
