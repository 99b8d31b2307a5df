"""The whole daemon and its pictures: what leaves it under each policy, by every way out, and that each object's best picture is kept."""

import base64
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from support.broker import Broker, running_broker
from support.controller import Controller
from support.daemon import DEVICE_NAME, DaemonProcess
from support.mqtt_recorder import MqttRecorder
from support.picture_frames import (
    BLUE,
    RED,
    Area,
    Pixels,
    decode,
    make_frame,
    measure_stripes,
    write_recording,
)
from support.waiting import wait_for

UP = f"edged/v1/{DEVICE_NAME}/up/camera"
SMALL: Area = (40, 200, 104, 264)
LARGE: Area = (200, 100, 424, 388)
_JPEG = re.compile(rb"\xff\xd8\xff.*?\xff\xd9", re.DOTALL)
_BASE64_JPEG = re.compile(rb"/9j/[0-9A-Za-z+/=]+")
_PNG = b"\x89PNG"
_ROW_BYTES = 96
_VISIBLE = 30


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with running_broker(Broker(tmp_path / "broker")) as broker:
        yield broker


def walk(channel: int) -> list[Pixels]:
    """Return the frames of an object that comes: small, then blurred as it grows, then large and sharp; then nothing for a while."""
    growing = [
        tuple(round(a + (b - a) * step / 12) for a, b in zip(SMALL, LARGE, strict=True))
        for step in range(12)
    ]
    return [
        *[make_frame((SMALL, channel))] * 8,
        *[make_frame((area, channel), blur_px=31) for area in growing],  # type: ignore[arg-type] # four numbers
        *[make_frame((LARGE, channel))] * 15,
        *[make_frame()] * 40,
    ]


def camera(folder: Path, name: str, channel: int, extra: str = "") -> str:
    """Return the configuration of a camera to which an object of this colour comes again and again."""
    recording = write_recording(folder / name, walk(channel))
    return f'[camera.{name}]\nsource = "replay"\npath = "{recording}"\nloop = true\n{extra}\n'


def config(publisher: str, images: str, *cameras: str) -> str:
    model = '[model]\nruntime = "simulated"\n[commands]\nenabled = true\n'
    return "\n".join((publisher, model, f"[images]\n{images}", *cameras))


def mqtt(broker: Broker) -> str:
    return f'[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\n'


def find_jpegs(content: bytes) -> list[Pixels]:
    """Return every JPEG in these bytes, as it is or in base64."""
    found = [match[0] for match in _JPEG.finditer(content)]
    found += [base64.b64decode(match[0] + b"===") for match in _BASE64_JPEG.finditer(content)]
    return [decode(jpeg) for jpeg in found]


def read_files(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def rows_of(pixels: Pixels, area: Area) -> list[bytes]:
    """Return a piece of a row through an object, as raw pixels in every order of the channels."""
    x1, y1, _, y2 = area
    row = pixels[(y1 + y2) // 2, x1 : x1 + _ROW_BYTES // 3]
    return [row.tobytes(), row[:, ::-1].tobytes(), row.max(axis=1).tobytes()]


def assert_no_pixel(content: bytes) -> None:
    assert not find_jpegs(content)
    assert _PNG not in content
    for row in rows_of(make_frame((LARGE, RED)), LARGE):
        assert row not in content


def test_the_best_picture_of_each_object_is_published_and_kept(
    broker: Broker, tmp_path: Path
) -> None:
    images = 'policy = "events"\nannotate = false\nquality = 95\n'
    text = config(mqtt(broker), images, camera(tmp_path, "a", RED))
    with (
        MqttRecorder(broker.port) as recorder,
        DaemonProcess(tmp_path, text),
    ):
        end = recorder.await_event("end", timeout_s=60)
        topic = end["snapshot"]
        assert topic == f"{UP}/a/snapshot/{end['id']}"
        pictures = [m for m in recorder.messages() if m.topic == topic]
        newest = [m for m in recorder.messages() if m.topic == f"{UP}/a/snapshot"]
        assert [m.payload for m in pictures] == [m.payload for m in newest][: len(pictures)]
        assert len(pictures) >= 2, "one at the start, and a better one"
        assert not any(m.retain for m in newest)
        first, best = decode(pictures[0].payload), decode(pictures[-1].payload)
        assert measure_stripes(first, SMALL, RED) > _VISIBLE
        assert measure_stripes(best, LARGE, RED) > _VISIBLE, "the large and sharp one"
        (stored,) = wait_for(lambda: find_stored(tmp_path, end["id"]))
        assert stored.read_bytes() == pictures[-1].payload
        assert stored.name.endswith(f"~{end['id']}~a~red.jpg")


def find_stored(folder: Path, event_id: str) -> list[Path]:
    return list((folder / "state" / "pictures").glob(f"*~{event_id}~*.jpg"))


def test_each_camera_has_its_own_policy(broker: Broker, tmp_path: Path) -> None:
    text = config(
        mqtt(broker),
        'policy = "never"\nannotate = false',
        camera(tmp_path, "red", RED),
        camera(tmp_path, "blue", BLUE, 'images = "events"'),
    )
    with (
        MqttRecorder(broker.port) as recorder,
        Controller(broker.port) as controller,
        DaemonProcess(tmp_path, text),
    ):
        for name in ("red", "blue"):
            end = recorder.await_message(
                f"{name}/events", lambda body: body["type"] == "end", timeout_s=60
            )
            assert (end["snapshot"] is None) == (name == "red")
        refused = controller.ask("snapshot", {"camera": "red"})
        assert not refused["ok"]
        assert refused["error"]["code"] == "refused"
        assert '"never"' in refused["error"]["message"]
        assert controller.ask("snapshot", {"camera": "blue"})["ok"]
        recorder.wait_until(lambda me: any(m.topic == f"{UP}/blue/snapshot" for m in me.messages()))
        out = b"\n".join(m.payload for m in recorder.messages()) + read_files(tmp_path / "state")
        assert not any(m.topic.startswith(f"{UP}/red/snapshot") for m in recorder.messages())
    pictures = find_jpegs(out)
    assert pictures
    assert all(shown_excess(picture, RED) < 40 for picture in pictures)
    assert any(shown_excess(picture, BLUE) > 80 for picture in pictures)


def shown_excess(pixels: Pixels, channel: int) -> int:
    """Return how much a colour exceeds the others, where it does so most, grey levels."""
    others = np.delete(pixels, channel, axis=2).max(axis=2).astype(int)
    return int((pixels[:, :, channel] - others).max())


@pytest.mark.parametrize("publisher", ["mqtt", "jsonl"])
def test_never_means_that_no_pixel_leaves_the_workers(
    broker: Broker, tmp_path: Path, publisher: str
) -> None:
    lines = tmp_path / "lines.jsonl"
    table = mqtt(broker) if publisher == "mqtt" else f'[jsonl]\npath = "{lines}"\n'
    text = config(table, 'policy = "never"', camera(tmp_path, "a", RED))
    before = read_files(tmp_path / "a")
    assert _PNG in before, "the search finds what is there"
    with (
        MqttRecorder(broker.port) as recorder,
        Controller(broker.port) as controller,
        DaemonProcess(tmp_path, text) as daemon,
    ):
        if publisher == "mqtt":
            recorder.await_event("end", timeout_s=60)
            assert not controller.ask("snapshot", {"camera": "a"})["ok"]
        else:
            wait_for(lambda: lines.exists() and b'"type":"end"' in lines.read_bytes(), timeout_s=60)
        sent = b"\n".join(m.payload for m in recorder.messages())
        assert_no_pixel(sent + read_files(tmp_path / "state") + daemon.log_text.encode())
    if publisher == "jsonl":
        assert_no_pixel(lines.read_bytes())


def test_a_change_to_never_takes_effect_at_once_and_removes_what_was_kept(
    broker: Broker, tmp_path: Path
) -> None:
    text = config(mqtt(broker), 'policy = "events"\nretain = true', camera(tmp_path, "a", RED))
    with (
        MqttRecorder(broker.port) as recorder,
        Controller(broker.port) as controller,
        DaemonProcess(tmp_path, text) as daemon,
    ):
        recorder.await_event("end", timeout_s=60)
        folder = tmp_path / "state" / "pictures"
        wait_for(lambda: list(folder.glob("*.jpg")))
        daemon.config.write_text(daemon.config.read_text().replace('"events"', '"never"'))
        daemon.send_signal(signal.SIGHUP)
        wait_for(lambda: not list(folder.iterdir()))
        after = recorder.position()
        recorder.await_event("end", after=after, timeout_s=60)
        later = [m for m in recorder.messages()[after:] if "snapshot" in m.topic and m.payload]
        assert later == []
        assert not controller.ask("snapshot", {"camera": "a"})["ok"]
        with MqttRecorder(broker.port) as newcomer:
            newcomer.await_status("online")
            kept = [m for m in newcomer.messages() if "snapshot" in m.topic]
            assert kept == [], "the broker keeps no picture any more"


def test_a_worker_that_is_killed_while_it_makes_a_picture(broker: Broker, tmp_path: Path) -> None:
    text = config(mqtt(broker), 'policy = "on_request"\nquality = 100', camera(tmp_path, "a", RED))
    with (
        MqttRecorder(broker.port) as recorder,
        Controller(broker.port) as controller,
        DaemonProcess(tmp_path, text) as daemon,
    ):
        recorder.await_event("start", timeout_s=60)
        (worker,) = daemon.await_worker_pids()
        ids = [controller.send("snapshot", {"camera": "a"}) for _ in range(6)]
        os.kill(worker, signal.SIGKILL)
        for id_ in ids:
            (reply,) = controller.await_replies(id_)
            assert reply["ok"] or reply["error"]["code"] in {"refused", "busy"}, reply
        after = recorder.position()
        recorder.await_event("start", after=after, timeout_s=60)
        assert controller.ask("snapshot", {"camera": "a"})["ok"]


def test_a_snapshot_shows_the_camera_also_while_detection_is_off(
    broker: Broker, tmp_path: Path
) -> None:
    text = config(mqtt(broker), 'policy = "on_request"', camera(tmp_path, "a", RED))
    with (
        MqttRecorder(broker.port) as recorder,
        Controller(broker.port) as controller,
        DaemonProcess(tmp_path, text),
    ):
        recorder.await_event("start", timeout_s=60)
        assert controller.ask("detect", {"camera": "a", "on": False})["ok"]
        for width in (640, 320):
            reply = controller.ask("snapshot", {"camera": "a", "max_width": width})
            assert reply["ok"], reply
            assert reply["result"]["width"] == width
        recorder.wait_until(
            lambda me: sum(m.topic == f"{UP}/a/snapshot" for m in me.messages()) == 2
        )
        unknown = controller.ask("snapshot", {"camera": "b"})
        assert unknown["error"]["code"] == "not_found"


def test_a_folder_that_cannot_be_written_stops_neither_events_nor_pictures(
    broker: Broker, tmp_path: Path
) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "pictures").write_text("not a folder")
    text = config(mqtt(broker), 'policy = "events"', camera(tmp_path, "a", RED))
    with MqttRecorder(broker.port) as recorder, DaemonProcess(tmp_path, text):
        end = recorder.await_event("end", timeout_s=60)
        assert [m for m in recorder.messages() if m.topic == end["snapshot"]]
        recorder.await_health(lambda body: "pictures" in [c["name"] for c in body["degradations"]])
