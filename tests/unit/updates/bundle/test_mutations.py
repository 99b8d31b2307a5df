"""Mutated bundles: none unpacks with content that was not signed, and only `BundleError` is raised."""

import subprocess
import sys
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import pytest

from edged.errors import BundleError
from support.bundles import SigningKeys, make_bundle
from support.mutation import mutate, unpack
from support.sampling import seeded_random

SIGNING = SigningKeys()


def bundles(folder: Path) -> tuple[bytes, bytes]:
    """Two signed bundles, alike but for the model and the version."""
    return tuple(  # type: ignore[return-value]  # there are two
        make_bundle(
            folder, SIGNING, version=version, model=b"model number " + version.encode()
        ).read_bytes()
        for version in "12"
    )


def check_mutants(folder: Path, count: int) -> Counter[str]:
    """Check so many mutants, and return their numbers by outcome."""
    rng = seeded_random("mutants")
    pair = bundles(folder)
    signed = dict(unpack(bundle, SIGNING.trust) for bundle in pair)
    assert len(signed) == 2
    outcomes: Counter[str] = Counter()
    for number in range(count):
        mine, other = rng.sample(pair, 2)
        kind, mutant = mutate(rng, mine, other)
        try:
            digest, contents = unpack(mutant, SIGNING.trust)
        except BundleError:
            outcomes["refused"] += 1
        else:
            assert contents == signed[digest], f"mutant {number}, {kind}"
            outcomes["harmless"] += 1
    return outcomes


def test_two_thousand_mutants(tmp_path: Path) -> None:
    outcomes = check_mutants(tmp_path, 2000)
    print(outcomes)
    assert outcomes.total() == 2000
    # Modes, owners and times are not read: they may be changed.
    assert outcomes["refused"] > 1800


@pytest.mark.campaign
def test_a_hundred_thousand_mutants(tmp_path: Path) -> None:
    check_mutants(tmp_path, 100_000)


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
            f"-seed={seeded_random('fuzzer').randrange(1 << 31)}",
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
