"""A whole daemon that takes updates, on a broker of its own: what it is asked, and what it tells of its models."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from edged.clock import NS_PER_S
from edged.updates.bundle.bundle import open_unverified
from edged.updates.bundle.manifest import Probation
from edged.updates.rules.ledger import DeploymentRequest
from edged.updates.service.control_messages import ControlRequest, ControlResponse, InstallRequest
from edged.updates.service.control_socket import ControlClient
from support.broker import Broker, running_broker
from support.bundles import SigningKeys, make_bundle
from support.daemon import DEVICE_NAME, DaemonProcess
from support.mqtt_recorder import Body, MqttRecorder

QUICK_TRIAL = Probation(
    min_baseline_s=1.0,
    min_s=3.0,
    min_frames=20,
    max_s=30.0,
    shadow_every=2,
    min_boxes=4,
    min_fps_ratio=0.2,
    max_p95_ratio=20.0,
)
"""A trial of a few seconds, by what is found: on a machine that does other things as well, times of a millisecond say nothing."""
MINIMAL_TRIAL = replace(QUICK_TRIAL, min_baseline_s=0.5, min_s=0.5, min_frames=3, min_boxes=0)
"""A trial that is none, where something else is tried."""
BUSY_CAMERA = """
[camera.front]
source = "synthetic"
width = 320
height = 240
fps = 15
cycle = 60
every_s = 0.5
stay_s = 2.0
labels = ["qr_code", "fiducial_tag", "prohibition_sign", "mandatory_sign", "safe_condition_sign", "fire_sign"]
[health]
interval_s = 1
[events]
max_detections_hz = 100
"""


@dataclass
class UpdateDevice:
    """One that runs.

    Attributes:
        folder: for everything.
        signing: whom it trusts.
        broker: its own.
        daemon: the process.
        recorder: hears all that it says.
    """

    folder: Path
    signing: SigningKeys
    broker: Broker
    daemon: DaemonProcess
    recorder: MqttRecorder

    @property
    def state_dir(self) -> Path:
        """Its state directory."""
        return self.folder / "state"

    def send_request(self, request: ControlRequest) -> ControlResponse:
        """Over its socket."""
        return ControlClient(self.state_dir).execute(request)

    def install(self, source: Path | str, **request: Any) -> str:
        """Ask for it; the id of its deployment."""
        answer = self.send_request(
            InstallRequest(request=DeploymentRequest(source=str(source), **request))
        )
        assert not answer.error, answer.error
        return answer.id

    def await_model_state(
        self, matches: Callable[[Body], object], *, timeout_s: float = 40.0
    ) -> Body:
        """The first `up/model` that fits."""
        return self.recorder.await_message("/up/model", matches, timeout_s=timeout_s)

    def await_outcome(self, id_: str, *, timeout_s: float = 60.0) -> Body:
        """How a deployment ended, as `up/model` has it."""
        told = self.await_model_state(
            lambda body: body["last"] and body["last"]["id"] == id_, timeout_s=timeout_s
        )
        last: Body = told["last"]
        return last

    def await_bundle_outcome(self, bundle: Path, *, timeout_s: float = 60.0) -> Body:
        """How the first deployment of a bundle ended, whoever asked for it."""
        digest = bundle_digest(bundle)
        told = self.await_model_state(
            lambda body: body["last"] and body["last"]["digest"] == digest, timeout_s=timeout_s
        )
        last: Body = told["last"]
        return last

    def make_simulated_bundle(
        self,
        name: str,
        *,
        version: str = "1",
        counter: int = 1,
        signing: SigningKeys | None = None,
        probation: Probation = QUICK_TRIAL,
        faults: Mapping[str, float] | None = None,
    ) -> Path:
        """A bundle of a simulated model with these faults, of which no other has the same content."""
        folder = self.folder / "bundles"
        folder.mkdir(exist_ok=True)
        model = folder / f"{name}-{version}.tflite"
        model.write_text(json.dumps({"name": name, "version": version, "faults": faults or {}}))
        return make_bundle(
            folder,
            signing or self.signing,
            name=name,
            version=version,
            counter=counter,
            model=model,
            runtime="simulated",
            probation=probation,
        )

    def await_condition(self, condition: str, detail: str, *, after: int = 0) -> None:
        """Until `up/health` says so of a condition."""

        def says(body: Body) -> bool:
            found = body["degradations"]
            return any(one["name"] == condition and detail in one["detail"] for one in found)

        self.recorder.await_message("/up/health", says, after=after, timeout_s=40.0)

    def detection_count(self) -> int:
        """How many frames with something in them were told of so far."""
        return len(self.recorder.messages("/detections"))

    def longest_gap_s(self, since: int = 0) -> float:
        """Between two of these, from that one on."""
        seen = [
            datetime.fromisoformat(body["captured"])
            for body in self.recorder.payloads("/detections")[since:]
        ]
        return max((after - before).total_seconds() for before, after in pairwise(seen))

    def daemon_cpu_wait_s(self) -> float:
        """How long the daemon has been ready to run while there was no processor for it."""
        return _cpu_wait_s(self.daemon.process.pid)

    def workers_cpu_wait_s(self) -> float:
        """The same of the workers that it has now."""
        return sum(_cpu_wait_s(pid) for pid in self.daemon.worker_pids())


def _cpu_wait_s(pid: int) -> float:
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / NS_PER_S
    except (OSError, IndexError):
        return 0.0  # it has just ended, or this kernel does not say so


@contextmanager
def running_device(
    folder: Path, *, model: str, updates: str = "", camera: str = BUSY_CAMERA
) -> Iterator[UpdateDevice]:
    """Start one; the settings are lines of the tables [model] and [updates]."""
    signing = SigningKeys()
    with running_broker(Broker(folder / "broker")) as broker, MqttRecorder(broker.port) as witness:
        config = make_config(folder, broker.port, model=model, updates=updates, camera=camera)
        (folder / "trust.json").write_bytes(signing.trust_envelope())
        with DaemonProcess(folder, config) as daemon:
            yield UpdateDevice(folder, signing, broker, daemon, witness)


def make_config(
    folder: Path, port: int, *, model: str, updates: str = "", camera: str = BUSY_CAMERA
) -> str:
    """Of a device that trusts the file trust.json in its folder."""
    return (
        f'[mqtt]\nhost = "127.0.0.1"\nport = {port}\n[model]\n{model}\n'
        f'[updates]\ntrust = "{folder}/trust.json"\nreserve_mb = 0\n{updates}\n{camera}'
    )


def bundle_digest(bundle: Path) -> str:
    """Of its manifest."""
    with bundle.open("rb") as file:
        return open_unverified(file, bundle.stat().st_size).digest


def desired_topic() -> str:
    """On which the channel speaks to the device."""
    return f"edged/v1/{DEVICE_NAME}/down/desired"


def run_edged(*arguments: str | Path, **options: Any) -> "subprocess.CompletedProcess[str]":
    """The command, as a person or a playbook gives it."""
    return subprocess.run(
        [sys.executable, "-m", "edged", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=options.pop("timeout", 120),
        env={**os.environ, "NO_PROXY": "*"},
        check=False,
        **options,
    )
