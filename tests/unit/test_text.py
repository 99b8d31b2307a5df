"""A byte order mark is harmless wherever edged reads text that a person wrote."""

import codecs
from collections.abc import Callable
from pathlib import Path

import pytest

from edged.cameras.rtsp import _read_password as read_camera_password
from edged.config.layers import read_layers
from edged.interpreters.simulated_model import load_simulated_model
from edged.publishers.mqtt_settings import MqttSettings, read_password
from edged.text import TextError, decode_text, read_text, to_utf8
from edged.updates.bundle.envelope import Envelope, decode_envelope, encode_envelope
from edged.updates.bundle.keys import PublicKey, decode_public_key

KEY = PublicKey(scheme="ed25519", public="ab" * 32)
ENVELOPE = Envelope(b"payload", "text/plain", ())

READERS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "camera password": ("secret\n", read_camera_password),
    "broker password": (
        "secret\r\n",
        lambda path: read_password(MqttSettings(host="h", username="u", password_file=path)),
    ),
    "configuration": ("[log]\nlevel = 'info'\n", lambda path: read_layers(path, path / "no").table),
    "public key": (KEY.pem, lambda path: decode_public_key(path.read_bytes())),
    "trust file": (
        encode_envelope(ENVELOPE).decode(),
        lambda path: decode_envelope(path.read_bytes()),
    ),
    "simulated model": ('{"labels": ["red"]}', lambda path: load_simulated_model(path, {})),
}


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_changes_nothing(tmp_path: Path, name: str, encoding: str) -> None:
    text, read = READERS[name]
    plain, marked = tmp_path / "plain.toml", tmp_path / "marked.toml"
    plain.write_bytes(text.encode())
    marked.write_bytes(text.encode(encoding))
    assert read(marked) == read(plain)


def test_a_mark_alone_is_an_empty_text(tmp_path: Path) -> None:
    file = tmp_path / "empty"
    file.write_bytes(codecs.BOM_UTF8)
    assert read_text(file) == ""


@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        (b"good\nca\xe9\n", 2, "not UTF-8"),
        (codecs.BOM_UTF16_LE + b"a\0b", 1, "not UTF-16"),
    ],
)
def test_text_in_another_encoding_is_refused_with_its_line(
    content: bytes, line: int, reason: str
) -> None:
    with pytest.raises(TextError, match=f"line {line}: {reason}.*save the file as UTF-8"):
        decode_text(content)
    assert to_utf8(content) == content


def test_a_file_that_is_far_too_large_is_not_read_into_memory(tmp_path: Path) -> None:
    path = tmp_path / "edged.toml"
    with path.open("wb") as file:
        file.truncate(5 << 30)
    with pytest.raises(OSError, match="File too large"):
        read_text(path)
