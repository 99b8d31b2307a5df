"""Self-tests of models that fail in every way that the simulated interpreter knows: each ends in a report or an error."""

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
from support.sampling import seeded_random

COUNT = 40
CAMPAIGN_COUNT = 1000
CHILDREN = 2
HANG_TIMEOUT_S = 1.0
TIMEOUT_S = 60.0
"""For a model that does not hang: enough on any machine for the start of the process and the test."""
MAX_INVOCATIONS = 3
FAULTS = {
    "fail_after": "refused",
    "hang_after": "was stopped",
    "crash_after": "crashed",
    "nan_after": "refused",
    "flood_after": "refused",
    "blind_after": "reported",
}
"""The faults, and how the self-test of a model ends that has this one from its first invocation on."""


def draw_faults(rng: random.Random, number: int) -> InjectedFaults:
    """Return each fault once, at the first invocation; then none, one or two that come within the self-test or after it."""
    kinds = tuple(FAULTS)
    if number < len(kinds):
        return InjectedFaults(**{kinds[number]: 0})
    chosen = rng.sample(kinds, rng.randint(0, 2))
    return InjectedFaults(
        latency_ms=rng.choice((0.0, 2.0)),
        **{kind: rng.randint(0, 2 * MAX_INVOCATIONS) for kind in chosen},
    )


def outcome_of(process: SelfTestProcess, path: Path, faults: InjectedFaults) -> str:
    model = SimulatedModel(faults=faults)
    path.write_bytes(msgspec.json.encode(model))
    settings = ModelSettings(runtime="simulated", path=path)
    request = SelfTestRequest(settings=settings, max_invocations=MAX_INVOCATIONS)
    try:
        process.run(request, timeout_s=TIMEOUT_S if faults.hang_after is None else HANG_TIMEOUT_S)
    except (ModelError, InvokeError) as error:
        message = str(error)
        return next((end for end in ("crashed", "was stopped") if end in message), "refused")
    finally:
        path.unlink()
    return "reported"


def run_self_tests(folder: Path, count: int) -> dict[int, str]:
    """Return the outcome of each model by its number."""

    def work(child: int) -> list[tuple[int, str]]:
        rng = seeded_random("faulty models", child)
        with SelfTestProcess() as process:
            return [
                (
                    number,
                    outcome_of(process, folder / f"{number}.tflite", draw_faults(rng, number)),
                )
                for number in range(child, count, CHILDREN)
            ]

    with ThreadPoolExecutor(CHILDREN) as pool:
        return dict(outcome for outcomes in pool.map(work, range(CHILDREN)) for outcome in outcomes)


def check_outcomes(outcomes: dict[int, str], count: int) -> None:
    print(dict(Counter(outcomes.values())))
    assert sorted(outcomes) == list(range(count))
    assert {kind: outcomes[number] for number, kind in enumerate(FAULTS)} == FAULTS
    assert set(outcomes.values()) == set(FAULTS.values())


@pytest.mark.timeout(180)
def test_every_faulty_model_ends_in_a_report_or_an_error(tmp_path: Path) -> None:
    check_outcomes(run_self_tests(tmp_path, COUNT), COUNT)


@pytest.mark.campaign
@pytest.mark.timeout(3600)
def test_a_thousand_faulty_models(tmp_path: Path) -> None:
    check_outcomes(run_self_tests(tmp_path, CAMPAIGN_COUNT), CAMPAIGN_COUNT)
