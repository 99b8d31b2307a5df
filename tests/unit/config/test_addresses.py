"""Addresses in the configuration: what `edged check` refuses, and what it says to write instead."""

import json
import re
from pathlib import Path

import pytest
from msgspec import Meta

from edged.config.addresses import RULE_KEY
from edged.config.load import load_config
from edged.config.problems import InvalidConfigError
from edged.config.value_rules import iter_parts
from support.settings_walk import iter_settings

CAMERA = '[camera.a]\nsource = "synthetic"\n'
MQTT = '[mqtt]\nhost = "broker"\n'


def problems_of(tmp_path: Path, text: str) -> list[str]:
    config = tmp_path / "edged.toml"
    config.write_text(text)
    try:
        load_config(config)
    except InvalidConfigError as error:
        return [f"{problem.key}: {problem.message}; {problem.hint}" for problem in error.problems]
    return []


@pytest.mark.parametrize(
    "host",
    ["broker", "broker.lan.", "my_broker-2", "192.0.2.7", "::1", "fe80::1%eth0", "bücher.example"],
)
def test_hosts_that_can_be_used(tmp_path: Path, host: str) -> None:
    assert problems_of(tmp_path, f"[mqtt]\nhost = {json.dumps(host)}\n{CAMERA}") == []


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("mqtt://broker", 'a URL, but .*write host = "broker"$'),
        ("mqtt://broker:1884", 'write host = "broker" and port = 1884$'),
        ("mqtts://[2001:db8::1]:8883/x", 'write host = "2001:db8::1" and port = 8883, and add'),
        ("tcp://broker:99999", "write the host alone"),
        ("mqtt://me:hush@broker", "username and password_file"),
        ("me:hush@broker", "username and password_file"),
        ("me:hu/sh@broker", "username and password_file"),
        ("127.0.0.1:1883", 'contains a port; write host = "127.0.0.1" and port = 1883'),
        ("[::1]:1883", 'write host = "::1" and port = 1883'),
        ("[::1]", 'without brackets here; write host = "::1"'),
        ("broker:", "begins no port"),
        ("broker:hush", "begins no port"),
        ("broker/path", "path"),
        ("broker ", "space"),
        ("bro ker", "space"),
        ("bro\u00a0ker", "space"),
        ("bro\0ker", "U\\+0000"),
        ("bro\nker", "U\\+000A"),
        ("", "empty"),
        ("256.1.1.1", "IPv4"),
        ("192.0.2", "IPv4"),
        ("2001:db8::zz", "IPv6"),
        ("fe80::1%25eth0", "bare %"),
        ("bro..ker", "not a host name"),
        ("*.lan", "not a host name"),
        ("edged/#", "path"),
        ("x" * 64, "longer"),
        (".".join(["x" * 60] * 5), "longer"),
    ],
)
def test_a_host_that_is_none_is_refused_with_what_to_write(
    tmp_path: Path, host: str, words: str
) -> None:
    (problem,) = problems_of(tmp_path, f"[mqtt]\nhost = {json.dumps(host)}\n{CAMERA}")
    assert problem.startswith("mqtt.host: ")
    assert re.search(words, problem), problem
    assert "hush" not in problem
    assert "hu/sh" not in problem


@pytest.mark.parametrize(
    "url",
    [
        "rtsp://cam/1",
        "rtsp://cam:554/user=admin&password=x&channel=1",
        "rtsps://[2001:db8::1]:322/a?b=c#d",
        "http://192.0.2.7:8080/video",
        "rtsp://[fe80::1%eth0]:554/1",
        "https://cam.lan/x@",
    ],
)
def test_urls_that_can_be_used(tmp_path: Path, url: str) -> None:
    text = f'{MQTT}[camera.a]\nsource = "rtsp"\nurl = {json.dumps(url)}\n'
    assert problems_of(tmp_path, text) == []


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("rtsp://me:hush@cam/1", "password_file"),
        ("rtsp://me:hu#sh@cam/1", "password_file"),
        ("rtsp://me:hu/sh@cam/1", "password_file"),
        ("rtsp://me:hu?sh@cam/1", "password_file"),
        ("rtsp://me:hu@sh@cam/1", "password_file"),
        ("rtsp://hush@cam/1", "password_file"),
        ("rtsp://me:554/hush@cam", "password_file"),
        ("rtsp://cam/u?login=me@cam.lan", "%40"),
        ("rtsp://cam:99999/1", "65535"),
        ("rtsp://cam:0/1", "65535"),
        ("rtsp://cam:hush/1", "65535"),
        ("rtsp://cam:/1", "65535"),
        ("rtsp://:554/1", "no host"),
        ("rtsp:///1", "no host"),
        ("rtsp://", "no host"),
        ("rtsp://[::1/1", "IPv6"),
        ("rtsp://::1/1", "brackets"),
        ("rtsp://[::zz]/1", "IPv6"),
        ("rtsp://[fe80::1%25eth0]/1", "bare %"),
        ("rtsp://300.1.1.1/1", "IPv4"),
        ("rtsp://c am/1", "space"),
        ("rtsp://cam/a b", "space"),
        (" rtsp://cam/1", "begin it with"),
        ("rtsp://cam\\1", "backslash"),
        ("rtsp://cam/\0", "U\\+0000"),
        ("rtsp:/cam/1", "begin it with"),
        ("rstp://cam/1", "begin it with"),
        ("RTSP://cam/1", "begin it with"),
        ("file:///etc/passwd", "begin it with"),
        ("cam/1", "begin it with"),
        ("", "begin it with"),
    ],
)
def test_a_url_that_is_none_is_refused_with_what_to_write(
    tmp_path: Path, url: str, words: str
) -> None:
    text = f'{MQTT}[camera.a]\nsource = "rtsp"\nurl = {json.dumps(url)}\n'
    (problem,) = problems_of(tmp_path, text)
    assert problem.startswith("camera.a.url: ")
    assert re.search(words, problem), problem
    for secret in ("hush", "hu#sh", "hu/sh", "hu?sh"):
        assert secret not in problem


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('[model]\npath = "https://me:hush@h/m.tflite"', "model.path"),
        ('[model]\nlabels_file = "https://me:hush@h/l.txt"', "model.labels_file"),
        ('[model]\ndelegate = "https://me:hush@h/l.so"', "model.delegate"),
        ('[updates]\ntrust = "https://me:hush@h/trust"', "updates.trust"),
        ('[device]\nstate_dir = "https://me:hush@h/state"', "device.state_dir"),
        ('[model]\nlabels_file = "a\\u0000b"', "model.labels_file"),
        ('[model]\nlabels = ["person", "c\\u001bar"]', "model.labels"),
        ('[model]\ndelegate_options = { device = "a\\u0000" }', "model.delegate_options.device"),
        ('[detect.label."per\\u0000son"]\nthreshold = 0.5', 'detect.label."per\0son"'),
        ('[device]\nname = "front\\n"', "device.name"),
        ('[model]\nfamily = "rtsp://me:hush@h/1"', "model.family"),
    ],
)
def test_a_text_that_cannot_be_meant_is_refused(tmp_path: Path, text: str, key: str) -> None:
    found = problems_of(tmp_path, f"{MQTT}{CAMERA}{text}\n")
    assert len(found) == 1
    assert found[0].startswith(f"{key}: ")
    assert "hush" not in found[0]


def test_the_path_of_jsonl_is_no_url(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path, f'[jsonl]\npath = "https://me:hush@h/x"\n{CAMERA}')
    assert problem.startswith("jsonl.path: a URL")
    assert problems_of(tmp_path, f'[jsonl]\npath = "-"\n{CAMERA}') == []


def test_every_setting_that_is_named_as_an_address_has_a_rule() -> None:
    named = {
        ".".join(key_path): kind
        for key_path, kind in iter_settings()
        if key_path[-1] in ("host", "url", "address", "server", "topic", "prefix", "listen")
    }
    assert {"mqtt.host", "camera.walked-rtsp.url"} <= set(named)
    for name, kind in named.items():
        metas = [part for part in iter_parts(kind) if isinstance(part, Meta)]
        assert any(RULE_KEY in (meta.extra or {}) for meta in metas), name
