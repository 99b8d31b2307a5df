"""The package for a Raspberry Pi's processor in an emulator: it works; its speed is not measured."""

import json
import struct
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from support.broker import Broker, running_broker
from support.mqtt_recorder import MqttRecorder
from system.commands import run
from system.debian_images import DebianImage
from system.debs import built_package
from system.machines import missing_requirement

_EMULATED = (
    "base-files",
    "ca-certificates",
    "coreutils",
    "dash",
    "libseccomp2",
    "libstdc++6",
    "python3",
    "python3-systemd",
)
_MISC = Path("/proc/sys/fs/binfmt_misc")
_NAME = "edged-arm64"
_EM_AARCH64 = 183
_INFERENCE_PROGRAM = Path(__file__).with_name("run_inference.py")
_TOLERANCE = 0.02
"""Of a box's sides, which are fractions: the two processors do not round alike."""
_CONFIG = """
[device]
name = "emulated"
state_dir = "/var/lib/edged"
[mqtt]
host = "127.0.0.1"
port = {port}
[model]
hang_s = 120
[track]
lost_s = 30
[camera.demo]
source = "synthetic"
speed = "max"
frames = 40
width = 320
height = 240
every_s = 0.3
"""

Emulate = Callable[..., str]


@pytest.fixture(scope="module")
def emulator() -> Iterator[None]:
    """Register qemu 10 of Debian 13 as the kernel's interpreter of arm64 programs: bookworm's qemu 7 crashes on ai-edge-litert."""
    if missing_requirement():
        pytest.skip(missing_requirement())
    if not (_MISC / "register").exists():
        run(["mount", "-t", "binfmt_misc", "binfmt_misc", str(_MISC)], check=False)
    if not (_MISC / "register").exists():
        pytest.skip("this kernel has no binfmt_misc: it cannot run programs of another processor")
    qemu = (
        DebianImage("trixie", ("qemu-user",), variant="essential").root_dir()
        / "usr/bin/qemu-aarch64"
    )
    # An ELF header's first twenty bytes: 64 bits, little-endian, a program or a shared object, for AArch64. "F": the kernel opens qemu now, so
    # its path need not exist where it is used.
    header = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HH", 2, _EM_AARCH64)
    mask = b"\xff" * 7 + b"\x00" + bytes(8) + struct.pack("<HH", 0xFFFE, 0xFFFF)
    if (_MISC / _NAME).exists():  # left by a run that was killed
        (_MISC / _NAME).write_text("-1")
    escaped = ["".join(f"\\x{byte:02x}" for byte in part) for part in (header, mask)]
    (_MISC / "register").write_text(f":{_NAME}:M::{escaped[0]}:{escaped[1]}:{qemu}:F")
    try:
        yield
    finally:
        (_MISC / _NAME).write_text("-1")


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def emulate(
    request: pytest.FixtureRequest, emulator: None, tmp_path_factory: pytest.TempPathFactory
) -> Emulate:
    """Return a function that runs a shell script in the unpacked package and returns its output."""
    del emulator
    deb = built_package(request.param, "arm64")
    base = DebianImage(request.param, _EMULATED, architecture="arm64", variant="extract").root_dir()
    folder = tmp_path_factory.mktemp("emulated")
    command = [str(Path(__file__).with_name("emulate")), str(folder), str(base), str(deb)]

    def emulate(script: str) -> str:
        return run([*command, "sh", "-euc", script], timeout_s=600).stdout

    return emulate


def test_everything_in_it_can_be_imported(emulate: Emulate) -> None:
    modules = "cv2, numpy, msgspec, paho.mqtt.client, cryptography.hazmat.primitives.asymmetric.ed25519, httpx, packaging, systemd.daemon"
    machine = emulate(
        f"/opt/edged/bin/python -c 'import platform, {modules}; print(platform.machine())'"
    )
    assert machine.strip() == "aarch64"


def test_it_sees_what_this_machine_sees(emulate: Emulate) -> None:
    """Compare detections only; the self-test of `edged inspect` does not run here: qemu writes its own /proc/cpuinfo to a file, which the self-test
    process may not do, and qemu has neither Landlock nor seccomp."""
    program = _INFERENCE_PROGRAM.read_text()
    there = emulate(f"/opt/edged/bin/python - <<'END'\n{program}\nEND")
    here = run([sys.executable, str(_INFERENCE_PROGRAM)])
    seen = [[json.loads(line) for line in one.splitlines()] for one in (there, here.stdout)]
    assert any(seen[0])
    for frame_there, frame_here in zip(*seen, strict=True):
        assert [label for label, _ in frame_there] == [label for label, _ in frame_here]
        boxes = [np.array([box for _, box in frame]) for frame in (frame_there, frame_here)]
        np.testing.assert_allclose(boxes[0], boxes[1], atol=_TOLERANCE)


def test_it_publishes_what_it_sees(emulate: Emulate, tmp_path: Path) -> None:
    with (
        running_broker(Broker(tmp_path / "broker")) as broker,
        MqttRecorder(broker.port) as recorder,
    ):
        config = f"cat >/etc/edged/edged.toml <<'END'\n{_CONFIG.format(port=broker.port)}\nEND"
        output = emulate(f"{config}\nedged check\nedged run 2>&1")
        recorder.await_status("offline")
        events = recorder.payloads("edged/v1/emulated/up/camera/demo/events")
    assert {"start", "end"} <= {event["type"] for event in events}, output
