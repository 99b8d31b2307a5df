"""Commands to a running daemon over a real broker: each verb, its reply, what it changes, and what a repeat or a wrong one does."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edged.registry import COMMANDS
from support.broker import Broker, running_broker
from support.controller import Controller
from support.daemon import DEVICE_NAME, DaemonProcess
from support.sampling import seeded_random
from support.subscriber import MqttSubscriber, publish_message
from support.waiting import wait_for

CONFIG = """
[commands]
enabled = true
keep = true
[model]
runtime = "simulated"
[camera.a]
source = "synthetic"
fps = 10
every_s = 0.7
stay_s = 2.5
[camera.a.zone.all]
points = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]
[camera.a.mask.corner]
points = [[0.0, 0.0], [0.1, 0.0], [0.1, 0.1]]
"""
UP = f"edged/v1/{DEVICE_NAME}/up"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with running_broker(Broker(tmp_path / "broker")) as broker:
        yield broker


def config(broker: Broker, extra: str = "") -> str:
    return f'[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\n{CONFIG}{extra}'


@pytest.fixture
def subscriber(broker: Broker) -> Iterator[MqttSubscriber]:
    with MqttSubscriber(broker.port) as subscriber:
        yield subscriber


@pytest.fixture
def daemon(broker: Broker, subscriber: MqttSubscriber, tmp_path: Path) -> Iterator[DaemonProcess]:
    with DaemonProcess(tmp_path, config(broker)) as daemon:
        await_last(subscriber, "camera/a/state", online=True)
        yield daemon


@pytest.fixture
def controller(broker: Broker) -> Iterator[Controller]:
    with Controller(broker.port) as controller:
        yield controller


def last(subscriber: MqttSubscriber, leaf: str) -> dict[str, Any]:
    found = [m.json for m in subscriber.messages() if m.topic == f"{UP}/{leaf}"]
    return found[-1] if found else {}


def await_last(subscriber: MqttSubscriber, leaf: str, **wanted: Any) -> dict[str, Any]:
    """Wait until the newest message of a topic has these fields."""

    def has_come() -> bool:
        found = last(subscriber, leaf)
        return bool(found) and all(found[key] == value for key, value in wanted.items())

    wait_for(has_come, timeout_s=30, state=lambda: f"{leaf}: {last(subscriber, leaf)}")
    return last(subscriber, leaf)


def switched(subscriber: MqttSubscriber, **wanted: Any) -> dict[str, Any]:
    return await_last(subscriber, "camera/a/switches", **wanted)


@pytest.mark.usefixtures("daemon")
class TestSwitches:
    def test_detection_ends_and_begins_again(
        self, controller: Controller, subscriber: MqttSubscriber
    ) -> None:
        await_last(subscriber, "camera/a/state", occupied=True)
        assert controller.ask("detect", {"camera": "a", "on": False})["ok"]
        switched(subscriber, detect=False)
        await_last(subscriber, "camera/a/state", occupied=False, online=True)
        assert controller.ask("detect", {"camera": "a", "on": True})["ok"]
        switched(subscriber, detect=True)
        await_last(subscriber, "camera/a/state", occupied=True)

    def test_a_threshold_holds_for_all_labels_or_for_one(
        self, controller: Controller, subscriber: MqttSubscriber
    ) -> None:
        switched(subscriber, threshold=0.5, thresholds={})
        assert controller.ask("threshold", {"camera": "a", "score": 0.9})["ok"]
        one = {"camera": "a", "label": "red", "score": 0.95}
        reply = controller.ask("threshold", one)
        assert reply["ok"], reply
        switched(subscriber, threshold=0.9, thresholds={"red": 0.95})
        assert controller.ask("threshold", {"camera": "a", "score": None})["ok"]
        assert controller.ask("threshold", {**one, "score": None})["ok"]
        switched(subscriber, threshold=0.5, thresholds={})
        refused = controller.ask("threshold", {**one, "label": "rd"})
        assert refused["error"]["code"] == "not_found"
        assert 'did you mean "red"?' in refused["error"]["message"]

    def test_zones_and_masks(self, controller: Controller, subscriber: MqttSubscriber) -> None:
        def is_in_zone() -> bool:
            return bool(last(subscriber, "camera/a/state").get("zones", {}).get("all"))

        wait_for(is_in_zone, timeout_s=30)
        assert controller.ask("zone", {"camera": "a", "zone": "all", "on": False})["ok"]
        assert controller.ask("mask", {"camera": "a", "mask": "corner", "on": False})["ok"]
        switched(subscriber, zones={"all": False}, masks={"corner": False})
        wait_for(lambda: not is_in_zone(), timeout_s=30)
        unknown = controller.ask("zone", {"camera": "a", "zone": "al", "on": False})
        assert unknown["error"]["code"] == "not_found"


def test_what_was_switched_is_kept_over_a_restart(
    broker: Broker, controller: Controller, subscriber: MqttSubscriber, tmp_path: Path
) -> None:
    with DaemonProcess(tmp_path, config(broker)):
        switched(subscriber, detect=True)
        first = controller.send("detect", {"camera": "a", "on": False})
        assert controller.await_replies(first)[0]["ok"]
    count = len(subscriber.messages())
    with DaemonProcess(tmp_path, config(broker)):
        wait_for(lambda: any(m.topic.endswith("/switches") for m in subscriber.messages()[count:]))
        switched(subscriber, detect=False)
        # The same command once more, in the next session: answered as before, and not executed again.
        assert controller.ask("detect", {"camera": "a", "on": True})["ok"]
        controller.send("detect", {"camera": "a", "on": False}, id_=first)
        assert [reply["ok"] for reply in controller.await_replies(first, 2)] == [True, True]
        switched(subscriber, detect=True)
    with DaemonProcess(tmp_path, config(broker).replace("keep = true", "keep = false")):
        switched(subscriber, detect=True)


@pytest.mark.usefixtures("daemon")
class TestOtherVerbs:
    def test_reload(self, controller: Controller, daemon: DaemonProcess) -> None:
        assert controller.ask("reload")["ok"]
        assert "the configuration was reloaded" in daemon.log_text
        text = daemon.config.read_text()
        daemon.config.write_text(text.replace("fps = 10", "fps = -1"))
        failed = controller.ask("reload")
        assert failed["error"]["code"] == "failed"
        assert "camera.a.fps" in failed["error"]["message"]
        daemon.config.write_text(text)
        assert controller.ask("reload")["ok"]

    def test_self_test(self, controller: Controller) -> None:
        reply = controller.ask("selftest")
        # The simulated interpreter is no runtime that the sandbox could fail on.
        assert reply["ok"], reply
        assert reply["result"]["invoke_ms_p95"] >= 0

    def test_rollback_and_update_without_either(self, controller: Controller) -> None:
        assert controller.ask("model.rollback")["error"]["code"] == "refused"
        reply = controller.ask("update.install")
        assert reply["error"]["code"] == "refused"
        assert "updates.channel" in reply["error"]["message"]

    def test_restart(
        self, controller: Controller, daemon: DaemonProcess, subscriber: MqttSubscriber
    ) -> None:
        session = await_last(subscriber, "status", status="online")["session"]
        sent = controller.send("restart")
        assert controller.await_replies(sent)[0]["ok"]
        wait_for(lambda: last(subscriber, "status")["session"] != session, timeout_s=30)
        await_last(subscriber, "status", status="online")
        assert daemon.process.poll() is None
        controller.send("restart", id_=sent)
        assert len(controller.await_replies(sent, 2)) == 2
        session = last(subscriber, "status")["session"]
        assert controller.ask("detect", {"camera": "a", "on": True})["ok"]
        assert last(subscriber, "status")["session"] == session


def _program(name: str) -> str:
    path = shutil.which(name)
    assert path, f"{name} is not installed: make packages-test"
    return path


@pytest.mark.usefixtures("daemon")
def test_by_mosquitto_pub_and_mosquitto_sub(broker: Broker) -> None:
    port = str(broker.port)
    listener = subprocess.Popen(
        [_program("mosquitto_sub"), "-p", port, "-t", f"{UP}/reply", "-C", "1", "-W", "20"],
        stdout=subprocess.PIPE,
    )
    command = json.dumps({"id": "one", "args": {"camera": "a", "on": True}})
    topic = f"edged/v1/{DEVICE_NAME}/down/cmd/detect"
    publish = [
        _program("mosquitto_pub"),
        "-p",
        port,
        "-q",
        "1",
        "-t",
        topic,
        "-m",
        command,
        "--repeat",
        "20",
    ]
    subprocess.run([*publish, "--repeat-delay", "0.2"], check=True)
    output, _ = listener.communicate(timeout=30)
    reply = json.loads(output)
    assert (reply["schema"], reply["id"], reply["verb"], reply["ok"]) == (
        *("edged.reply/1", "one", "detect"),
        True,
    )


def test_a_retained_command_does_nothing(
    broker: Broker, controller: Controller, subscriber: MqttSubscriber, tmp_path: Path
) -> None:
    controller.send("detect", {"camera": "a", "on": False}, retain=True, id_="kept")
    for count in (1, 2):
        with DaemonProcess(tmp_path, config(broker)) as daemon:
            daemon.await_log("a retained or empty message", count)
            switched(subscriber, detect=True)
            assert controller.ask("detect", {"camera": "a", "on": True})["ok"]
    assert controller.replies("kept") == []


MALFORMED = (
    b"\xff\xfe",
    b"[]",
    b"null",
    b'"detect"',
    b"{",
    b"{}",
    b'{"id": 1}',
    b'{"id": ""}',
    b'{"id": "x", "args": []}',
    b'{"id": "x", "args": {"camera": "a"}, "expires_s": -1}',
    b'{"id": "x", "args": {"camera": "a"}, "when": 1}',
    b'{"id": "x", "sent": "yesterday"}',
    b'{"id": "x", "args": {"camera": "a", "on": 1}}',
    b'{"id": "x", "args": {"camera": "a", "on": "true"}}',
    b'{"id": "x", "args": {"camera": "a"}}',
    b'{"id": "x", "args": {"camera": "nobody", "on": false}}',
    b'{"id": "x", "args": {"camera": null, "on": false}}',
    b'{"id": "x", "args": {"camera": "a", "on": false, "more": 1}}',
    b"[" * 5000,
    b'{"id": "' + b"x" * 20_000 + b'"}',
)


@pytest.mark.usefixtures("daemon")
def test_two_hundred_malformed_ones_each_get_an_error_and_change_nothing(
    controller: Controller, subscriber: MqttSubscriber
) -> None:
    before = switched(subscriber, detect=True)
    random_numbers = seeded_random("malformed commands")
    good = json.dumps({"id": "x", "args": {"camera": "a", "on": False}}).encode()
    sent = []
    for number in range(200):
        payload = MALFORMED[number % len(MALFORMED)]
        if number >= 100:  # a valid command that was cut off
            payload = good[: random_numbers.randrange(1, len(good))]
        verb = random_numbers.choice(["detect", "dtect", "model.rollbck", "$sys"])
        sent.append(controller.send(verb if number % 3 else "detect", payload=payload))
    for id_ in sent:
        (reply,) = controller.await_replies(id_)
        assert reply["ok"] is False
        assert reply["error"]["message"]
    assert switched(subscriber, detect=True)["thresholds"] == before["thresholds"]
    assert controller.ask("detect", {"camera": "a", "on": True})["ok"]


@pytest.mark.usefixtures("daemon")
def test_two_controllers_at_once(broker: Broker, subscriber: MqttSubscriber) -> None:
    with Controller(broker.port, "one") as one, Controller(broker.port, "two") as two:
        sent = [
            (controller, controller.send("threshold", {"camera": "a", "score": score}))
            for score in (0.31, 0.32, 0.33, 0.34)
            for controller in (one, two)
        ]
        for controller, id_ in sent:
            (reply,) = controller.await_replies(id_)
            assert (reply["ok"], reply["id"]) == (True, id_)
        assert one.replies(sent[1][1]) == []  # that of the other
    switched(subscriber, threshold=0.34)


@pytest.mark.usefixtures("daemon")
def test_an_id_is_for_one_command(controller: Controller, subscriber: MqttSubscriber) -> None:
    id_ = controller.send("threshold", {"camera": "a", "score": 0.4})
    controller.await_replies(id_)
    controller.send("threshold", {"camera": "a", "score": 0.6}, id_=id_)
    assert controller.await_replies(id_, 2)[1]["error"]["code"] == "id_reused"
    switched(subscriber, threshold=0.4)


def test_the_setting_limits_the_verbs(
    broker: Broker, controller: Controller, subscriber: MqttSubscriber, tmp_path: Path
) -> None:
    limited = config(broker).replace("keep = true", 'verbs = ["detect"]')
    with DaemonProcess(tmp_path, limited):
        switched(subscriber, detect=True)
        assert controller.ask("detect", {"camera": "a", "on": False})["ok"]
        assert controller.ask("restart")["error"]["code"] == "not_allowed"


@pytest.mark.usefixtures("daemon")
def test_no_reply_goes_into_a_tree_of_a_device(
    controller: Controller, subscriber: MqttSubscriber
) -> None:
    forged = "edged/v1/other/down/cmd/restart"
    id_ = controller.send("detect", {"camera": "a", "on": True}, response_topic=forged)
    await_last(subscriber, "reply", id=id_)
    assert [m for m in subscriber.messages() if m.topic == forged] == []


def test_without_the_setting_nothing_is_subscribed_to(
    broker: Broker, controller: Controller, subscriber: MqttSubscriber, tmp_path: Path
) -> None:
    off = config(broker).replace("enabled = true", "enabled = false")
    with DaemonProcess(tmp_path, off):
        await_last(subscriber, "camera/a/state", online=True)
        id_ = controller.send("detect", {"camera": "a", "on": False})
        publish_message(broker.port, f"{UP}/end", b'{"last": true}')
        await_last(subscriber, "end", last=True)
    assert controller.replies(id_) == []
    assert last(subscriber, "camera/a/switches") == {}


def test_every_verb_is_documented() -> None:
    text = (Path(__file__).parents[3] / "docs" / "commands.md").read_text()
    assert all(f"| `{verb}` |" in text for verb in COMMANDS)
