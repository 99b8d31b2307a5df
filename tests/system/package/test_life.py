"""A package's life on a machine: upgraded in the middle of a trial, downgraded, removed, put back, purged."""

import re
from pathlib import Path

import pytest

import edged
from support.bundles import Signing, make_bundle
from system.debs import built, renumbered
from system.package.device import Device

_OLDER = "0.0.9"
_MODEL = Path(__file__).parents[3] / "models/bundled/marks-fast.tflite"
_TRUST = '[updates]\ntrust = "/etc/edged/trust.json"\n'
_DROP_IN = "/run/systemd/system/edged.service.d/test.conf"
_NOT_OURS = re.compile(
    r"/(proc|sys|dev|run|tmp|var/tmp|var/log|var/cache|opt|var/lib/(dpkg|apt|systemd)|etc/(passwd|group|shadow|gshadow)-?)(/|$)"
)
"""What the system, dpkg and apt keep for themselves."""


def files(device: Device) -> set[str]:
    """Every path on the machine that only a package puts there."""
    listed = device.host.run("find", "/", "-xdev", "-print0").stdout.split("\0")
    return {path for path in listed if path and not _NOT_OURS.match(path)}


@pytest.fixture(scope="module")
def older(release: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return renumbered(built(release), _OLDER, tmp_path_factory.mktemp("older"))


@pytest.fixture(scope="module", autouse=True)
def blank(device: Device, older: Path) -> set[str]:
    """What was there before; then an older version is installed."""
    before = files(device)
    device.install(older)
    return before


def test_an_upgrade_in_a_trial_goes_on_with_the_trial(
    device: Device, release: str, tmp_path: Path
) -> None:
    assert device.version() == _OLDER
    signing = Signing()
    probation = {"baseline_s": 0, "min_s": 3600, "most_s": 7200}
    bundle = make_bundle(tmp_path, signing, model=_MODEL, probation=probation)
    device.host.write("/etc/edged/trust.json", signing.trust_envelope())
    device.host.write("/etc/edged/conf.d/trust.toml", _TRUST)
    device.host.run("systemctl", "restart", "edged")
    device.host.copy(bundle, "/srv/model.edgem")
    device.host.run("edged", "model", "install", "/srv/model.edgem")
    device.await_true(lambda: _in_trial(device))
    before = device.shown("MainPID")

    device.install(built(release))

    assert device.version() == edged.__version__
    assert device.shown("ActiveState", "NRestarts") == {"ActiveState": "active", "NRestarts": "0"}
    assert device.shown("MainPID") != before
    assert _in_trial(device)
    device.await_true(lambda: device.models()["looking"] == "marks@1")
    assert not re.search("Failed with result|killed", device.journal())
    device.host.run("edged", "model", "commit")
    device.await_true(lambda: device.models()["past"][-1]["outcome"] == "committed")


def test_a_downgrade_keeps_what_the_operator_changed(device: Device, older: Path) -> None:
    edit = "sed -i 's/^fps = 5.0/fps = 4.0/' /etc/edged/edged.toml; grep -c '^fps = 4.0' /etc/edged/edged.toml"
    assert device.host.sh(edit).strip() == "1"
    device.host.run("systemctl", "disable", "--now", "edged")

    device.install(older)

    assert device.version() == _OLDER
    assert device.host.sh("grep '^fps' /etc/edged/edged.toml").strip() == "fps = 4.0"
    shown = device.shown("ActiveState", "UnitFileState")
    assert shown == {"ActiveState": "inactive", "UnitFileState": "disabled"}
    device.host.run("systemctl", "enable", "--now", "edged")
    device.await_true(lambda: device.models()["looking"] == "marks@1")


def test_a_stop_that_takes_too_long_starts_nothing(device: Device) -> None:
    """systemd takes it for a failure, and has those started that help after one."""
    device.host.write(_DROP_IN, "[Service]\nExecStop=/bin/sleep 60\nTimeoutStopSec=1\n")
    device.host.run("systemctl", "daemon-reload")
    device.host.run("systemctl", "stop", "edged", check=False)
    assert device.shown("ActiveState", "Result") == {"ActiveState": "failed", "Result": "timeout"}
    argv = ("systemctl", "show", "edged-rescue", "--property=Result", "--value")
    device.await_true(lambda: device.host.run(*argv).stdout.strip() == "exec-condition")
    assert device.shown("ActiveState") == {"ActiveState": "failed"}
    assert not _waiting(device)
    device.host.run("rm", _DROP_IN)
    device.host.run("systemctl", "daemon-reload")


def test_who_stops_it_stops_the_next_try_too(device: Device) -> None:
    device.host.run("systemctl", "start", "edged-retry.timer")
    assert _waiting(device)
    device.host.run("systemctl", "stop", "edged")
    assert not _waiting(device)
    device.host.run("systemctl", "disable", "edged")
    device.host.run("systemctl", "start", "edged-retry.service")
    assert device.shown("ActiveState") != {"ActiveState": "active"}
    device.host.run("systemctl", "enable", "edged")
    device.host.run("systemctl", "start", "edged-retry.service")
    device.await_true(lambda: device.shown("ActiveState") == {"ActiveState": "active"})


def test_an_upgrade_ends_a_crash_loop(device: Device, older: Path, release: str) -> None:
    """The older one falls until systemd will not start it any more; the newer one gets its start."""
    device.host.write(
        _DROP_IN, "[Service]\nExecStart=\nExecStart=/usr/bin/false\nRestartSec=10ms\n"
    )
    device.host.run("systemctl", "mask", "--runtime", "edged-rescue.service")
    device.host.run("systemctl", "daemon-reload")
    device.host.run("systemctl", "restart", "edged", check=False)
    device.await_true(lambda: device.shown("ActiveState") == {"ActiveState": "failed"})
    assert device.host.run("systemctl", "start", "edged", check=False).returncode != 0
    device.host.run("rm", _DROP_IN)

    device.install(built(release))

    assert device.version() == edged.__version__
    assert device.shown("ActiveState") == {"ActiveState": "active"}
    masked = device.host.run("systemctl", "is-enabled", "edged-rescue.service", check=False).stdout
    assert masked.strip() == "static"
    device.install(older)


def test_removed_it_leaves_its_configuration_and_its_models(device: Device, release: str) -> None:
    device.remove()
    gone = "! test -e /opt/edged && ! test -e /usr/bin/edged && ! pgrep -u edged"
    device.host.sh(gone)
    device.host.sh("test -e /etc/edged/trust.json && test -e /var/lib/edged/models/ledger.json")

    device.install(built(release))

    assert device.shown("ActiveState") == {"ActiveState": "active"}
    device.await_true(lambda: device.models()["looking"] == "marks@1")


def test_purged_it_leaves_nothing_but_its_user(device: Device, blank: set[str]) -> None:
    device.remove("purge")
    device.host.run("rm", "/srv/model.edgem")
    device.host.sh(
        "! test -e /opt/edged"
    )  # with it an empty /opt is gone, as with any package there
    assert sorted(files(device) - blank) == []
    assert sorted(blank - files(device)) == []
    assert device.host.run("getent", "passwd", "edged").stdout
    assert "edged" not in device.host.run("systemctl", "list-units", "--all", "edged*").stdout
    assert not device.host.run("pgrep", "-u", "edged", check=False).stdout


def _waiting(device: Device) -> bool:
    """Whether there will be another try."""
    told = device.host.run("systemctl", "is-active", "edged-retry.timer", check=False).stdout
    return told.strip() == "active"


def _in_trial(device: Device) -> bool:
    deployment = device.models()["deployment"]
    return bool(deployment and deployment["state"] == "trial")
