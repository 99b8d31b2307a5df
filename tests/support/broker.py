"""A real mosquitto on a loopback port of its own, which can be stopped, killed, frozen and restarted."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.waiting import wait_for

_MAX_START_S = 10.0


@dataclass(frozen=True, slots=True)
class Certificates:
    """Files of a small certificate authority: its own certificate, the broker's and one client's."""

    ca: Path
    cert: Path
    key: Path
    client_cert: Path
    client_key: Path


class Broker:
    """One mosquitto; the same port over all its starts.

    Attributes:
        port: on 127.0.0.1.
    """

    def __init__(
        self,
        folder: Path,
        *,
        passwords: Mapping[str, str] | None = None,
        acl: str | None = None,
        allowed_topic_filter: str | None = None,
        tls: Certificates | None = None,
        options: str = "",
    ) -> None:
        """Write the configuration; `start` starts the broker.

        Args:
            folder: folder for its files.
            passwords: passwords by user name; None lets everyone connect.
            acl: an access list in mosquitto's form: everyone may subscribe, and messages that may not be read are withheld.
            allowed_topic_filter: subscriptions to other topics are refused; None allows all.
            tls: certificates: the broker encrypts, and requires a client certificate.
            options: further lines of mosquitto.conf.
        """
        self.port = free_port()
        self._folder = folder
        self._log = folder / "mosquitto.log"
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        lines = [
            f"listener {self.port} 127.0.0.1",
            f"allow_anonymous {str(passwords is None).lower()}",
            f"persistence_location {folder}/",
            "persistence true",
            "max_queued_messages 0",
            "log_type all",
            "user root" if os.getuid() == 0 else "",
            options,
        ]
        if passwords is not None:
            lines.append(f"password_file {self._write_passwords(passwords)}")
        if acl is not None:
            (folder / "acl").write_text(acl)
            lines.append(f"acl_file {folder / 'acl'}")
        if allowed_topic_filter is not None:
            lines += [
                f"plugin {_security_plugin()}",
                f"plugin_opt_config_file {self._write_subscription_rules(allowed_topic_filter)}",
            ]
        if tls is not None:
            lines += [f"cafile {tls.ca}", f"certfile {tls.cert}", f"keyfile {tls.key}"]
            lines += ["require_certificate true"]
        self._base_config = "\n".join(lines) + "\n"
        self.set_options("")

    def set_options(self, options: str) -> None:
        """Add lines to the configuration, in place of those of an earlier call; they count from the next start."""
        (self._folder / "mosquitto.conf").write_text(f"{self._base_config}{options}\n")

    @property
    def log(self) -> str:
        """Everything that it has logged."""
        return self._log.read_text("utf-8", "replace")

    def start(self) -> None:
        """Start the broker, and wait until it listens."""
        program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
        if program is None:
            pytest.skip("mosquitto is not installed: apt-get install mosquitto")
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [program, "-c", str(self._folder / "mosquitto.conf")],
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        wait_for(self._listens, timeout_s=_MAX_START_S, state=lambda: self.log)

    def _listens(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"mosquitto ended:\n{self.log}"
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
            return True
        return False

    def stop(self) -> None:
        """Stop the broker with SIGTERM."""
        self._terminate(signal.SIGTERM)

    def kill(self) -> None:
        """Kill the broker with SIGKILL, as a power cut would."""
        self._terminate(signal.SIGKILL)

    def freeze(self) -> None:
        """Stop the process: connections stay open, and nothing is answered."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Undo `freeze`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def set_acl(self, acl: str) -> None:
        """Change the access list, and wait until the running broker has read it."""
        assert self._process is not None
        (self._folder / "acl").write_text(acl)
        reloads = self.log.count("Reloading config")
        self._process.send_signal(signal.SIGHUP)
        wait_for(lambda: self.log.count("Reloading config") > reloads, state=lambda: self.log)

    def _terminate(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.send_signal(number)
            self._process.wait(10)
            self._process = None

    def _write_subscription_rules(self, allowed_topic_filter: str) -> Path:
        anything = {"publishClientSend": True, "publishClientReceive": True, "unsubscribe": True}
        allowed = {"acltype": "subscribePattern", "topic": allowed_topic_filter, "allow": True}
        rules = {
            "defaultACLAccess": {**anything, "subscribe": False},
            "roles": [{"rolename": "anybody", "acls": [allowed]}],
            "groups": [{"groupname": "anybody", "roles": [{"rolename": "anybody"}]}],
            "anonymousGroup": "anybody",
        }
        path = self._folder / "rules.json"
        path.write_text(json.dumps(rules))
        return path

    def _write_passwords(self, passwords: Mapping[str, str]) -> Path:
        path = self._folder / "passwords"
        path.touch(0o600)
        for user, password in passwords.items():
            command = ["mosquitto_passwd", "-b", str(path), user, password]
            subprocess.run(command, check=True, capture_output=True)
        return path


def _security_plugin() -> Path:
    """Return the path of the dynamic security plugin, which comes with mosquitto 2."""
    places = Path("/usr/lib").glob("**/mosquitto_dynamic_security.so")
    found = next(places, None)
    if found is None:
        pytest.skip("mosquitto's plugin mosquitto_dynamic_security.so is not installed")
    return found


@contextlib.contextmanager
def running_broker(broker: Broker) -> Iterator[Broker]:
    """Run a broker for the time of the context."""
    broker.start()
    try:
        yield broker
    finally:
        broker.kill()


@contextlib.contextmanager
def amqtt_broker() -> Iterator[int]:
    """Run a broker that knows only MQTT 3.1.1, and yield its loopback port."""
    amqtt = pytest.importorskip("amqtt.broker", reason="amqtt is not installed: the demo extra")
    port = free_port()
    listener = {"type": "tcp", "bind": f"127.0.0.1:{port}"}
    anyone = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}
    ready, done = threading.Event(), threading.Event()

    async def serve() -> None:
        broker = amqtt.Broker({"listeners": {"default": listener}, "plugins": anyone})
        await broker.start()
        ready.set()
        await asyncio.to_thread(done.wait)
        await broker.shutdown()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert ready.wait(10), "amqtt does not start"
        yield port
    finally:
        done.set()
        thread.join()


def free_port() -> int:
    """Return a TCP port on loopback on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def make_certificates(folder: Path) -> Certificates:
    """Make a certificate authority, a broker's certificate for localhost and 127.0.0.1, and a client's."""
    folder.mkdir(parents=True, exist_ok=True)
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed: apt-get install openssl")

    def openssl(*arguments: str) -> None:
        command = ["openssl", *arguments]
        subprocess.run(command, check=True, capture_output=True, cwd=folder)

    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    openssl("req", "-x509", *curve, "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=test-ca",
            "-addext", "keyUsage=critical,keyCertSign,cRLSign")  # fmt: skip
    for name in ("broker", "client"):
        (folder / f"{name}.ext").write_text(
            "subjectAltName=DNS:localhost,IP:127.0.0.1\nauthorityKeyIdentifier=keyid\n"
        )
        openssl("req", *curve, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")  # fmt: skip
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key",
                "-CAcreateserial", "-out", f"{name}.crt", "-extfile", f"{name}.ext")  # fmt: skip
    return Certificates(
        ca=folder / "ca.crt",
        cert=folder / "broker.crt",
        key=folder / "broker.key",
        client_cert=folder / "client.crt",
        client_key=folder / "client.key",
    )
