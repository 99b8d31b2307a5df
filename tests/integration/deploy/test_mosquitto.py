"""deploy/mosquitto, as it is, on a real mosquitto: no client without a certificate, and what a bridge carries."""

import ssl
from contextlib import ExitStack
from pathlib import Path

import pytest

from support.broker import free_port
from support.fleet_broker import DEPLOY, AccessClient, FleetBrokerFiles, running_mosquitto


@pytest.fixture
def fleet(tmp_path: Path) -> FleetBrokerFiles:
    return FleetBrokerFiles(tmp_path, (DEPLOY / "edged-fleet.acl").read_text())


@pytest.mark.parametrize("has_none", [True, False], ids=["no certificate", "another authority's"])
def test_nobody_comes_without_a_certificate_of_the_fleet(
    *, fleet: FleetBrokerFiles, has_none: bool, tmp_path: Path
) -> None:
    tls = ssl.create_default_context(cafile=str(fleet.authority.ca))
    if not has_none:
        stranger = FleetBrokerFiles(tmp_path / "stranger", "").issue("operator")
        tls.load_cert_chain(stranger.cert, stranger.key)
    with running_mosquitto(tmp_path, fleet.open_port, fleet.config):
        client = AccessClient(fleet.port, tls)
        with pytest.raises((ssl.SSLError, OSError, AssertionError)):
            client.__enter__()
        client.__exit__(None, None, None)


def test_a_bridge_carries_messages_up_and_commands_down(
    fleet: FleetBrokerFiles, tmp_path: Path
) -> None:
    files = fleet.issue("shop-1")
    bridge = (DEPLOY / "edged-bridge.conf").read_text()
    for old, new in {
        "broker.example:8883": f"127.0.0.1:{fleet.port}",
        "/etc/mosquitto/certs/ca.crt": fleet.authority.ca,
        "/etc/mosquitto/certs/device.crt": files.cert,
        "/etc/mosquitto/certs/device.key": files.key,
        "DEVICE": "shop-1",
    }.items():
        assert old in bridge
        bridge = bridge.replace(old, str(new))
    port = free_port()
    local = (DEPLOY / "edged-local.conf").read_text().replace("1883", str(port))
    own = tmp_path / "own"
    own.mkdir()
    with ExitStack() as stack:
        stack.enter_context(running_mosquitto(tmp_path, fleet.open_port, fleet.config))
        stack.enter_context(running_mosquitto(own, port, local, bridge))
        operator = stack.enter_context(AccessClient(fleet.port, fleet.tls("operator")))
        daemon = stack.enter_context(AccessClient(port))
        operator.subscribe("edged/v1/+/up/#", "edged/reply/+/operator/#")
        daemon.subscribe("edged/v1/shop-1/down/#")

        assert daemon.publish("edged/v1/shop-1/up/health", "well")
        operator.await_payload("well")
        assert operator.publish("edged/v1/shop-1/down/cmd/reload", "read")
        daemon.await_payload("read")
        assert daemon.publish("edged/reply/shop-1/operator/1", "done")
        operator.await_payload("done")
