"""README's first evening, to the letter: its commands and its configuration, with a mirror, a broker and a clip in place of the user's own."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import fetch_server as net
from support.broker import Broker, running_broker
from support.data_files import data_file
from support.fetch_server import Site
from support.waiting import wait_for

pytestmark = pytest.mark.timeout(300)
CHECKOUT = Path(__file__).resolve().parents[3]
MODEL_FILE = "coco_ssd_mobilenet_v1_1.0_quant_2018_06_29.tflite"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
FETCH = "edged model fetch "


class Evening:
    """The section of README in a folder of its own, where ``.venv/bin/edged`` is this checkout's."""

    def __init__(self, folder: Path, broker: Broker, mirror: Site) -> None:
        self.folder, self.broker, self.mirror = folder, broker, mirror
        text = (CHECKOUT / "README.md").read_text()
        section = text.partition("## The first evening\n")[2].partition("\n## ")[0]
        self.section = section
        blocks = BLOCK.findall(section)
        self.tables = [content for kind, content in blocks if kind == "toml"]
        self.commands = [
            line.split("     #")[0].strip()
            for kind, content in blocks
            if kind == "sh"
            for line in content.splitlines()
        ]
        program = folder / ".venv" / "bin" / "edged"
        program.parent.mkdir(parents=True)
        program.write_text(
            f'#!/bin/sh\nPYTHONPATH={CHECKOUT} exec {sys.executable} -m edged "$@"\n'
        )
        program.chmod(0o755)

    def write_config(self) -> None:
        clip = data_file("video/one-by-one-person-detection.mp4")
        text = "\n".join(self.tables)
        for mine, ours in (
            ('host = "192.168.1.10"', f'host = "127.0.0.1"\nport = {self.broker.port}'),
            ('source = "rtsp" ', 'source = "replay" '),
            ('url = "rtsp://192.168.1.20/stream2"', f'path = "{clip}"'),
        ):
            assert text.count(mine) == 1, mine
            text = text.replace(mine, ours)
        (self.folder / "edged.toml").write_text(text)

    def adapt(self, command: str) -> str:
        """Return a command with our mirror and our broker."""
        if FETCH in command:
            return f"{command} --from {self.mirror.url}"
        return command.replace("-h 192.168.1.10", f"-h 127.0.0.1 -p {self.broker.port}")

    def start(self, command: str, output: Path) -> subprocess.Popen[bytes]:
        with output.open("wb") as written:
            return subprocess.Popen(
                ["/bin/sh", "-c", f"exec {self.adapt(command)}"],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=written,
                stderr=subprocess.STDOUT,
            )

    def run(self, command: str) -> str:
        output = self.folder / "output"
        process = self.start(command, output)
        assert process.wait(60) == 0, output.read_text()
        return output.read_text()

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": "/usr/bin:/bin",
            "HOME": str(self.folder),
            "NO_PROXY": "*",
            "LANG": "C.UTF-8",
        }


@pytest.fixture
def evening(tmp_path: Path) -> Iterator[Evening]:
    with running_broker(Broker(tmp_path / "broker")) as broker, net.serve_site() as mirror:
        mirror.files[f"/{MODEL_FILE}"] = data_file(f"models/{MODEL_FILE}").read_bytes()
        yield Evening(tmp_path, broker, mirror)


def test_a_person_event_arrives_after_the_commands_of_the_readme(evening: Evening) -> None:
    catalogue, fetch, use, check, run, subscribe = evening.commands
    assert "`make demo`" in evening.section
    assert "coco-ssd-mobilenet-v1\n" in evening.run(catalogue)
    evening.run(fetch)
    evening.write_config()
    assert "finds printed marks only; for people: edged model fetch" in evening.run(check)
    used = evening.run(use)
    assert "already present" in used
    assert "warning" not in evening.run(check)
    events = evening.folder / "events"
    subscriber = evening.start(subscribe, events)
    daemon = evening.start(run, log := evening.folder / "log")
    try:
        wait_for(
            lambda: re.search(r'/up/camera/front/events .*"label":"person"', events.read_text()),
            timeout_s=90,
            state=log.read_text,
        )
    finally:
        daemon.terminate()
        subscriber.terminate()
        assert daemon.wait(20) == 0, log.read_text()
        subscriber.wait(20)
    assert "finds printed marks only" not in log.read_text()
