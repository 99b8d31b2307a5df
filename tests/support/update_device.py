"""A whole daemon that installs updates, with a broker of its own: its control requests, and its messages about models."""

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
"""A trial of a few seconds that is judged by detections: on a busy machine, latencies of a millisecond mean nothing."""
MINIMAL_TRIAL = replace(QUICK_TRIAL, min_baseline_s=0.5, min_s=0.5, min_frames=3, min_boxes=0)
"""A trial that every working model passes at once, for tests of something else."""
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
    """A running device.

    Attributes:
        folder: folder for all files.
        signing: the keys that it trusts.
        broker: its broker.
        daemon: its process.
        recorder: records all its messages.
    """

    folder: Path
    signing: SigningKeys
    broker: Broker
    daemon: DaemonProcess
    recorder: MqttRecorder

    @property
    def state_dir(self) -> Path:
        """The state directory."""
        return self.folder / "state"

    def send_request(self, request: ControlRequest) -> ControlResponse:
        """Send a request to the control socket, and return the response."""
        return ControlClient(self.state_dir).execute(request)

    def install(self, source: Path | str, **request: Any) -> str:
        """Request an installation, and return the id of its deployment."""
        response = self.send_request(
            InstallRequest(request=DeploymentRequest(source=str(source), **request))
        )
        assert not response.error, response.error
        return response.id

    def await_model_state(
        self, matches: Callable[[Body], object], *, timeout_s: float = 40.0
    ) -> Body:
        """Wait for an `up/model` that matches."""
        return self.recorder.await_message("/up/model", matches, timeout_s=timeout_s)

    def await_outcome(self, id_: str, *, timeout_s: float = 60.0) -> Body:
        """Wait for the end of a deployment in `up/model`."""
        state = self.await_model_state(
            lambda body: body["last"] and body["last"]["id"] == id_, timeout_s=timeout_s
        )
        last: Body = state["last"]
        return last

    def await_bundle_outcome(self, bundle: Path, *, timeout_s: float = 60.0) -> Body:
        """Wait for the end of the first deployment of a bundle in `up/model`."""
        digest = bundle_digest(bundle)
        state = self.await_model_state(
            lambda body: body["last"] and body["last"]["digest"] == digest, timeout_s=timeout_s
        )
        last: Body = state["last"]
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
        """Write a bundle of a simulated model.

        Args:
            name: name of the model.
            version: its version; each pair of name and version has other content.
            counter: order of the versions.
            signing: the keys; None for those that the device trusts.
            probation: what its trial must show.
            faults: its faults, as `edged.interpreters.simulated` has them.
        """
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
        """Wait until `up/health` has a condition with this detail.

        Args:
            condition: name of the condition.
            detail: part of its detail.
            after: only messages after this position count.
        """

        def has_condition(body: Body) -> bool:
            found = body["degradations"]
            return any(one["name"] == condition and detail in one["detail"] for one in found)

        self.recorder.await_message("/up/health", has_condition, after=after, timeout_s=40.0)

    def detection_count(self) -> int:
        """Return the number of published detections so far."""
        return len(self.recorder.messages("/detections"))

    def longest_gap_s(self, since: int = 0) -> float:
        """Return the longest time between the capture of two published detections, from this one on."""
        seen = [
            datetime.fromisoformat(body["captured"])
            for body in self.recorder.payloads("/detections")[since:]
        ]
        return max((after - before).total_seconds() for before, after in pairwise(seen))

    def daemon_cpu_wait_s(self) -> float:
        """Return how long the daemon has waited for a processor."""
        return _cpu_wait_s(self.daemon.process.pid)

    def workers_cpu_wait_s(self) -> float:
        """Return how long its present workers have waited for a processor."""
        return sum(_cpu_wait_s(pid) for pid in self.daemon.worker_pids())


def _cpu_wait_s(pid: int) -> float:
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / NS_PER_S
    except (OSError, IndexError):
        return 0.0  # the process has just ended, or the kernel has no schedstat


@contextmanager
def running_device(
    folder: Path,
    *,
    model: str,
    updates: str = "",
    camera: str = BUSY_CAMERA,
    env: Mapping[str, str] | None = None,
) -> Iterator[UpdateDevice]:
    """Run a device for the time of the context.

    Args:
        folder: folder for all files.
        model: lines of the table [model].
        updates: further lines of the table [updates].
        camera: the remaining configuration.
        env: further environment variables of the daemon.
    """
    signing = SigningKeys()
    with running_broker(Broker(folder / "broker")) as broker, MqttRecorder(broker.port) as recorder:
        config = make_config(folder, broker.port, model=model, updates=updates, camera=camera)
        (folder / "trust.json").write_bytes(signing.trust_envelope())
        with DaemonProcess(folder, config, env=env) as daemon:
            yield UpdateDevice(folder, signing, broker, daemon, recorder)


def make_config(
    folder: Path, port: int, *, model: str, updates: str = "", camera: str = BUSY_CAMERA
) -> str:
    """Return the configuration of a device that trusts the file trust.json in its folder.

    Args:
        folder: folder for all files.
        port: the broker's port.
        model: lines of the table [model].
        updates: further lines of the table [updates].
        camera: the remaining configuration.
    """
    return (
        f'[mqtt]\nhost = "127.0.0.1"\nport = {port}\n[model]\n{model}\n'
        f'[updates]\ntrust = "{folder}/trust.json"\nreserve_mb = 0\n{updates}\n{camera}'
    )


def bundle_digest(bundle: Path) -> str:
    """Return the digest of a bundle's manifest."""
    with bundle.open("rb") as file:
        return open_unverified(file, bundle.stat().st_size).digest


def desired_topic() -> str:
    """Return the topic of the device's desired state."""
    return f"edged/v1/{DEVICE_NAME}/down/desired"


def run_edged(*arguments: str | Path, **options: Any) -> "subprocess.CompletedProcess[str]":
    """Run the command `edged`."""
    return subprocess.run(
        [sys.executable, "-m", "edged", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=options.pop("timeout", 120),
        env={**os.environ, "NO_PROXY": "*"},
        check=False,
        **options,
    )
