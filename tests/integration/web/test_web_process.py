"""The web process of a real daemon: it comes with the first request, may die at any time, and costs no frame."""

import os
import signal
import socket
from pathlib import Path

import httpx
import pytest

from support.waiting import wait_for
from support.web_device import CAMERA, WebDevice, running_web_device


def test_nobody_serves_before_the_first_request(tmp_path: Path) -> None:
    device = WebDevice(tmp_path)
    with device.daemon:
        device.daemon.await_log("frames arrive")
        assert device.web_pids() == []
        assert device.get("/healthz").json() == {"ok": True}
        assert device.get("/healthz", url=device.metrics_url).json() == {"ok": True}
        assert len(device.web_pids()) == 1
        code, seconds = device.daemon.stop()
    assert code == 0
    assert seconds < 2.0


def test_a_killed_process_is_replaced_at_the_next_request_and_no_frame_is_lost(
    tmp_path: Path,
) -> None:
    with running_web_device(tmp_path) as device:
        (first,) = device.web_pids()
        before = [pid for pid in device.daemon.worker_pids() if pid != first]
        os.kill(first, signal.SIGKILL)
        device.daemon.await_log("was killed by SIGKILL")
        assert device.get("/healthz").json() == {"ok": True}
        (second,) = device.web_pids()
        assert second != first
        assert [pid for pid in device.daemon.worker_pids() if pid != second] == before
        known = len(device.find_payloads("health"))
        health = wait_for(lambda: device.find_payloads("health")[known:])[0]
        assert health["worker_restarts"] == 0
        assert health["cameras"]["front"]["online"] is True


def test_a_stopped_process_does_not_stop_the_daemon(tmp_path: Path) -> None:
    with running_web_device(tmp_path) as device:
        (first,) = device.web_pids()
        os.kill(first, signal.SIGSTOP)
        size = device.messages.stat().st_size
        wait_for(lambda: device.messages.stat().st_size > size + 10_000)
        code, seconds = device.daemon.stop()
        assert (code, seconds < 2.0) == (0, True)


def test_a_supervisor_that_is_stopped_is_not_healthy(tmp_path: Path) -> None:
    with running_web_device(tmp_path) as device:
        assert device.web_pids()
        device.daemon.send_signal(signal.SIGSTOP)
        response = device.get("/healthz")
        device.daemon.send_signal(signal.SIGCONT)
    assert response.status_code == 503
    assert "is silent for" in response.json()["reasons"][0]


def test_a_camera_that_is_gone_is_the_reason_not_to_be_ready(tmp_path: Path) -> None:
    gone = '[camera.gone]\nsource = "v4l2"\ndevice = "/dev/video-none"\n'
    device = WebDevice(tmp_path, CAMERA + gone)
    with device.daemon:
        device.daemon.await_log("frames arrive")
        response = wait_for(lambda: find_refusal(device, "camera.gone: "))
    assert response is not None
    assert response.status_code == 503


def find_refusal(device: WebDevice, reason: str) -> httpx.Response | None:
    """Return the answer of /readyz if it gives a reason that begins so."""
    response = device.get("/readyz")
    is_there = any(one.startswith(reason) for one in response.json()["reasons"])
    return response if is_there else None


def test_an_address_in_use_is_a_condition_and_the_daemon_goes_on(tmp_path: Path) -> None:
    device = WebDevice(tmp_path)
    with socket.socket() as other:
        other.bind(("127.0.0.1", device.page_port))
        other.listen()
        with device.daemon:
            device.daemon.await_log("another program uses it")
            device.daemon.await_log("frames arrive")
            response = device.get("/readyz", url=device.metrics_url)
    reasons = response.json()["reasons"]
    assert response.status_code == 503
    assert any(
        reason.startswith(f"web: [page] listen = 127.0.0.1:{device.page_port}")
        for reason in reasons
    )


def test_a_process_that_cannot_start_is_a_condition_and_the_daemon_goes_on(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "uvicorn.py").write_text('raise ImportError("not installed")\n')
    path = os.pathsep.join([str(broken), os.environ.get("PYTHONPATH", "")])
    device = WebDevice(tmp_path, env={"PYTHONPATH": path})
    with device.daemon:
        device.daemon.await_log("frames arrive")
        with pytest.raises(httpx.TransportError):
            httpx.get(f"{device.page_url}/healthz", timeout=1.0)
        wait_for(lambda: "web" in names_of_conditions(device), state=lambda: device.daemon.log_text)
        assert "not installed" in device.daemon.log_text


def names_of_conditions(device: WebDevice) -> list[str]:
    """Return the names of the conditions in the last health."""
    health = device.find_payloads("health")
    return [one["name"] for one in health[-1]["degradations"]] if health else []


@pytest.mark.parametrize("path", ["/none", "/../etc/passwd", "/%2e%2e/", "/static/../main.py"])
def test_an_unknown_path_is_not_found(tmp_path: Path, path: str) -> None:
    with running_web_device(tmp_path) as device:
        assert device.get(path).status_code == 404
