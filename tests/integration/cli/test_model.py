"""`edged model` as a playbook runs it: each verb, its JSON and its exit code, with a daemon, without one, and without permission."""

import fcntl
import itertools
import json
import os
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

from edged.disk_thread import InlineDiskQueue
from edged.updates.bundle.manifest import Probation
from edged.updates.rules.ledger import Deployment, DeploymentRecord, DeploymentRequest
from edged.updates.service.control_messages import ControlResponse, ModelStatus, StatusRequest
from edged.updates.service.control_server import ControlServer
from edged.updates.service.control_socket import (
    SOCKET_NAME,
    ControlClient,
    PendingControlRequest,
)
from edged.updates.store.lock import StoreLock
from support.broker import Broker, free_port, running_broker
from support.bundles import SigningKeys, make_bundle
from support.daemon import DaemonProcess
from support.loop_thread import LoopThread
from support.mqtt_recorder import Body, MqttRecorder
from support.sampling import seeded_random
from support.update_device import (
    MINIMAL_TRIAL,
    QUICK_TRIAL,
    UpdateDevice,
    bundle_digest,
    make_config,
    run_edged,
    running_device,
)
from support.waiting import wait_for

DONE, COULD_NOT, USAGE, ROLLED_BACK, REJECTED, UNDER_WAY = range(6)
NOBODY_UID = 65_534
LONG_TRIAL = replace(QUICK_TRIAL, min_s=600.0, max_s=3600.0)
SIMULATED = 'runtime = "simulated"'


@dataclass(frozen=True)
class CommandResult:
    """The result of a command."""

    exit_code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self.out)
        return answer


def run_model_command(
    config: Path, verb: str, *arguments: str | Path, **options: Any
) -> CommandResult:
    """`edged model VERB --json`."""
    done = run_edged("model", verb, "-c", config, "--json", *arguments, **options)
    return CommandResult(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def camera(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UpdateDevice]:
    """A device whose daemon runs."""
    folder = tmp_path_factory.mktemp("device")
    with running_device(folder, model=SIMULATED) as running:
        running.recorder.await_event("start")
        yield running


def await_trial(camera: UpdateDevice, id_: str) -> None:
    def begun(body: Body) -> bool:
        candidate = body["candidate"] or {"id": ""}
        return bool(candidate["id"] == id_ and candidate["state"] == "trial")

    camera.await_model_state(begun)


def await_daemon(config: Path) -> None:
    """Wait until the daemon responds."""

    def responds() -> bool:
        result = run_model_command(config, "status")
        return result.exit_code == DONE and bool(result.json["status"]["daemon"])

    wait_for(responds)


# ---- With the daemon --------------------------------------------------------------------------------------------------------


def test_a_good_model_is_installed_waited_for_and_rolled_back(camera: UpdateDevice) -> None:
    config = camera.daemon.config
    bundle = camera.make_simulated_bundle("good", probation=MINIMAL_TRIAL)
    result = run_model_command(config, "install", "--wait", "--timeout", "60", bundle)
    assert result.exit_code == DONE
    answer = result.json
    assert (answer["error"], answer["status"]["daemon"]) == ("", True)
    assert answer["status"]["active_model"] == "good@1"
    past = answer["status"]["past"][-1]
    assert (past["id"], past["outcome"], past["digest"]) == (
        answer["id"],
        "committed",
        bundle_digest(bundle),
    )
    waited = run_model_command(config, "wait", answer["id"])
    assert (waited.exit_code, waited.json["id"]) == (DONE, answer["id"])
    assert run_model_command(config, "wait").json["id"] == answer["id"], "the latest"

    listed = run_model_command(config, "list").json["status"]["versions"]
    assert [(one["role"], one["title"]) for one in listed] == [
        ("current", "good@1"),
        ("factory", "marks"),
    ]
    collected = run_model_command(config, "gc")
    assert (collected.exit_code, collected.json["changed"], collected.json["removed"]) == (DONE, False, [])  # fmt: skip

    back = run_model_command(config, "rollback", "--reason", "not today")
    assert (back.exit_code, back.json["changed"]) == (DONE, True)
    nothing = run_model_command(config, "rollback")
    assert (nothing.exit_code, nothing.json["changed"]) == (COULD_NOT, False)
    assert "no previous model" in nothing.json["error"]
    assert "no previous model" in nothing.err
    for verb in ("status", "list"):
        assert run_model_command(config, verb).exit_code == DONE


def test_a_bad_model_is_rolled_back_then_rejected_and_forced(camera: UpdateDevice) -> None:
    config = camera.daemon.config
    bundle = camera.make_simulated_bundle("bad", probation=LONG_TRIAL, faults={"nan_after": 40})
    rolled_back = run_model_command(config, "install", "--wait", bundle)
    assert rolled_back.exit_code == ROLLED_BACK
    assert "NaN" in rolled_back.json["status"]["past"][-1]["reason"]
    rejected = run_model_command(config, "install", "--wait", bundle)
    assert rejected.exit_code == REJECTED
    assert "failed here before" in rejected.json["status"]["past"][-1]["reason"]
    forced = run_model_command(
        config, "install", "--force", "--wait", "--digest", bundle_digest(bundle), bundle
    )
    assert forced.exit_code == ROLLED_BACK
    other = run_model_command(config, "install", "--wait", "--digest", "0" * 64, bundle)
    assert other.exit_code == REJECTED
    assert "not the requested version" in other.json["status"]["past"][-1]["reason"]


def test_an_unfinished_trial_is_under_way_until_it_is_ended(camera: UpdateDevice) -> None:
    config = camera.daemon.config
    bundle = camera.make_simulated_bundle("slowly", probation=LONG_TRIAL)
    begun = run_model_command(config, "install", bundle)
    assert (begun.exit_code, begun.json["changed"]) == (DONE, True)
    id_ = begun.json["id"]
    busy = run_model_command(config, "install", bundle)
    assert (busy.exit_code, busy.json["changed"], busy.json["id"]) == (COULD_NOT, False, "")
    assert "is being installed" in busy.json["error"]
    waited = run_model_command(config, "wait", id_, "--timeout", "0.5")
    assert waited.exit_code == UNDER_WAY
    assert waited.json["status"]["deployment"]["id"] == id_
    await_trial(camera, id_)
    shown = run_edged("model", "status", "-c", config)
    assert "slowly@1: trial " in shown.stdout
    committed = run_model_command(config, "commit")
    assert (committed.exit_code, committed.json["id"]) == (DONE, id_)
    assert committed.json["status"]["past"][-1]["flagged"]
    assert run_model_command(config, "wait", id_).exit_code == DONE
    again = run_model_command(config, "commit")
    assert (again.exit_code, again.json["error"]) == (COULD_NOT, "no update is in flight")


def test_what_is_called_off_is_rolled_back_for_who_waits(camera: UpdateDevice) -> None:
    config = camera.daemon.config
    begun = run_model_command(
        config, "install", camera.make_simulated_bundle("called-off", probation=LONG_TRIAL)
    )
    waiting = subprocess.Popen(
        [sys.executable, "-m", "edged", "model", "wait", "-c", config, begun.json["id"]],
        stdout=subprocess.PIPE,
        text=True,
    )
    await_trial(camera, begun.json["id"])
    assert run_model_command(config, "rollback", "--reason", "stop it").exit_code == DONE
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
def test_a_wrong_command_line(camera: UpdateDevice, arguments: list[str]) -> None:
    assert run_edged("model", *arguments, "-c", camera.daemon.config).returncode == USAGE


def test_what_is_not_there(camera: UpdateDevice, tmp_path: Path) -> None:
    config = camera.daemon.config
    unknown = run_model_command(config, "wait", "0123456789ab")
    assert (unknown.exit_code, unknown.err) == (COULD_NOT, "edged: no deployment 0123456789ab on record; `edged model status` shows the latest\n")  # fmt: skip
    before = run_model_command(config, "status").json["status"]["past"]
    for source, words in (
        (tmp_path / "missing.edgem", "no such file"),
        (tmp_path, "a folder"),
        ("https://[::1/m.edgem", "IPv6"),
        ("https://h:99999/m.edgem", "port"),
        ("ftp://h/m.edgem", "not supported"),
        ("https://me:hu/sh@h/m.edgem", "login"),
    ):
        refused = run_model_command(config, "install", "--wait", source)
        assert refused.exit_code == COULD_NOT
        assert words in refused.json["error"]
        assert words in refused.err
        assert "hu/sh" not in refused.err + refused.out
    assert run_model_command(config, "status").json["status"]["past"] == before, "the last outcome stays"  # fmt: skip
    assert run_model_command(tmp_path / "missing.toml", "status").exit_code == COULD_NOT


# ---- Junk in the socket -----------------------------------------------------------------------------------------------------


def connect_socket(camera: UpdateDevice) -> socket.socket:
    channel = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    channel.settimeout(20)
    channel.connect(str(camera.state_dir / SOCKET_NAME))
    return channel


def test_junk_in_the_socket_harms_nobody(camera: UpdateDevice) -> None:
    rng = seeded_random("control socket")
    losses = camera.recorder.payloads("/health")[-1]["worker_restarts"]
    for _ in range(50):
        with connect_socket(camera) as channel:
            for _ in range(rng.randrange(3)):
                try:
                    channel.send(rng.randbytes(rng.choice([0, 1, 100, 5_000, 100_000])))
                except BrokenPipeError:
                    break
    assert run_model_command(camera.daemon.config, "status").exit_code == DONE
    camera.recorder.await_message("/detections", after=camera.recorder.position())
    assert camera.recorder.payloads("/health")[-1]["worker_restarts"] == losses


def test_a_silent_client_blocks_no_other(camera: UpdateDevice) -> None:
    with ExitStack() as silent:
        for _ in range(40):
            silent.enter_context(connect_socket(camera))
        began_s = time.monotonic()
        assert camera.send_request(StatusRequest()).status.daemon
        assert time.monotonic() - began_s < 5.0


def test_a_hundred_at_once_are_all_answered(camera: UpdateDevice) -> None:
    answers: list[bool] = []

    def query() -> None:
        answers.append(ControlClient(camera.state_dir).execute(StatusRequest()).status.daemon)

    threads = [threading.Thread(target=query) for _ in range(100)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert answers == [True] * 100


# ---- Without a daemon -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class IdleDevice:
    """A device whose daemon does not run."""

    folder: Path
    port: int
    signing: SigningKeys
    daemon: DaemonProcess

    @property
    def config(self) -> Path:
        return self.daemon.config

    def bundle(self, name: str, probation: Probation = MINIMAL_TRIAL, **changes: Any) -> Path:
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


def make_idle_device(folder: Path) -> IdleDevice:
    port, signing = free_port(), SigningKeys()
    (folder / "trust.json").write_bytes(signing.trust_envelope())
    daemon = DaemonProcess(folder, make_config(folder, port, model=SIMULATED))
    return IdleDevice(folder, port, signing, daemon)


def test_without_a_daemon_an_update_comes_as_far_as_its_self_test(tmp_path: Path) -> None:
    place = make_idle_device(tmp_path)
    assert run_model_command(place.config, "status").json["status"]["daemon"] is False
    begun = run_model_command(place.config, "install", place.bundle("early"))
    assert begun.exit_code == DONE
    answer = begun.json
    assert answer["changed"]
    assert answer["status"]["deployment"]["state"] == "self-tested"
    assert run_model_command(place.config, "wait").exit_code == UNDER_WAY
    assert run_model_command(place.config, "commit").exit_code == COULD_NOT
    with place.daemon:
        await_daemon(place.config)
        waited = run_model_command(place.config, "wait", answer["id"], "--timeout", "60")
    assert waited.exit_code == DONE, waited
    assert waited.json["status"]["past"][-1]["outcome"] == "committed"
    assert run_model_command(place.config, "rollback").exit_code == DONE
    assert run_model_command(place.config, "rollback").exit_code == COULD_NOT


def test_without_a_daemon_a_bad_bundle_is_rejected_and_a_good_one_can_be_called_off(
    tmp_path: Path,
) -> None:
    place = make_idle_device(tmp_path)
    junk = tmp_path / "junk.edgem"
    junk.write_bytes(b"junk" * 500)
    assert run_model_command(place.config, "install", junk).exit_code == REJECTED
    assert (
        run_model_command(place.config, "install", "--wait", place.bundle("waited-for")).exit_code
        == UNDER_WAY
    )
    off = run_model_command(place.config, "rollback")
    assert (off.exit_code, off.json["status"]["past"][-1]["outcome"]) == (DONE, "rejected")
    collected = run_model_command(place.config, "gc")
    assert collected.exit_code == DONE
    assert [one["role"] for one in collected.json["status"]["versions"]] == ["factory"]


def test_a_store_that_another_process_holds_is_left_alone(tmp_path: Path) -> None:
    place = make_idle_device(tmp_path)
    assert run_model_command(place.config, "gc").exit_code == DONE
    with (tmp_path / "state/models/lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        result = run_model_command(place.config, "install", place.bundle("late"))
    assert result.exit_code == COULD_NOT
    assert "is in use by another process" in result.err


def test_a_state_directory_may_have_a_very_long_path(tmp_path: Path) -> None:
    folder = tmp_path.joinpath(*["a" * 200] * 4)
    folder.mkdir(parents=True)
    place = make_idle_device(folder)
    with (
        running_broker(Broker(tmp_path / "broker")) as broker,
        MqttRecorder(broker.port) as recorder,
    ):
        config = make_config(folder, broker.port, model=SIMULATED)
        with DaemonProcess(folder, config) as daemon:
            recorder.await_event("start")
            result = run_model_command(daemon.config, "install", "--wait", place.bundle("far-away"))
    assert result.exit_code == DONE, result


def test_a_configuration_that_takes_no_updates_is_reported(tmp_path: Path) -> None:
    config = tmp_path / "edged.toml"
    config.write_text(
        f'[mqtt]\nhost = "127.0.0.1"\n[camera.a]\nsource = "synthetic"\n[device]\nstate_dir = "{tmp_path}/state"\n'
    )
    result = run_model_command(config, "install", tmp_path / "x.edgem")
    assert result.exit_code == COULD_NOT
    assert "updates.trust" in result.json["error"]


def test_who_waits_is_patient_with_a_daemon_that_is_started_again(tmp_path: Path) -> None:
    place = make_idle_device(tmp_path)
    (tmp_path / "state").mkdir()
    deployment = Deployment(id="d1", request=DeploymentRequest(source="/a.edgem"), state="trial")
    past = DeploymentRecord(
        id="d1", title="a@1", digest="", source="/a.edgem", outcome="rolled-back"
    )
    before = ModelStatus(daemon=True, deployment=deployment)
    after = ModelStatus(daemon=True, past=(past,))
    with StoreLock(tmp_path / "state/models"), LoopThread() as thread:
        requested = threading.Event()
        daemon = serve_status(tmp_path / "state", before, requested, thread)
        waiting = subprocess.Popen(
            [sys.executable, "-m", "edged", "model", "wait", "-c", place.config, "d1"],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert requested.wait(20)
        thread.call(daemon.close)
        time.sleep(1.0)  # the command finds no daemon meanwhile, which nothing shows
        daemon = serve_status(tmp_path / "state", after, requested, thread)
        out, _ = waiting.communicate(timeout=20)
        thread.call(daemon.close)
    assert waiting.returncode == ROLLED_BACK
    assert "a@1 rolled back" in out


def serve_status(
    folder: Path, status: ModelStatus, twice: threading.Event, thread: LoopThread
) -> ControlServer:
    """Answer as a daemon with this status; the event is set at the second request."""
    count = itertools.count(1)

    def answer(item: PendingControlRequest) -> None:
        item.reply(ControlResponse(status=status))
        if next(count) > 1:
            twice.set()

    server = ControlServer(folder, answer, loop=thread.loop, disk=InlineDiskQueue())
    thread.call(server.start)
    return server


# ---- As another user --------------------------------------------------------------------------------------------------------


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """Yield a folder that every user may read."""
    if os.geteuid() != 0:
        pytest.skip("only root can become nobody")
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def run_as_nobody(config: Path, verb: str, *arguments: str | Path) -> CommandResult:
    """Run the command as the user nobody, who may not read this Python: its modules are loaded before."""
    words = ["model", verb, "-c", str(config), "--json", *map(str, arguments)]
    done = subprocess.run(
        [sys.executable, "-c", _AS_NOBODY, *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return CommandResult(done.returncode, done.stdout, done.stderr)


_AS_NOBODY = f"""
import locale, os, pathlib, sys
import edged.cli.model
from edged.cli.main import main
from edged.config.load import load_config
load_config(pathlib.Path(sys.argv[4]))
os.setgroups([])
os.setresgid(*[{NOBODY_UID}] * 3)
os.setresuid(*[{NOBODY_UID}] * 3)
sys.exit(main(sys.argv[1:]))
"""


def test_a_user_without_permission_is_refused(public_folder: Path) -> None:
    with running_device(public_folder, model=SIMULATED) as camera:
        camera.recorder.await_event("start")
        bundle = camera.make_simulated_bundle("not-for-you")
        for verb in (["status"], ["install", bundle], ["rollback"]):
            result = run_as_nobody(camera.daemon.config, *verb)
            assert result.exit_code == COULD_NOT
            assert json.loads(result.out)["error"] in result.err
            assert result.err.startswith("edged: "), result.err
            assert "ermission" in result.err or "only root and its own user" in result.err
        camera.state_dir.chmod(0o777)
        (camera.state_dir / SOCKET_NAME).chmod(0o666)
        (camera.state_dir / "models/lock").chmod(0o644)
        result = run_as_nobody(camera.daemon.config, "rollback")
        assert "it serves only root and its own user" in result.err
        assert camera.send_request(StatusRequest()).status.past == ()


def test_a_state_directory_that_may_not_be_written_is_named(public_folder: Path) -> None:
    place = make_idle_device(public_folder)
    (public_folder / "state").mkdir(mode=0o555)
    for verb in (["status"], ["install", place.bundle("nowhere")]):
        result = run_as_nobody(place.config, *verb)
        assert result.exit_code == COULD_NOT
        assert f"{public_folder}/state" in result.err
        assert "ermission" in result.err
