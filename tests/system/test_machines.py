"""The machines that the other system tests use."""

import pytest

from system.conftest import BootMachine
from system.machines import Machine
from system.networks import Network


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def host(request: pytest.FixtureRequest, boot: BootMachine) -> Machine:
    return boot(f"{request.param}1", request.param)


def test_a_machine_keeps_its_disk_over_a_reboot_and_a_power_cut(host: Machine) -> None:
    host.write("/root/kept", "still here")
    identity = host.run("cat", "/etc/machine-id").stdout
    host.run("systemd-run", "--unit=stays", "sleep", "infinity")

    host.reboot()
    assert host.run("cat", "/root/kept").stdout == "still here"
    assert host.run("systemctl", "is-active", "stays", check=False).stdout.strip() == "inactive"

    host.power_cut()
    host.power_on()
    assert host.run("cat", "/root/kept").stdout == "still here"
    assert host.run("cat", "/etc/machine-id").stdout == identity


def test_it_is_reached_from_the_controllers_side_and_reaches_nothing_else(
    host: Machine, network: Network
) -> None:
    greeting = f"exec 3<>/dev/tcp/{host.address}/22; head -c 4 <&3"
    assert network.run("bash", "-c", greeting).stdout == "SSH-"
    away = host.run("bash", "-c", "exec 3<>/dev/tcp/192.0.2.1/80", check=False)
    assert "unreachable" in away.stderr
