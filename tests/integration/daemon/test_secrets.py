"""Logins wherever a device can have them: none leaves it, by any way.

The cameras run, fail, redirect and are refused; a reload and a model update bring further addresses. Then everything that the device has
said is searched: log, MQTT, commands, the files of its state, and the arguments and environment of its processes.
"""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import fetch_server
from support.broker import Broker, running_broker
from support.bundles import SigningKeys
from support.daemon import DaemonProcess
from support.mjpeg import MjpegServer
from support.mqtt_recorder import MqttRecorder
from support.rtsp import RtspServer
from support.update_device import run_edged
from support.waiting import wait_for

HIDDEN = "hush"
"""A part of every login."""
AT_THE_CAMERA = "ca/#?@ hush"
AT_THE_BROKER = "br hush"
REFUSED = "rtsp://admin:a#hush@127.0.0.1:1/1"


class Device:
    """A device with a secret in every place that takes one, and all that it said."""

    def __init__(self, folder: Path, daemon: DaemonProcess, recorder: MqttRecorder) -> None:
        self.folder = folder
        self.daemon = daemon
        self.recorder = recorder
        self.site_url = ""
        self.outputs: dict[str, str] = {}

    def run(self, *arguments: str | Path) -> str:
        """Run a command, and keep its output."""
        done = run_edged(*arguments, "-c", self.daemon.config)
        text = done.stdout + done.stderr
        self.outputs[" ".join(map(str, arguments))] = text
        return text


def cameras(rtsp: RtspServer, mjpeg: MjpegServer, site: str, folder: Path) -> str:
    host = f"127.0.0.1:{rtsp.port}"
    tables = {
        "running": f'url = "{rtsp.url}"\nusername = "me"\npassword_file = "{folder}/camera"',
        "in_the_path": f'url = "rtsp://{host}/user=me&password=hush"\nusername = "me"\npassword_file = "{folder}/camera"',
        "in_the_query": f'url = "{mjpeg.url}?user=me&password=hush"',
        "refused": f'url = "rtsp://{host}/hush"\nusername = "me"\npassword_file = "{folder}/wrong"',
        "redirected": f'url = "{site}/redirect?token=hush"',
        "absent": 'url = "rtsp://127.0.0.1:1/user=me&password=hush"',
        "unreadable": f'url = "rtsp://{host}/hush?hush"\nusername = "me"\npassword_file = "{folder}/gone"',
    }
    return "".join(f'[camera.{name}]\nsource = "rtsp"\n{keys}\n' for name, keys in tables.items())


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Device]:
    folder = tmp_path_factory.mktemp("device")
    signing = SigningKeys()
    (folder / "trust.json").write_bytes(signing.trust_envelope())
    (folder / "camera").write_text(AT_THE_CAMERA)
    (folder / "wrong").write_text("wrong hush")
    (folder / "broker-password").write_text(AT_THE_BROKER)
    passwords = {"me": AT_THE_BROKER}
    with (
        running_broker(Broker(folder / "broker", passwords=passwords)) as broker,
        MqttRecorder(broker.port, user="me", password=AT_THE_BROKER) as recorder,
        RtspServer(user="me", password=AT_THE_CAMERA) as rtsp,
        MjpegServer((64, 48)) as mjpeg,
        fetch_server.serve_site() as site,
    ):
        target = f"http://me:hush@127.0.0.1:{broker.port}/hush?token=hush"
        site.behaviours["/redirect?token=hush"] = [fetch_server.responds_with(302, Location=target)]
        config = (
            f'[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\nusername = "me"\npassword_file = "{folder}/broker-password"\n'
            f'[model]\nruntime = "simulated"\n[log]\nlevel = "debug"\n[health]\ninterval_s = 1\n'
            f'[updates]\ntrust = "{folder}/trust.json"\nreserve_mb = 0\n'
            f"{cameras(rtsp, mjpeg, site.url, folder)}"
        )
        with DaemonProcess(folder, config, env={"RUNTIME_DIRECTORY": str(folder)}) as daemon:
            made = Device(folder, daemon, recorder)
            made.site_url = site.url
            yield made


def test_no_login_leaves_the_device(device: Device) -> None:
    """One test, because it takes one device that has been through everything."""
    await_cameras(device)
    refuse_reload(device)
    fail_update(device)
    for command in (
        ("check",),
        ("check", "--json"),
        ("model", "status"),
        ("model", "status", "--json"),
    ):
        device.run(*command)
    device.run("doctor", "--timeout", "20", "--json")
    processes = read_processes(device)
    assert len(processes) >= 2, "the daemon and its worker"
    device.daemon.stop()

    assert "rtsp://127.0.0.1" in device.daemon.log_text
    assert HIDDEN not in device.daemon.log_text
    for message in device.recorder.messages():
        assert HIDDEN.encode() not in message.payload, message.topic
    for name, text in {**device.outputs, **processes}.items():
        assert HIDDEN not in text, name
    for path in (*device.folder.glob("*.json"), *(device.folder / "state").rglob("*")):
        if path.is_file():
            assert HIDDEN.encode() not in path.read_bytes(), path


def await_cameras(device: Device) -> None:
    """Wait until the good cameras run, and the others have failed."""
    recorder = device.recorder
    info = recorder.await_message(
        "/up/info",
        lambda body: (
            {c["name"] for c in body["cameras"] if c["width"]}
            >= {"running", "in_the_path", "in_the_query"}
        ),
        timeout_s=60,
    )
    assert any("rtsp://127.0.0.1" in camera["description"] for camera in info["cameras"])
    failed = {f"camera.{n}" for n in ("refused", "redirected", "absent", "unreadable")}
    health = recorder.await_message(
        "/up/health",
        lambda body: {c["name"] for c in body["degradations"]} >= failed,
        timeout_s=60,
    )
    details = {one["name"]: one["detail"] for one in health["degradations"]}
    assert "refused the login" in details["camera.refused"]
    assert "password_file" in details["camera.unreadable"]


def refuse_reload(device: Device) -> None:
    """Reload a configuration with a login in a URL; it is refused, and the old one put back."""
    good = device.daemon.config.read_text()
    bad = f'[camera.new]\nsource = "rtsp"\nurl = "{REFUSED}"\n'
    device.daemon.config.write_text(good + bad)
    device.daemon.send_signal(signal.SIGHUP)
    health = device.recorder.await_health(
        lambda body: any(c["name"] == "config" for c in body["degradations"])
    )
    detail = next(c["detail"] for c in health["degradations"] if c["name"] == "config")
    assert "password_file" in detail
    assert "password_file" in device.run("check")
    device.daemon.config.write_text(good)
    device.daemon.send_signal(signal.SIGHUP)
    device.daemon.await_log("the configuration was reloaded")


def fail_update(device: Device) -> None:
    """Install bundles from addresses with a login: one that is refused, and one that is not there."""
    base = device.site_url.replace("http://", "http://me:hush@")
    device.run("model", "install", "http://me:hu/hush@127.0.0.1/m.edgem")
    device.run("model", "install", f"{base}/hush.edgem?token=hush")
    last = device.recorder.await_message("/up/model", lambda body: body["last"])["last"]
    assert last["outcome"] == "rejected"
    assert "404" in last["reason"]


def read_processes(device: Device) -> dict[str, str]:
    """Return the arguments and the environment of the daemon and its children."""
    pids = [device.daemon.process.pid, *wait_for(device.daemon.worker_pids, timeout_s=20)]
    return {
        f"/proc/{pid}/{name}": Path(f"/proc/{pid}/{name}").read_bytes().decode(errors="replace")
        for pid in pids
        for name in ("cmdline", "environ")
    }
