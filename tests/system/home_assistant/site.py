"""A broker and a daemon in a network from which nothing outside can be reached."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from support.daemon import DEVICE_NAME
from support.data_files import data_file
from support.waiting import wait_for
from system.networks import Network

BROKER_PORT = 1883
UP = f"edged/v1/{DEVICE_NAME}/up"
_MODEL = "models/coco_ssd_mobilenet_v1_1.0_quant_2018_06_29.tflite"
_CLIP = "video/one-by-one-person-detection.mp4"
_DAEMON = """
[mqtt]
host = "127.0.0.1"
port = {port}
[commands]
enabled = true
[images]
policy = "on_request"
[model]
path = "{model}"
[detect]
labels = ["person"]
[home_assistant]
enabled = {enabled}
[camera.front]
source = "replay"
path = "{clip}"
[camera.front.zone.everywhere]
points = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]
"""
_SECOND_CAMERA = """
[camera.back]
source = "synthetic"
"""


def daemon_config(*, second_camera: bool = True, enabled: bool = True) -> str:
    """Return a configuration with the clip in which persons walk one after the other."""
    config = _DAEMON.format(
        port=BROKER_PORT,
        model=data_file(_MODEL),
        clip=data_file(_CLIP),
        enabled=str(enabled).lower(),
    )
    return config + (_SECOND_CAMERA if second_camera else "")


@contextmanager
def running_site_broker(network: Network, folder: Path) -> Iterator[None]:
    """Run mosquitto on loopback of the network's controller side."""
    config = folder / "mosquitto.conf"
    config.write_text(f"listener {BROKER_PORT} 127.0.0.1\nallow_anonymous true\n")
    log = folder / "mosquitto.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*network.enter_argv(), "mosquitto", "-c", str(config)],
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_for(
            lambda: network.run("mosquitto_pub", "-t", "ready", "-n", check=False).returncode == 0,
            state=log.read_text,
            poll_s=0.1,
        )
        yield
    finally:
        process.terminate()
        process.wait(10)


def read_retained(network: Network, topic: str) -> Any:
    """Return the payload that the broker keeps of a topic; None if there is none."""
    answer = network.run("mosquitto_sub", "-C", "1", "-W", "3", "-t", topic, check=False)
    return json.loads(answer.stdout) if answer.stdout else None


def run_edged(network: Network, *arguments: str) -> None:
    """Run a command of edged in the network."""
    network.run(sys.executable, "-m", "edged", *arguments)
