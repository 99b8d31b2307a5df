"""Mutated bundles: none opens and unpacks with a content other than one that was signed, and only our own error comes out."""

import random
import subprocess
import sys
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import pytest

from edged.errors import BundleError
from support.bundles import SigningKeys, make_bundle
from support.mutation import mutate, unpack

SIGNING = SigningKeys()
SEED = 20_261_121


def bundles(folder: Path) -> tuple[bytes, bytes]:
    """Two signed bundles, alike but for the model and the version."""
    return tuple(  # type: ignore[return-value]  # there are two
        make_bundle(
            folder, SIGNING, version=version, model=b"model number " + version.encode()
        ).read_bytes()
        for version in "12"
    )


def campaign(folder: Path, seed: int, count: int) -> Counter[str]:
    """Mutants by what became of them."""
    print(f"seed {seed}")
    chance = random.Random(seed)
    pair = bundles(folder)
    signed = dict(unpack(bundle, SIGNING.trust) for bundle in pair)
    assert len(signed) == 2
    outcomes: Counter[str] = Counter()
    for number in range(count):
        mine, other = chance.sample(pair, 2)
        kind, mutant = mutate(chance, mine, other)
        try:
            digest, contents = unpack(mutant, SIGNING.trust)
        except BundleError:
            outcomes["refused"] += 1
        else:
            assert contents == signed[digest], f"mutant {number}, {kind}"
            outcomes["harmless"] += 1
    return outcomes


def test_two_thousand_mutants(tmp_path: Path) -> None:
    outcomes = campaign(tmp_path, SEED, 2000)
    print(outcomes)
    assert outcomes.total() == 2000
    # What nobody reads (modes, owners, times) may be changed.
    assert outcomes["refused"] > 1800


@pytest.mark.campaign
def test_a_hundred_thousand_mutants(tmp_path: Path) -> None:
    campaign(tmp_path, random.SystemRandom().randrange(1 << 32), 100_000)


@pytest.mark.skipif(
    not find_spec("atheris"), reason="atheris is not installed: pip install 'edged[fuzz]'"
)
def test_a_short_run_of_the_fuzzer(tmp_path: Path) -> None:
    fuzzer = Path(__file__).parents[3] / "fuzz" / "fuzz_bundle.py"
    done = subprocess.run(
        [
            sys.executable,
            fuzzer,
            "-runs=5000",
            f"-seed={SEED}",
            f"-artifact_prefix={tmp_path}/",
            tmp_path,
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    assert "Done 5000 runs" in done.stderr
