"""The package on a machine over time: upgraded in the middle of a trial, downgraded, removed, installed again, purged."""

import re
from pathlib import Path

import pytest

import edged
from support.bundles import SigningKeys, make_bundle
from system.debs import built_package, repack_with_version
from system.package.device import PackagedDevice

_OLDER = "0.0.9"
_MODEL = Path(__file__).parents[3] / "models/bundled/marks-fast.tflite"
_TRUST = '[updates]\ntrust = "/etc/edged/trust.json"\n'
_DROP_IN = "/run/systemd/system/edged.service.d/test.conf"
_SYSTEM_PATHS = re.compile(
    r"/(proc|sys|dev|run|tmp|var/tmp|var/log|var/cache|opt|var/lib/(dpkg|apt|systemd)|etc/(passwd|group|shadow|gshadow)-?)(/|$)"
)
"""What the system, dpkg and apt keep for themselves."""


def list_files(device: PackagedDevice) -> set[str]:
    """Return every path on the machine that only a package can have made."""
    listed = device.host.run("find", "/", "-xdev", "-print0").stdout.split("\0")
    return {path for path in listed if path and not _SYSTEM_PATHS.match(path)}


@pytest.fixture(scope="module")
def older_package(release: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return repack_with_version(built_package(release), _OLDER, tmp_path_factory.mktemp("older"))


@pytest.fixture(scope="module", autouse=True)
def files_before(device: PackagedDevice, older_package: Path) -> set[str]:
    """Return the files before the installation, then install an older version."""
    before = list_files(device)
    device.install(older_package)
    return before


def test_an_upgrade_in_a_trial_goes_on_with_the_trial(
    device: PackagedDevice, release: str, tmp_path: Path
) -> None:
    assert device.version() == _OLDER
    signing = SigningKeys()
    probation = {"min_baseline_s": 0, "min_s": 3600, "max_s": 7200}
    bundle = make_bundle(tmp_path, signing, model=_MODEL, probation=probation)
    device.host.write("/etc/edged/trust.json", signing.trust_envelope())
    device.host.write("/etc/edged/conf.d/trust.toml", _TRUST)
    device.host.run("systemctl", "restart", "edged")
    device.host.copy(bundle, "/srv/model.edgem")
    device.host.run("edged", "model", "install", "/srv/model.edgem")
    device.wait_until(lambda: _is_in_trial(device))
    before = device.unit_properties("MainPID")

    device.install(built_package(release))

    assert device.version() == edged.__version__
    assert device.unit_properties("ActiveState", "NRestarts") == {
        "ActiveState": "active",
        "NRestarts": "0",
    }
    assert device.unit_properties("MainPID") != before
    assert _is_in_trial(device)
    device.wait_until(lambda: device.model_status()["active_model"] == "marks@1")
    assert not re.search("Failed with result|killed", device.journal())
    device.host.run("edged", "model", "commit")
    device.wait_until(lambda: device.model_status()["past"][-1]["outcome"] == "committed")


def test_a_downgrade_keeps_what_the_operator_changed(
    device: PackagedDevice, older_package: Path
) -> None:
    edit = "sed -i 's/^fps = 5.0/fps = 4.0/' /etc/edged/edged.toml; grep -c '^fps = 4.0' /etc/edged/edged.toml"
    assert device.host.run_script(edit).strip() == "1"
    device.host.run("systemctl", "disable", "--now", "edged")

    device.install(older_package)

    assert device.version() == _OLDER
    assert device.host.run_script("grep '^fps' /etc/edged/edged.toml").strip() == "fps = 4.0"
    shown = device.unit_properties("ActiveState", "UnitFileState")
    assert shown == {"ActiveState": "inactive", "UnitFileState": "disabled"}
    device.host.run("systemctl", "enable", "--now", "edged")
    device.wait_until(lambda: device.model_status()["active_model"] == "marks@1")


def test_a_stop_that_takes_too_long_starts_nothing(device: PackagedDevice) -> None:
    """Check this because systemd takes it for a failure, and could start the rescue."""
    device.host.write(_DROP_IN, "[Service]\nExecStop=/bin/sleep 60\nTimeoutStopSec=1\n")
    device.host.run("systemctl", "daemon-reload")
    device.host.run("systemctl", "stop", "edged", check=False)
    assert device.unit_properties("ActiveState", "Result") == {
        "ActiveState": "failed",
        "Result": "timeout",
    }
    argv = ("systemctl", "show", "edged-rescue", "--property=Result", "--value")
    device.wait_until(lambda: device.host.run(*argv).stdout.strip() == "exec-condition")
    assert device.unit_properties("ActiveState") == {"ActiveState": "failed"}
    assert not _is_retry_pending(device)
    device.host.run("rm", _DROP_IN)
    device.host.run("systemctl", "daemon-reload")


def test_who_stops_it_stops_the_next_try_too(device: PackagedDevice) -> None:
    device.host.run("systemctl", "start", "edged-retry.timer")
    assert _is_retry_pending(device)
    device.host.run("systemctl", "stop", "edged")
    assert not _is_retry_pending(device)
    device.host.run("systemctl", "disable", "edged")
    device.host.run("systemctl", "start", "edged-retry.service")
    assert device.unit_properties("ActiveState") != {"ActiveState": "active"}
    device.host.run("systemctl", "enable", "edged")
    device.host.run("systemctl", "start", "edged-retry.service")
    device.wait_until(lambda: device.unit_properties("ActiveState") == {"ActiveState": "active"})


def test_an_upgrade_ends_a_crash_loop(
    device: PackagedDevice, older_package: Path, release: str
) -> None:
    """Let the older version crash until systemd's limit; the newer one is started."""
    device.host.write(
        _DROP_IN, "[Service]\nExecStart=\nExecStart=/usr/bin/false\nRestartSec=10ms\n"
    )
    device.host.run("systemctl", "mask", "--runtime", "edged-rescue.service")
    device.host.run("systemctl", "daemon-reload")
    device.host.run("systemctl", "restart", "edged", check=False)
    device.wait_until(lambda: device.unit_properties("ActiveState") == {"ActiveState": "failed"})
    assert device.host.run("systemctl", "start", "edged", check=False).returncode != 0
    device.host.run("rm", _DROP_IN)

    device.install(built_package(release))

    assert device.version() == edged.__version__
    assert device.unit_properties("ActiveState") == {"ActiveState": "active"}
    masked = device.host.run("systemctl", "is-enabled", "edged-rescue.service", check=False).stdout
    assert masked.strip() == "static"
    device.install(older_package)


def test_removed_it_leaves_its_configuration_and_its_models(
    device: PackagedDevice, release: str
) -> None:
    device.remove()
    nothing_left = "! test -e /opt/edged && ! test -e /usr/bin/edged && ! pgrep -u edged"
    device.host.run_script(nothing_left)
    device.host.run_script(
        "test -e /etc/edged/trust.json && test -e /var/lib/edged/models/ledger.json"
    )

    device.install(built_package(release))

    assert device.unit_properties("ActiveState") == {"ActiveState": "active"}
    device.wait_until(lambda: device.model_status()["active_model"] == "marks@1")


def test_purged_it_leaves_nothing_but_its_user(
    device: PackagedDevice, files_before: set[str]
) -> None:
    device.remove("purge")
    device.host.run("rm", "/srv/model.edgem")
    device.host.run_script(
        "! test -e /opt/edged"
    )  # this removes an empty /opt, as any package there does
    assert sorted(list_files(device) - files_before) == []
    assert sorted(files_before - list_files(device)) == []
    assert device.host.run("getent", "passwd", "edged").stdout
    assert "edged" not in device.host.run("systemctl", "list-units", "--all", "edged*").stdout
    assert not device.host.run("pgrep", "-u", "edged", check=False).stdout


def _is_retry_pending(device: PackagedDevice) -> bool:
    """Return whether systemd will try again."""
    state = device.host.run("systemctl", "is-active", "edged-retry.timer", check=False).stdout
    return state.strip() == "active"


def _is_in_trial(device: PackagedDevice) -> bool:
    deployment = device.model_status()["deployment"]
    return bool(deployment and deployment["state"] == "trial")
