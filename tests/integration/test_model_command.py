"""`edged model` as a playbook gives it: each verb, its JSON and its exit code, with a daemon, without one, and where neither can be had."""

import fcntl
import itertools
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from edged.updates.bundle.manifest import Probation
from edged.updates.rules.ledger import Deployment, Past, Request
from edged.updates.service.control_messages import Answer, ModelStatus, Status
from edged.updates.service.control_socket import NAME, Asked, ControlClient, ControlServer
from edged.updates.store.lock import StoreLock
from support.broker import Broker, free_port, running
from support.bundles import Signing, make_bundle
from support.daemon import Daemon
from support.updating import BRIEF, QUICK, Device, configuration, device, digest_of, edged
from support.witness import Body, Witness

DONE, COULD_NOT, USAGE, ROLLED_BACK, REJECTED, UNDER_WAY = range(6)
NOBODY = 65_534
SEED = int(os.environ.get("EDGED_TEST_SEED") or random.randrange(1 << 32))
LONG = replace(QUICK, min_s=600.0, most_s=3600.0)
SIMULATED = 'runtime = "simulated"'


@dataclass(frozen=True)
class Said:
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self.out)
        return answer


def model(config: Path, verb: str, *arguments: str | Path, **options: Any) -> Said:
    """`edged model VERB --json`."""
    done = edged("model", verb, "-c", config, "--json", *arguments, **options)
    return Said(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def camera(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Device]:
    """A device whose daemon runs."""
    folder = tmp_path_factory.mktemp("device")
    with device(folder, model=SIMULATED) as running:
        running.witness.await_event("start")
        yield running


def await_trial(camera: Device, id_: str) -> None:
    def begun(body: Body) -> bool:
        candidate = body["candidate"] or {"id": ""}
        return bool(candidate["id"] == id_ and candidate["state"] == "trial")

    camera.model(begun)


def until_it_answers(config: Path) -> None:
    """The daemon."""
    end_s = time.monotonic() + 20
    while True:
        said = model(config, "status")
        if said.code == DONE and said.json["status"]["daemon"]:
            return
        assert time.monotonic() < end_s, said
        time.sleep(0.1)


# ---- With the daemon --------------------------------------------------------------------------------------------------------


def test_a_good_model_is_installed_waited_for_and_rolled_back(camera: Device) -> None:
    config = camera.daemon.config
    bundle = camera.make_believe("good", probation=BRIEF)
    said = model(config, "install", "--wait", "--timeout", "60", bundle)
    assert said.code == DONE
    answer = said.json
    assert (answer["error"], answer["status"]["daemon"]) == ("", True)
    assert answer["status"]["looking"] == "good@1"
    past = answer["status"]["past"][-1]
    assert (past["id"], past["outcome"], past["digest"]) == (
        answer["id"],
        "committed",
        digest_of(bundle),
    )
    waited = model(config, "wait", answer["id"])
    assert (waited.code, waited.json["id"]) == (DONE, answer["id"])
    assert model(config, "wait").json["id"] == answer["id"], "the latest"

    listed = model(config, "list").json["status"]["versions"]
    assert [(one["role"], one["title"]) for one in listed] == [
        ("current", "good@1"),
        ("factory", "marks"),
    ]
    collected = model(config, "gc")
    assert (collected.code, collected.json["changed"], collected.json["removed"]) == (DONE, False, [])  # fmt: skip

    back = model(config, "rollback", "--reason", "not today")
    assert (back.code, back.json["changed"]) == (DONE, True)
    nothing = model(config, "rollback")
    assert (nothing.code, nothing.json["changed"]) == (COULD_NOT, False)
    assert "nothing to go back to" in nothing.json["error"]
    assert "nothing to go back to" in nothing.err
    for verb in ("status", "list"):
        assert model(config, verb).code == DONE


def test_a_bad_model_is_rolled_back_then_rejected_and_forced(camera: Device) -> None:
    config = camera.daemon.config
    bundle = camera.make_believe("bad", probation=LONG, faults={"nan_after": 40})
    rolled_back = model(config, "install", "--wait", bundle)
    assert rolled_back.code == ROLLED_BACK
    assert "not numbers" in rolled_back.json["status"]["past"][-1]["reason"]
    rejected = model(config, "install", "--wait", bundle)
    assert rejected.code == REJECTED
    assert "failed here before" in rejected.json["status"]["past"][-1]["reason"]
    forced = model(config, "install", "--force", "--wait", "--digest", digest_of(bundle), bundle)
    assert forced.code == ROLLED_BACK
    other = model(config, "install", "--wait", "--digest", "0" * 64, bundle)
    assert other.code == REJECTED
    assert "not the one that was asked for" in other.json["status"]["past"][-1]["reason"]


def test_an_unfinished_trial_is_under_way_until_somebody_ends_it(camera: Device) -> None:
    config = camera.daemon.config
    bundle = camera.make_believe("slowly", probation=LONG)
    begun = model(config, "install", bundle)
    assert (begun.code, begun.json["changed"]) == (DONE, True)
    id_ = begun.json["id"]
    busy = model(config, "install", bundle)
    assert (busy.code, busy.json["changed"], busy.json["id"]) == (COULD_NOT, False, "")
    assert "is on its way in" in busy.json["error"]
    waited = model(config, "wait", id_, "--timeout", "0.5")
    assert waited.code == UNDER_WAY
    assert waited.json["status"]["deployment"]["id"] == id_
    await_trial(camera, id_)
    shown = edged("model", "status", "-c", config)
    assert "slowly@1: trial " in shown.stdout
    committed = model(config, "commit")
    assert (committed.code, committed.json["id"]) == (DONE, id_)
    assert committed.json["status"]["past"][-1]["flagged"]
    assert model(config, "wait", id_).code == DONE
    again = model(config, "commit")
    assert (again.code, again.json["error"]) == (COULD_NOT, "no update is in flight")


def test_what_is_called_off_is_rolled_back_for_who_waits(camera: Device) -> None:
    config = camera.daemon.config
    begun = model(config, "install", camera.make_believe("called-off", probation=LONG))
    waiting = subprocess.Popen(
        [sys.executable, "-m", "edged", "model", "wait", "-c", config, begun.json["id"]],
        stdout=subprocess.PIPE,
        text=True,
    )
    await_trial(camera, begun.json["id"])
    assert model(config, "rollback", "--reason", "stop it").code == DONE
    out, _ = waiting.communicate(timeout=20)
    assert waiting.returncode == ROLLED_BACK
    assert "called-off@1 rolled back: stop it" in out


@pytest.mark.parametrize(
    "arguments",
    [
        ["install"],
        ["sideways"],
        ["wait", "--timeout", "-1"],
        ["install", "--wait", "--timeout", "soon", "x.edgem"],
        [],
    ],
)
def test_a_wrong_command_line(camera: Device, arguments: list[str]) -> None:
    assert edged("model", *arguments, "-c", camera.daemon.config).returncode == USAGE


def test_what_is_not_there(camera: Device, tmp_path: Path) -> None:
    config = camera.daemon.config
    unknown = model(config, "wait", "0123456789ab")
    assert (unknown.code, unknown.err) == (COULD_NOT, "edged: there is no deployment 0123456789ab here\n")  # fmt: skip
    missing = model(config, "install", "--wait", tmp_path / "missing.edgem")
    assert missing.code == REJECTED
    assert "No such file" in missing.json["status"]["past"][-1]["reason"]
    assert model(tmp_path / "missing.toml", "status").code == COULD_NOT


# ---- Junk in the socket -----------------------------------------------------------------------------------------------------


def connected(camera: Device) -> socket.socket:
    channel = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    channel.settimeout(20)
    channel.connect(str(camera.state / NAME))
    return channel


def test_junk_in_the_socket_harms_nobody(camera: Device) -> None:
    print(f"seed {SEED}")
    chance = random.Random(SEED)
    losses = camera.witness.payloads("/health")[-1]["worker_restarts"]
    for _ in range(50):
        with connected(camera) as channel:
            for _ in range(chance.randrange(3)):
                try:
                    channel.send(chance.randbytes(chance.choice([0, 1, 100, 5_000, 100_000])))
                except BrokenPipeError:
                    break
    assert model(camera.daemon.config, "status").code == DONE
    camera.witness.await_one("/detections", after=camera.witness.now())
    assert camera.witness.payloads("/health")[-1]["worker_restarts"] == losses


def test_who_says_nothing_keeps_nobody_waiting(camera: Device) -> None:
    with ExitStack() as silent:
        for _ in range(40):
            silent.enter_context(connected(camera))
        began_s = time.monotonic()
        assert camera.ask(Status()).status.daemon
        assert time.monotonic() - began_s < 5.0


def test_a_hundred_at_once_are_all_answered(camera: Device) -> None:
    answers: list[bool] = []

    def ask() -> None:
        answers.append(ControlClient(camera.state).ask(Status()).status.daemon)

    asking = [threading.Thread(target=ask) for _ in range(100)]
    for one in asking:
        one.start()
    for one in asking:
        one.join()
    assert answers == [True] * 100


# ---- Without a daemon -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Idle:
    """A device whose daemon does not run."""

    folder: Path
    port: int
    signing: Signing
    daemon: Daemon

    @property
    def config(self) -> Path:
        return self.daemon.config

    def bundle(self, name: str, probation: Probation = BRIEF, **changes: Any) -> Path:
        file = self.folder / f"{name}.tflite"
        file.write_text(json.dumps({"name": name}))
        return make_bundle(
            self.folder,
            self.signing,
            name=name,
            model=file,
            runtime="simulated",
            probation=probation,
            **changes,
        )


def idle(folder: Path) -> Idle:
    port, signing = free_port(), Signing()
    (folder / "trust.json").write_bytes(signing.trust_envelope())
    daemon = Daemon(folder, configuration(folder, port, model=SIMULATED))
    return Idle(folder, port, signing, daemon)


def test_without_a_daemon_an_update_comes_as_far_as_its_self_test(tmp_path: Path) -> None:
    place = idle(tmp_path)
    assert model(place.config, "status").json["status"]["daemon"] is False
    begun = model(place.config, "install", place.bundle("early"))
    assert begun.code == DONE
    answer = begun.json
    assert answer["changed"]
    assert answer["status"]["deployment"]["state"] == "self-tested"
    assert model(place.config, "wait").code == UNDER_WAY
    assert model(place.config, "commit").code == COULD_NOT
    with place.daemon:
        until_it_answers(place.config)
        waited = model(place.config, "wait", answer["id"], "--timeout", "60")
    assert waited.code == DONE, waited
    assert waited.json["status"]["past"][-1]["outcome"] == "committed"
    assert model(place.config, "rollback").code == DONE
    assert model(place.config, "rollback").code == COULD_NOT


def test_without_a_daemon_a_bad_bundle_is_rejected_and_a_good_one_can_be_called_off(
    tmp_path: Path,
) -> None:
    place = idle(tmp_path)
    junk = tmp_path / "junk.edgem"
    junk.write_bytes(b"junk" * 500)
    assert model(place.config, "install", junk).code == REJECTED
    assert model(place.config, "install", "--wait", place.bundle("waited-for")).code == UNDER_WAY
    off = model(place.config, "rollback")
    assert (off.code, off.json["status"]["past"][-1]["outcome"]) == (DONE, "rejected")
    collected = model(place.config, "gc")
    assert collected.code == DONE
    assert [one["role"] for one in collected.json["status"]["versions"]] == ["factory"]


def test_a_store_that_another_process_holds_is_left_alone(tmp_path: Path) -> None:
    place = idle(tmp_path)
    assert model(place.config, "gc").code == DONE
    with (tmp_path / "state/models/lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        said = model(place.config, "install", place.bundle("late"))
    assert said.code == COULD_NOT
    assert "is in use by another process" in said.err


def test_a_state_directory_may_have_a_very_long_path(tmp_path: Path) -> None:
    folder = tmp_path.joinpath(*["a" * 200] * 4)
    folder.mkdir(parents=True)
    place = idle(folder)
    with running(Broker(tmp_path / "broker")) as broker, Witness(broker.port) as witness:
        config = configuration(folder, broker.port, model=SIMULATED)
        with Daemon(folder, config) as daemon:
            witness.await_event("start")
            said = model(daemon.config, "install", "--wait", place.bundle("far-away"))
    assert said.code == DONE, said


def test_a_configuration_that_takes_no_updates_says_so(tmp_path: Path) -> None:
    config = tmp_path / "edged.toml"
    config.write_text(
        f'[mqtt]\nhost = "127.0.0.1"\n[camera.a]\nsource = "synthetic"\n[device]\nstate_dir = "{tmp_path}/state"\n'
    )
    said = model(config, "install", tmp_path / "x.edgem")
    assert said.code == COULD_NOT
    assert "updates.trust" in said.json["error"]


def test_who_waits_is_patient_with_a_daemon_that_is_started_again(tmp_path: Path) -> None:
    place = idle(tmp_path)
    (tmp_path / "state").mkdir()
    deployment = Deployment(id="d1", request=Request(source="/a.edgem"), state="trial")
    past = Past(id="d1", title="a@1", digest="", source="/a.edgem", outcome="rolled-back")
    before = ModelStatus(daemon=True, deployment=deployment)
    after = ModelStatus(daemon=True, past=(past,))
    with StoreLock(tmp_path / "state/models"):
        asked = threading.Event()
        daemon = answering(tmp_path / "state", before, asked)
        waiting = subprocess.Popen(
            [sys.executable, "-m", "edged", "model", "wait", "-c", place.config, "d1"],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert asked.wait(20)
        daemon.close()
        time.sleep(1.0)
        daemon = answering(tmp_path / "state", after, asked)
        out, _ = waiting.communicate(timeout=20)
        daemon.close()
    assert waiting.returncode == ROLLED_BACK
    assert "a@1 rolled back" in out


def answering(folder: Path, status: ModelStatus, twice: threading.Event) -> ControlServer:
    """What a daemon would say; the event is set when it was asked a second time."""
    count = itertools.count(1)

    def answer(item: Asked) -> None:
        item.answer(Answer(status=status))
        if next(count) > 1:
            twice.set()

    return ControlServer(folder, answer)


# ---- As somebody else -------------------------------------------------------------------------------------------------------


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that everybody may look into."""
    if os.geteuid() != 0:
        pytest.skip("only root can become nobody")
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def as_nobody(config: Path, verb: str, *arguments: str | Path) -> Said:
    """The command, its modules loaded before: nobody may not read where this Python is."""
    words = ["model", verb, "-c", str(config), "--json", *map(str, arguments)]
    done = subprocess.run(
        [sys.executable, "-c", _AS_NOBODY, *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return Said(done.returncode, done.stdout, done.stderr)


_AS_NOBODY = f"""
import locale, os, pathlib, sys
import edged.cli.model
from edged.cli.main import main
from edged.config.load import load
load(pathlib.Path(sys.argv[4]))
os.setgroups([])
os.setresgid(*[{NOBODY}] * 3)
os.setresuid(*[{NOBODY}] * 3)
sys.exit(main(sys.argv[1:]))
"""


def test_who_may_not_ask_is_told_so(public: Path) -> None:
    with device(public, model=SIMULATED) as camera:
        camera.witness.await_event("start")
        bundle = camera.make_believe("not-for-you")
        for verb in (["status"], ["install", bundle], ["rollback"]):
            said = as_nobody(camera.daemon.config, *verb)
            assert said.code == COULD_NOT
            assert said.out == ""
            assert said.err.startswith("edged: "), said.err
            assert "ermission" in said.err or "only root and its own user" in said.err
        camera.state.chmod(0o777)
        (camera.state / NAME).chmod(0o666)
        (camera.state / "models/lock").chmod(0o644)
        said = as_nobody(camera.daemon.config, "rollback")
        assert "only root and its own user may ask" in said.err
        assert camera.ask(Status()).status.past == ()


def test_a_state_directory_that_may_not_be_written_is_named(public: Path) -> None:
    place = idle(public)
    (public / "state").mkdir(mode=0o555)
    for verb in (["status"], ["install", place.bundle("nowhere")]):
        said = as_nobody(place.config, *verb)
        assert (said.code, said.out) == (COULD_NOT, "")
        assert f"{public}/state" in said.err
        assert "ermission" in said.err
