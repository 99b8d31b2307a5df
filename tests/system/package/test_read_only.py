"""A system with a read-only disk, on which only the state directory, a file system of its own, is writable."""

import json
from pathlib import Path
from typing import Any

import pytest

from support.bundles import SigningKeys, make_bundle
from system.debs import built_package
from system.package.device import PackagedDevice

_MODEL = Path(__file__).parents[3] / "models/bundled/marks-fast.tflite"
_FSTAB = """\
overlay / overlay ro 0 0
tmpfs /var/lib/edged tmpfs mode=750 0 0
tmpfs /var/tmp tmpfs mode=1777 0 0
tmpfs /var/log tmpfs mode=755 0 0
"""
_JOURNAL = "[Journal]\nStorage=volatile\n"
_TRUST = '[updates]\ntrust = "/etc/edged/trust.json"\nreserve_mb = 0\n[health]\ninterval_s = 5\n'


@pytest.fixture(scope="module")
def signing() -> SigningKeys:
    return SigningKeys()


@pytest.fixture(scope="module", autouse=True)
def _read_only(device: PackagedDevice, release: str, signing: SigningKeys) -> None:
    device.install(built_package(release))
    device.host.write("/etc/edged/trust.json", signing.trust_envelope())
    device.host.write("/etc/edged/conf.d/trust.toml", _TRUST)
    device.host.write("/etc/systemd/journald.conf.d/memory.conf", _JOURNAL)
    device.host.write("/etc/fstab", _FSTAB)
    device.host.reboot()
    refused = device.host.run("touch", "/here", check=False)
    assert "Read-only file system" in refused.stderr


def test_it_runs_and_counts_what_it_writes(device: PackagedDevice) -> None:
    device.wait_until(lambda: device.unit_properties("ActiveState") == {"ActiveState": "active"})
    assert device.read_messages("edged/v1/+/up/camera/demo/detections")
    device.wait_until(lambda: _read_health(device)["disk"])  # its answer may miss the first message
    health = _read_health(device)
    assert health["degradations"] == []
    assert health["disk"]["written_mb"] >= 0
    device.wait_until(lambda: not _failed_checks(device))
    assert "camera demo: frames arrive" in device.journal()


def test_it_takes_a_model(
    device: PackagedDevice, signing: SigningKeys, tmp_path_factory: pytest.TempPathFactory
) -> None:
    probation = {"min_baseline_s": 0, "min_s": 2, "min_frames": 5, "min_boxes": 0}
    bundle = make_bundle(
        tmp_path_factory.mktemp("bundle"), signing, model=_MODEL, probation=probation
    )
    device.host.copy(bundle, "/run/model.edgem")
    device.host.run("edged", "model", "install", "/run/model.edgem")
    device.wait_until(
        lambda: [one["outcome"] for one in device.model_status()["past"]] == ["committed"]
    )


def test_purged_it_leaves_an_empty_file_system(device: PackagedDevice) -> None:
    """Check that dpkg does not fail because it cannot remove a mount point."""
    device.host.run("mount", "-o", "remount,rw", "/")
    device.remove("purge")
    device.host.run_script(
        'mountpoint /var/lib/edged; test -z "$(ls -A /var/lib/edged)"; ! test -e /etc/edged'
    )


def _read_health(device: PackagedDevice) -> Any:
    [health] = device.read_messages("edged/v1/+/up/health")
    return health


def _failed_checks(device: PackagedDevice) -> list[str]:
    """Return the failed checks of `edged doctor`."""
    doctor = device.host.run("edged", "doctor", "--json", check=False)
    findings = json.loads(doctor.stdout)["findings"]
    return [one["part"] for one in findings if one["status"] == "fail"]
