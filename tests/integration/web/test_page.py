"""What the page's scripts ask of a real daemon: settings that are saved and in force, refusals that say why, and the login."""

import json
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.certificates import Authority
from support.waiting import wait_for
from support.web_device import CAMERA, WebDevice, running_web_device

TRIANGLE = [[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]]
TOKEN = "0123456789abcdef0123456789abcdef"  # noqa: S105 (made up)


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebDevice]:
    with running_web_device(tmp_path_factory.mktemp("device")) as device:
        yield device


def settings(device: WebDevice) -> dict[str, Any]:
    described: dict[str, Any] = device.get("/api/settings").json()
    return described


def save(device: WebDevice, camera: str = "front", **fields: Any) -> httpx.Response:
    edit = {"version": settings(device)["version"], "zone": {}, "mask": {}, **fields}
    return put(device, json.dumps(edit), camera)


def put(device: WebDevice, body: str, camera: str = "front") -> httpx.Response:
    return httpx.put(
        f"{device.page_url}/api/cameras/{camera}/settings",
        content=body,
        headers={"content-type": "application/json"},
        timeout=20.0,
    )


def state(device: WebDevice) -> dict[str, Any]:
    return device.find_payloads("camera/front/state")[-1]


def test_a_zone_that_is_saved_is_in_force(device: WebDevice) -> None:
    response = save(device, zone={"door": {"points": TRIANGLE}})
    assert response.json() == {"saved": True, "in_force": True, "note": ""}
    wait_for(lambda: "door" in state(device)["zones"])
    assert settings(device)["cameras"]["front"]["zone"]["door"]["points"] == TRIANGLE
    assert save(device, zone={"door": {"points": TRIANGLE}}).json()["saved"] is False
    assert save(device).json() == {"saved": True, "in_force": True, "note": ""}
    wait_for(lambda: "door" not in state(device)["zones"])


def test_a_threshold_that_was_tried_gives_way_to_the_saved_one(device: WebDevice) -> None:
    url = f"{device.page_url}/api/commands/threshold"
    tried = httpx.post(url, json={"camera": "front", "score": 0.99}, timeout=20.0)
    assert tried.json()["ok"] is True
    assert save(device, threshold=0.31).json()["in_force"] is True
    assert settings(device)["cameras"]["front"]["threshold"] == 0.31


@pytest.mark.parametrize(
    "body",
    [
        "",
        "null",
        "[]",
        "{",
        "{}",
        '{"version": 1, "zone": {}, "mask": {}}',
        '{"version": "x", "zone": {"../x": {"points": []}}, "mask": {}}',
        '{"version": "x", "zone": {"a": {"points": [[0, 2], [0, 0], [1, 1]]}}, "mask": {}}',
        '{"version": "x", "zone": {}, "mask": {}, "model": {"path": "/etc/passwd"}}',
        '{"version": "x", "zone": {}, "mask": {}, "gate": "sometimes"}',
        '{"version": "x", "zone": {}, "mask": {}, "threshold": 7}',
        '{"version": "x", "zone": {}, "mask": {}, "threshold": NaN}',
        "[" * 50_000,
        '{"version": "' + "x" * 200_000 + '"}',
    ],
)
def test_a_wrong_form_is_refused_and_nothing_is_written(device: WebDevice, body: str) -> None:
    before = settings(device)
    response = put(device, body)
    assert response.status_code == 422, response.text
    assert response.json()["error"].startswith("not valid: ")
    assert settings(device) == before


def test_an_invalid_configuration_is_refused_with_file_and_line(device: WebDevice) -> None:
    before = settings(device)
    crossed = [[0, 0], [1, 1], [1, 0], [0, 1]]
    response = save(device, zone={"door": {"points": crossed}})
    assert response.status_code == 422
    assert "90-page.toml:" in response.json()["problems"][0]
    assert "camera.front.zone.door" in response.json()["problems"][0]
    assert save(device, camera="none").status_code == 422
    assert settings(device) == before


def test_a_version_that_is_gone_is_refused(device: WebDevice) -> None:
    response = put(device, '{"version": "0123", "zone": {}, "mask": {}}')
    assert response.status_code == 409
    assert "load them again" in response.json()["error"]


@pytest.mark.parametrize("verb", ["restart", "model.rollback", "selftest", "none", "../x"])
def test_the_page_gives_no_other_commands(device: WebDevice, verb: str) -> None:
    response = httpx.post(f"{device.page_url}/api/commands/{verb}", json={}, timeout=20.0)
    assert response.status_code == 404


def test_a_command_that_fails_says_why(device: WebDevice) -> None:
    url = f"{device.page_url}/api/commands/threshold"
    for args in ({}, {"camera": "none", "score": 0.5}, {"camera": "front", "score": 7}):
        response = httpx.post(url, json=args, timeout=20.0)
        assert response.status_code == 422
        assert response.json()["error"]
    assert httpx.post(url, content=b"x", timeout=20.0).status_code == 422


def test_a_picture_under_never_is_refused_in_words(device: WebDevice) -> None:
    response = device.get("/api/cameras/front/picture")
    assert response.status_code == 409
    assert response.json()["error"]
    assert device.get("/api/cameras/front/picture?width=7").status_code == 422


def test_the_stream_begins_with_all_that_is_known(device: WebDevice) -> None:
    topics = set()
    with httpx.stream("GET", f"{device.page_url}/api/stream", timeout=20.0) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        for line in response.iter_lines():
            if line.startswith("data: "):
                topics.add(json.loads(line.removeprefix("data: "))["topic"])
            if {"status", "health", "info", "model", "camera/front/state", "log"} <= topics:
                break


def test_a_page_that_may_not_edit_refuses(tmp_path: Path) -> None:
    with running_web_device(tmp_path, page="can_edit = false") as device:
        assert settings(device)["can_edit"] is False
        assert save(device, threshold=0.2).status_code == 403
        url = f"{device.page_url}/api/commands/reload"
        assert httpx.post(url, json={}, timeout=20.0).status_code == 403


def test_a_token_opens_the_page_over_tls(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    issued = authority.issue("device", "127.0.0.1")
    context = ssl.create_default_context(cafile=authority.ca)
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    page = f'token_file = "token"\ntls_certificate = "{issued.cert}"\ntls_key = "{issued.key}"\n'
    with (
        running_web_device(tmp_path, page=page) as device,
        httpx.Client(base_url=device.page_url, verify=context, timeout=20.0) as client,
    ):
        assert client.get("/").headers["location"] == "/login"
        assert client.get("/api/settings").status_code == 401
        assert client.get("/healthz").status_code == 200
        assert client.post("/login", json={"token": "wrong"}).status_code == 401
        assert client.post("/login", content=b"{").status_code == 422
        response = client.post("/login", json={"token": TOKEN})
        assert response.status_code == 200
        cookie = response.headers["set-cookie"]
        assert all(word in cookie for word in ("HttpOnly", "SameSite=strict", "Secure"))
        assert client.get("/api/settings").status_code == 200
        assert TOKEN not in device.daemon.log_text
        assert client.post("/logout").status_code == 200
        assert client.get("/api/settings").status_code == 401


def test_a_token_file_that_is_gone_is_a_condition_and_the_metrics_go_on(tmp_path: Path) -> None:
    device = WebDevice(tmp_path, CAMERA, page='token_file = "gone"')
    with device.daemon:
        device.daemon.await_log("frames arrive")
        fault = wait_for(lambda: find_fault(device))
    assert "page.token_file" in str(fault)
    assert "cannot be read" in str(fault)


def find_fault(device: WebDevice) -> str | None:
    """Return the reason of /readyz that is about the page."""
    reasons = device.get("/readyz", url=device.metrics_url).json()["reasons"]
    return next((one for one in reasons if one.startswith("web: ")), None)


def test_a_live_picture_is_a_jpeg_that_browsers_share(tmp_path: Path) -> None:
    with running_web_device(tmp_path, CAMERA + '[images]\npolicy = "on_request"\n') as device:
        picture = wait_for(lambda: find_picture(device))
        assert picture is not None
        assert picture.startswith(b"\xff\xd8")
        assert picture.endswith(b"\xff\xd9")
        assert device.get("/api/cameras/none/picture").status_code == 409
        assert device.get("/api/events/none/picture").status_code == 409


def find_picture(device: WebDevice) -> bytes | None:
    """Return a live picture; None while there is none."""
    response = device.get("/api/cameras/front/picture?boxes=0&width=1280")
    return response.content if response.status_code == 200 else None
