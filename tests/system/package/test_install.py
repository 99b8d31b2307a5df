"""`apt install ./edged.deb` on a blank machine: a service that runs, at once and by itself."""

import json

import pytest

from system.debs import built_package
from system.package.device import PackagedDevice

_PACKAGES = (
    "cv2 numpy msgspec paho.mqtt.client ai_edge_litert.interpreter cryptography httpx packaging"
)


@pytest.fixture(scope="module", autouse=True)
def _installed(device: PackagedDevice, release: str) -> None:
    """Install the package on a machine without a broker."""
    deb = built_package(release)
    device.host.run("systemctl", "disable", "--now", "mosquitto")
    device.install(deb)


def test_it_runs_without_a_broker_and_reports_that_it_has_none(device: PackagedDevice) -> None:
    shown = device.unit_properties(
        "ActiveState", "SubState", "Type", "NRestarts", "UnitFileState", "User"
    )
    assert shown == {
        "ActiveState": "active",
        "SubState": "running",
        "Type": "notify",
        "NRestarts": "0",
        "UnitFileState": "enabled",
        "User": "edged",
    }
    assert "mqtt://127.0.0.1:1883: Connection refused" in device.journal()
    assert "camera demo: frames arrive" in device.journal()


def test_its_own_commands_find_nothing_wrong_but_the_broker(device: PackagedDevice) -> None:
    assert ": ok:" in device.host.run("edged", "check").stdout
    models = device.model_status()
    assert models["daemon"]
    assert models["active_model"].startswith("edged-marks@")
    doctor = device.host.run("edged", "doctor", "--json", check=False)
    findings = json.loads(doctor.stdout)["findings"]
    failed = [one["part"] for one in findings if one["status"] == "fail"]
    assert failed == ["mqtt"]


def test_what_it_sees_reaches_a_broker_as_soon_as_there_is_one(device: PackagedDevice) -> None:
    device.host.run("systemctl", "enable", "--now", "mosquitto")
    seen = [
        box
        for one in device.read_messages("edged/v1/+/up/camera/demo/detections", count=30)
        for box in one["detections"]
    ]
    assert seen
    [event] = device.read_messages("edged/v1/+/up/camera/demo/events")
    assert event["camera"] == "demo"


def test_it_is_up_again_after_a_reboot(device: PackagedDevice) -> None:
    device.host.reboot()
    device.wait_until(lambda: device.unit_properties("ActiveState") == {"ActiveState": "active"})


def test_python_finds_apts_packages_and_our_own_before_them(
    device: PackagedDevice, release: str
) -> None:
    print_places = f"import {_PACKAGES.replace(' ', ', ')}, sys, systemd.daemon; [print(name, sys.modules[name].__file__) for name in sys.argv[1:]]"
    argv = ["/opt/edged/bin/python", "-c", print_places, *_PACKAGES.split()]
    places = device.host.run(*argv, "systemd.daemon").stdout.splitlines()
    python = {"bookworm": "python3.11", "trixie": "python3.13"}[release]
    assert all(f" /opt/edged/lib/{python}/site-packages/" in place for place in places[:-1])
    assert places[-1].startswith("systemd.daemon /usr/lib/python3/dist-packages/")


def test_the_packages_fit_each_other(device: PackagedDevice) -> None:
    missing = """
import re
from importlib.metadata import distribution, distributions
for one in distributions(path=["/opt/edged/lib/python3.{minor}/site-packages".format(minor=__import__("sys").version_info[1])]):
    if one.name != "edged":
        for needed in one.requires or ():
            if ";" not in needed:
                distribution(re.match("[A-Za-z0-9._-]+", needed)[0])
"""
    device.host.run("/opt/edged/bin/python", "-c", missing)


def test_all_byte_code_is_there(device: PackagedDevice) -> None:
    """Check that byte code exists: the service could not write it, and every start would be slow."""
    count = 'find /opt/edged -name "*.py" ! -path "*/tests/*" ! -path "*/lib2to3/*" | wc -l; find /opt/edged -name "*.pyc" ! -path "*/tests/*" | wc -l'
    sources, compiled = map(int, device.host.run_script(count).split())
    assert compiled == sources


def test_nobody_else_reads_its_configuration_and_it_cannot_write_it(device: PackagedDevice) -> None:
    stat = "stat -c '%U:%G %a %n' /etc/edged /etc/edged/edged.toml /var/lib/edged"
    assert device.host.run_script(stat).splitlines() == [
        "root:edged 750 /etc/edged",
        "root:edged 640 /etc/edged/edged.toml",
        "edged:edged 750 /var/lib/edged",
    ]
    home = device.host.run("getent", "passwd", "edged").stdout.strip().split(":")
    assert home[5:] == ["/", "/usr/sbin/nologin"]


def test_a_simplejpeg_for_numpy_1_is_not_seen(device: PackagedDevice, release: str) -> None:
    """Install one, as Raspberry Pi OS 12 has it: its picamera2 imports it."""
    if release != "bookworm":
        pytest.skip("that of later releases is built for numpy 2")
    place = "/usr/lib/python3/dist-packages/simplejpeg/__init__.py"
    device.host.write(place, 'raise ValueError("numpy.dtype size changed")\n')
    device.host.run("/opt/edged/bin/python", "-c", "import simplejpeg; simplejpeg.encode_jpeg")
    device.host.run("rm", "-r", place.rsplit("/", 1)[0])
