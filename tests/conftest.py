"""What every test run shares: one seed for all randomised tests, and one line about tests that need Ansible."""

import os
import random
from collections.abc import Iterator

import hypothesis
import pytest

from support.sampling import SEED_VARIABLE, Extent, Sampler
from support.simulated_fleet import NO_ANSIBLE

# A busy machine is no defect of the code under test.
hypothesis.settings.register_profile("edged", deadline=None)
hypothesis.settings.load_profile("edged")


def pytest_configure() -> None:
    """Choose the seed before xdist starts its workers, which inherit it."""
    os.environ.setdefault(SEED_VARIABLE, str(random.SystemRandom().randrange(1 << 32)))


def pytest_report_header() -> str:
    """Return how to repeat this run's random choices."""
    return f"randomised tests: {SEED_VARIABLE}={os.environ[SEED_VARIABLE]}"


@pytest.fixture
def sampler(extent: Extent, request: pytest.FixtureRequest) -> Sampler:
    """Return a sampler for a test that is marked `sampled`; each test draws numbers of its own."""
    return Sampler(extent, request.node.nodeid)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, exitstatus: int
) -> Iterator[None]:
    """Leave tests that need Ansible out of the list of skipped tests, and add how to run them."""
    stats = terminalreporter.stats
    skipped = stats.get("skipped", [])
    shown = [report for report in skipped if NO_ANSIBLE not in str(report.longrepr)]
    without_ansible = len(skipped) - len(shown)
    if without_ansible:
        stats["skipped"] = shown
    yield
    if without_ansible:
        stats["skipped"] = skipped
        terminalreporter.write_line(
            f"{without_ansible} tests need Ansible and were skipped: "
            "`make ansible-environment` sets it up in .venv-ansible, then `make test` runs them."
        )
    if exitstatus == pytest.ExitCode.TESTS_FAILED:
        terminalreporter.write_line(
            f"Repeat the random choices: {SEED_VARIABLE}={os.environ[SEED_VARIABLE]}"
        )
