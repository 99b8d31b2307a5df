"""A daemon with its certificate at the fleet's broker: a command, its answer to the one who asked, discovery, and dialects."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from support.controller import Controller
from support.daemon import DEVICE_NAME, DaemonProcess
from support.fleet_broker import DEPLOY, AccessClient, FleetBrokerFiles, running_mosquitto
from support.waiting import wait_for

CONFIG = """
[mqtt]
host = "localhost"
port = {port}
[mqtt.tls]
ca = "{ca}"
cert = "{cert}"
key = "{key}"
[commands]
enabled = true
[model]
bundled = "marks-fast"
[dialect.onvif]
[dialect.frigate]
prefix = "frigate/{device}"
[camera.front]
source = "synthetic"
fps = 10.0
every_s = 1.0
stay_s = 1.5
[camera.front.zone.room]
points = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]
"""
REPLIES = f"edged/reply/{DEVICE_NAME}/operator/1"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FleetBrokerFiles]:
    """The fleet's broker, with the rules for dialects."""
    folder = tmp_path_factory.mktemp("fleet")
    rules = (DEPLOY / "edged-fleet.acl").read_text().replace("#pattern", "pattern")
    files = FleetBrokerFiles(folder, rules)
    with running_mosquitto(folder, files.open_port, files.config):
        yield files


def test_a_daemon_with_its_certificate(files: FleetBrokerFiles, tmp_path: Path) -> None:
    own = files.issue(DEVICE_NAME)
    config = CONFIG.format(
        port=files.port, ca=files.authority.ca, cert=own.cert, key=own.key, device=DEVICE_NAME
    )
    with ExitStack() as stack:
        viewer = stack.enter_context(AccessClient(files.port, files.tls("viewer")))
        viewer.subscribe("#", f"edged/reply/{DEVICE_NAME}/#")
        free = stack.enter_context(AccessClient(files.open_port))
        free.subscribe(f"{DEVICE_NAME}/#", "frigate/#")
        operator = stack.enter_context(
            Controller(files.port, "operator", tls=files.tls("operator"), response_topic=REPLIES)
        )
        daemon = stack.enter_context(DaemonProcess(tmp_path, config))
        wait_for(lambda: seen(viewer, "/events"), timeout_s=60, state=lambda: daemon.log_text)

        reply = operator.ask("detect", {"camera": "front", "on": True})
        assert (reply["verb"], reply["ok"]) == ("detect", True)
        wait_for(lambda: seen(viewer, "up/reply"), timeout_s=10)
        assert not seen(viewer, REPLIES)

        def types() -> set[str]:
            return {json.loads(text)["type"] for text in seen(free, "/events")}

        wait_for(lambda: {"new", "end"} <= types(), timeout_s=60, state=lambda: daemon.log_text)
        inside = f"{DEVICE_NAME}/onvif-ej/RuleEngine/FieldDetector/ObjectsInside/&front/room"
        wait_for(lambda: len(seen(free, inside)) > 1, timeout_s=20)
        assert seen(free, f"{DEVICE_NAME}/onvif-mj/VideoAnalytics/front/edged")
        code, _ = daemon.stop()
        assert code == 0
        wait_for(lambda: seen(free, "/available")[-1:] == ["offline"], timeout_s=10)
        assert json.loads(seen(free, inside)[-1])["Data"]["IsInside"] is False
        health = [json.loads(text) for text in seen(viewer, "up/health")]
        names = {one["name"] for message in health for one in message["degradations"]}
        assert not names & {"publish_limited", "publish_refused", "subscription_refused"}


def seen(client: AccessClient, suffix: str) -> list[str]:
    return [payload for topic, payload in list(client.received) if topic.endswith(suffix)]
