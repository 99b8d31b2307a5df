"""deploy/mosquitto, as it is, on a real mosquitto: who may write and read what, and what a bridge carries."""

import shutil
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from support.broker import free_port, make_certificates
from support.waiting import wait_for

MOSQUITTO = Path(__file__).parents[3] / "deploy" / "mosquitto"
_WAIT_S = 10.0
_QUIET_S = 0.5


@contextmanager
def running_mosquitto(folder: Path, port: int, *texts: str) -> Iterator[None]:
    """A mosquitto with this configuration."""
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    if program is None:
        pytest.skip("mosquitto is not installed: apt-get install mosquitto")
    config = folder / f"mosquitto-{port}.conf"
    config.write_text("\n".join((*texts, f"persistence_location {folder}/", "user root", "")))
    log = folder / f"mosquitto-{port}.log"
    with log.open("wb") as out:
        process = subprocess.Popen([program, "-v", "-c", str(config)], stdout=out, stderr=out)
    try:

        def log_text() -> str:
            return log.read_text(errors="replace")

        wait_for(
            lambda: f"port {port}." in log_text() or process.poll() is not None,
            timeout_s=_WAIT_S,
            state=log_text,
        )
        assert process.poll() is None, log_text()
        yield
    finally:
        process.terminate()
        process.wait(_WAIT_S)


class MqttPeer:
    """A client that hears what it subscribed to."""

    def __init__(self, port: int, topics: str, tls: ssl.SSLContext | None = None) -> None:
        self.received: SimpleQueue[tuple[str, str]] = SimpleQueue()
        self._refused: SimpleQueue[bool] = SimpleQueue()
        outcome: SimpleQueue[str] = SimpleQueue()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        if tls:
            self._client.tls_set_context(tls)
        self._client.on_connect = lambda client, *_: client.subscribe(topics, 1)
        self._client.on_subscribe = lambda *_: outcome.put("subscribed")
        self._client.on_disconnect = lambda *_: outcome.put("thrown out")
        self._client.on_publish = lambda _c, _u, _m, reason, _p: self._refused.put(
            reason.is_failure
        )
        self._client.on_message = lambda _c, _u, m: self.received.put((m.topic, m.payload.decode()))
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        if outcome.get(timeout=_WAIT_S) != "subscribed":
            self.close()
            raise ConnectionError("the broker threw us out")

    def publish(self, topic: str, text: str) -> bool:
        """Whether the broker took it."""
        self._client.publish(topic, text, qos=1)
        return not self._refused.get(timeout=_WAIT_S)

    def receive(self) -> tuple[str, str]:
        return self.received.get(timeout=_WAIT_S)

    def receives_nothing(self) -> bool:
        try:
            self.received.get(timeout=_QUIET_S)
        except Empty:
            return True
        return False

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


class FleetBroker:
    """The fleet's broker, and certificates for who comes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.authority = make_certificates(folder)

    def config(self) -> str:
        text = (MOSQUITTO / "fleet-broker.conf").read_text()
        for old, new in {
            "listener 8883": f"listener {self.port} 127.0.0.1",
            "/etc/mosquitto/certs/ca.crt": self.authority.ca,
            "/etc/mosquitto/certs/broker.crt": self.authority.cert,
            "/etc/mosquitto/certs/broker.key": self.authority.key,
            "/etc/mosquitto/edged-fleet.acl": MOSQUITTO / "edged-fleet.acl",
        }.items():
            assert old in text
            text = text.replace(old, str(new))
        return text

    def certificate(self, name: str) -> tuple[Path, Path]:
        """Of somebody with that common name."""
        cert, key = self.folder / f"{name}.crt", self.folder / f"{name}.key"
        for command in (
            f"req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout {key} -out {name}.csr -subj /CN={name}",
            f"x509 -req -in {name}.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out {cert}",
        ):
            subprocess.run(
                ["openssl", *command.split()],  # noqa: S607 - `certificates` has looked whether it is there
                cwd=self.folder,
                check=True,
                capture_output=True,
            )
        return cert, key

    def connect(self, name: str, topics: str) -> MqttPeer:
        tls = ssl.create_default_context(cafile=str(self.authority.ca))
        tls.load_cert_chain(*self.certificate(name))
        return MqttPeer(self.port, topics, tls)


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[FleetBroker]:
    fleet = FleetBroker(tmp_path)
    with running_mosquitto(tmp_path, fleet.port, fleet.config()):
        yield fleet


def test_a_device_writes_one_tree_and_reads_the_other(fleet: FleetBroker) -> None:
    with ExitStack() as gone:

        def come(name: str, topics: str) -> MqttPeer:
            peer = fleet.connect(name, topics)
            gone.callback(peer.close)
            return peer

        device, other = come("shop-1", "#"), come("shop-2", "#")
        rollout, viewer = come("rollout", "edged/#"), come("viewer", "edged/#")

        assert device.publish("edged/v1/shop-1/up/health", "well")
        assert rollout.receive() == viewer.receive() == ("edged/v1/shop-1/up/health", "well")
        for forbidden in (
            "edged/v1/shop-1/down/desired",
            "edged/v1/shop-2/up/health",
            "edged/v1/shop-2/down/desired",
            "else",
        ):
            assert not device.publish(forbidden, "forged"), forbidden
        assert not viewer.publish("edged/v1/shop-1/down/desired", "forged")
        assert not rollout.publish("edged/v1/shop-1/up/health", "forged")

        assert rollout.publish("edged/v1/shop-1/down/desired", "take this")
        assert device.receive() == ("edged/v1/shop-1/down/desired", "take this")
        assert other.receives_nothing()
        assert viewer.receives_nothing()


def test_nobody_comes_without_a_certificate(fleet: FleetBroker) -> None:
    tls = ssl.create_default_context(cafile=str(fleet.authority.ca))
    with pytest.raises((ssl.SSLError, ConnectionError)):
        MqttPeer(fleet.port, "#", tls)


def test_a_bridge_carries_messages_up_and_commands_down(fleet: FleetBroker, tmp_path: Path) -> None:
    cert, key = fleet.certificate("shop-1")
    bridge = (MOSQUITTO / "edged-bridge.conf").read_text()
    for old, new in {
        "broker.example:8883": f"127.0.0.1:{fleet.port}",
        "/etc/mosquitto/certs/ca.crt": fleet.authority.ca,
        "/etc/mosquitto/certs/device.crt": cert,
        "/etc/mosquitto/certs/device.key": key,
        "DEVICE": "shop-1",
    }.items():
        assert old in bridge
        bridge = bridge.replace(old, str(new))
    port = free_port()
    local = (MOSQUITTO / "edged-local.conf").read_text().replace("1883", str(port))
    own = tmp_path / "own"
    own.mkdir()
    with running_mosquitto(own, port, local, bridge), ExitStack() as gone:
        rollout = fleet.connect("rollout", "edged/#")
        gone.callback(rollout.close)
        daemon = MqttPeer(port, "edged/v1/shop-1/down/#")
        gone.callback(daemon.close)

        assert daemon.publish("edged/v1/shop-1/up/health", "well")
        assert rollout.receive() == ("edged/v1/shop-1/up/health", "well")
        assert rollout.publish("edged/v1/shop-1/down/desired", "take this")
        assert daemon.receive() == ("edged/v1/shop-1/down/desired", "take this")
