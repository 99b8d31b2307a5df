"""The local socket, for real, without a daemon behind it."""

import os
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from queue import SimpleQueue

import pytest

from edged.disk_thread import InlineDiskQueue
from edged.errors import UpdateError
from edged.updates.rules.ledger import DeploymentRequest
from edged.updates.service.control_messages import (
    ControlResponse,
    InstallRequest,
    ModelStatus,
    RollbackRequest,
    StatusRequest,
    pack,
    unpack_request,
)
from edged.updates.service.control_server import MAX_CONNECTIONS, ControlServer
from edged.updates.service.control_socket import (
    SOCKET_NAME,
    ControlClient,
    PendingControlRequest,
)
from support.loop_thread import LoopThread


@pytest.fixture
def thread() -> Iterator[LoopThread]:
    with LoopThread() as thread:
        yield thread


def serve_status(
    folder: Path, thread: LoopThread
) -> tuple[ControlServer, SimpleQueue[PendingControlRequest]]:
    requests: SimpleQueue[PendingControlRequest] = SimpleQueue()

    def answer(item: PendingControlRequest) -> None:
        requests.put(item)
        item.reply(ControlResponse(status=ModelStatus(daemon=True, active_model="marks@1")))

    server = ControlServer(folder, answer, loop=thread.loop, disk=InlineDiskQueue())
    thread.call(server.start)
    return server, requests


def test_a_question_is_answered(tmp_path: Path, thread: LoopThread) -> None:
    server, requests = serve_status(tmp_path, thread)
    answer = ControlClient(tmp_path).execute(RollbackRequest(reason="not today"))
    assert answer.status.active_model == "marks@1"
    assert requests.get().request == RollbackRequest(reason="not today")
    thread.call(server.close)
    assert not (tmp_path / SOCKET_NAME).exists()


def test_a_folder_may_have_a_long_name(tmp_path: Path, thread: LoopThread) -> None:
    folder = tmp_path / ("a" * 120)
    folder.mkdir()
    server, _ = serve_status(folder, thread)
    assert ControlClient(folder).execute(StatusRequest()).status.daemon
    thread.call(server.close)


def test_a_socket_that_a_killed_daemon_left_is_replaced(tmp_path: Path, thread: LoopThread) -> None:
    old, _ = serve_status(tmp_path, thread)
    new, _ = serve_status(tmp_path, thread)
    assert ControlClient(tmp_path).execute(StatusRequest()).status.daemon
    thread.call(new.close)
    thread.call(old.close)


def test_only_the_owner_may_use_it(tmp_path: Path, thread: LoopThread) -> None:
    server, _ = serve_status(tmp_path, thread)
    assert (tmp_path / SOCKET_NAME).stat().st_mode & 0o777 == 0o600
    thread.call(server.close)


def test_an_absent_daemon_is_reported(tmp_path: Path) -> None:
    with pytest.raises(UpdateError, match="does not respond"):
        ControlClient(tmp_path).execute(StatusRequest())


@pytest.mark.parametrize("junk", [b"", b"{}", b"[" * 5000, os.urandom(200)])
def test_junk_is_not_answered_and_harms_nobody(
    tmp_path: Path, thread: LoopThread, junk: bytes
) -> None:
    server, _ = serve_status(tmp_path, thread)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as channel:
        channel.connect(str(tmp_path / SOCKET_NAME))
        channel.send(junk)
        assert channel.recv(10) == b""
    assert ControlClient(tmp_path).execute(StatusRequest()).status.daemon
    thread.call(server.close)


def test_a_disk_without_sockets_leaves_the_daemon_without_one(
    tmp_path: Path, thread: LoopThread
) -> None:
    server, _ = serve_status(tmp_path / "missing", thread)
    thread.call(server.close)


def test_questions_cross_unchanged() -> None:
    assert unpack_request(pack(RollbackRequest(reason="x"))) == RollbackRequest(reason="x")


def test_a_request_for_a_file_that_is_not_there_is_refused_and_begins_nothing(
    tmp_path: Path, thread: LoopThread
) -> None:
    server, requests = serve_status(tmp_path, thread)
    for source, words in (
        (tmp_path / "gone.edgem", "no such file"),
        (tmp_path, "a folder"),
        ("relative.edgem", "absolute"),
        ("/a\0b", "NUL"),
        ("ftp://h/m", "not supported"),
    ):
        request = InstallRequest(request=DeploymentRequest(source=str(source)))
        response = ControlClient(tmp_path).execute(request)
        assert words in response.error
        assert response.status.daemon, "with the status, as every response"
    assert {type(requests.get().request) for _ in range(requests.qsize())} == {StatusRequest}
    thread.call(server.close)


def test_clients_that_send_nothing_make_nobody_wait_and_are_few(
    tmp_path: Path, thread: LoopThread
) -> None:
    server, _ = serve_status(tmp_path, thread)
    with ExitStack() as stack:
        silent = [
            stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET))
            for _ in range(2 * MAX_CONNECTIONS)
        ]
        for channel in silent[: MAX_CONNECTIONS - 1]:
            channel.connect(str(tmp_path / SOCKET_NAME))
        assert ControlClient(tmp_path).execute(StatusRequest()).status.daemon, "one place is left"
        for channel in silent[MAX_CONNECTIONS - 1 :]:
            channel.connect(str(tmp_path / SOCKET_NAME))
        assert thread.call(lambda: len(server._connections)) <= MAX_CONNECTIONS
        began_s = time.monotonic()
        assert ControlClient(tmp_path).execute(StatusRequest()).status.daemon
        assert time.monotonic() - began_s < 20, "each silent client is refused after 2 s"
        assert silent[0].recv(10) == b"", "without a response"
    thread.call(server.close)


def test_a_server_that_is_closed_leaves_no_connection_open(
    tmp_path: Path, thread: LoopThread
) -> None:
    server, _ = serve_status(tmp_path, thread)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as channel:
        channel.connect(str(tmp_path / SOCKET_NAME))
        assert ControlClient(tmp_path).execute(StatusRequest()).status.daemon
        thread.call(server.close)
        assert channel.recv(10) == b""
