"""The fleet's broker of deploy/mosquitto on loopback, with certificates, and clients that note what they receive."""

import contextlib
import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from support.broker import free_port
from support.certificates import Authority, IssuedFiles
from support.waiting import wait_for

DEPLOY = Path(__file__).parents[2] / "deploy" / "mosquitto"
_WAIT_S = 10.0


class FleetBrokerFiles:
    """The broker's files: its configuration with other paths, and certificates of any common name.

    Attributes:
        port: the encrypted listener.
        open_port: another one without certificates and rules, for the test itself.
    """

    def __init__(self, folder: Path, acl: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.authority = Authority(folder, "fleet-ca")
        self.port, self.open_port = free_port(), free_port()
        self._folder = folder
        self._broker = self.authority.issue("broker", "localhost", "127.0.0.1")
        self.acl = folder / "acl"
        self.acl.write_text(acl)

    @property
    def config(self) -> str:
        """The shipped configuration, with this folder's paths and ports, and a second listener for the test."""
        text = (DEPLOY / "fleet-broker.conf").read_text()
        for old, new in {
            "listener 8883": f"listener {self.port} 127.0.0.1",
            "/etc/mosquitto/certs/ca.crt": self.authority.ca,
            "/etc/mosquitto/certs/broker.crt": self._broker.cert,
            "/etc/mosquitto/certs/broker.key": self._broker.key,
            "/etc/mosquitto/edged-fleet.acl": self.acl,
        }.items():
            assert old in text, old
            text = text.replace(old, str(new))
        return f"{text}\nlistener {self.open_port} 127.0.0.1\nallow_anonymous true\n"

    def issue(self, name: str) -> IssuedFiles:
        """Issue a certificate with this common name."""
        return self.authority.issue(name, "client")

    def tls(self, name: str) -> ssl.SSLContext:
        """Return the TLS context of a client with this common name."""
        files = self.issue(name)
        context = ssl.create_default_context(cafile=str(self.authority.ca))
        context.load_cert_chain(files.cert, files.key)
        return context


class AccessClient:
    """A client that notes what it receives, and which of its messages the broker refuses.

    Attributes:
        received: topic and payload of every message.
    """

    def __init__(self, port: int, tls: ssl.SSLContext | None = None) -> None:
        self.received: list[tuple[str, str]] = []
        self._port = port
        self._arrived = threading.Condition()
        self._refused: dict[int, bool] = {}
        self._is_subscribed = threading.Event()
        self._is_connected = threading.Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        if tls is not None:
            self._client.tls_set_context(tls)
        self._client.on_connect = lambda *_: self._is_connected.set()
        self._client.on_subscribe = lambda *_: self._is_subscribed.set()
        self._client.on_message = self._on_message
        self._client.on_publish = self._on_publish

    def __enter__(self) -> Self:
        self._client.connect("127.0.0.1", self._port)
        self._client.loop_start()
        assert self._is_connected.wait(_WAIT_S), "the broker does not accept the client"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        with contextlib.suppress(OSError):
            self._client._reset_sockets()

    def subscribe(self, *topics: str) -> None:
        """Subscribe, and wait for the broker's answer, whatever it is."""
        self._is_subscribed.clear()
        self._client.subscribe([(topic, 1) for topic in topics])
        assert self._is_subscribed.wait(_WAIT_S), "no answer to a subscription"

    def publish(self, topic: str, payload: str, *, retain: bool = False) -> bool:
        """Publish with QoS 1; return whether the broker accepted it."""
        message = self._client.publish(topic, payload, qos=1, retain=retain)
        with self._arrived:
            assert self._arrived.wait_for(lambda: message.mid in self._refused, _WAIT_S), topic
            return not self._refused.pop(message.mid)

    def await_payload(self, payload: str) -> None:
        """Wait until a message with this payload has arrived."""
        with self._arrived:
            assert self._arrived.wait_for(
                lambda: any(seen == payload for _, seen in self.received), _WAIT_S
            ), f"{payload} has not arrived"

    def _on_message(self, _client: object, _userdata: object, message: mqtt.MQTTMessage) -> None:
        with self._arrived:
            self.received.append((message.topic, message.payload.decode()))
            self._arrived.notify_all()

    def _on_publish(
        self, _client: object, _userdata: object, mid: int, reason: ReasonCode, _p: object
    ) -> None:
        with self._arrived:
            self._refused[mid] = reason.is_failure
            self._arrived.notify_all()


@contextlib.contextmanager
def connected_clients(
    files: FleetBrokerFiles, names: list[str]
) -> Iterator[dict[str, AccessClient]]:
    """Connect a client for each common name."""
    with contextlib.ExitStack() as stack:
        yield {
            name: stack.enter_context(AccessClient(files.port, files.tls(name))) for name in names
        }


@contextlib.contextmanager
def running_mosquitto(folder: Path, port: int, *texts: str) -> Iterator[None]:
    """Run a mosquitto with this configuration.

    Args:
        folder: folder for its files.
        port: the port whose listener is awaited: the last one, because they open one by one.
        texts: its configuration.
    """
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
