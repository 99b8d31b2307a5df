"""The options of ``edged tail``."""

import argparse
from pathlib import Path

import pytest

from edged.cli.broker_option import add_broker_options, read_broker_options
from edged.cli.main import main
from edged.client import MqttSettings, TlsSettings
from edged.errors import ConfigError


def read(*arguments: str) -> MqttSettings:
    parser = argparse.ArgumentParser()
    add_broker_options(parser)
    return read_broker_options(parser.parse_args(arguments))


def test_a_host_alone() -> None:
    assert read("--host", "broker") == MqttSettings(host="broker")


def test_every_option() -> None:
    options = ["--port=1884", "--protocol=3.1.1", "--username=viewer", "--password-file=pw"]
    tls = ["--ca=ca.crt", "--cert=me.crt", "--key=me.key"]
    assert read("--host=broker", *options, *tls) == MqttSettings(
        host="broker",
        port=1884,
        protocol="3.1.1",
        username="viewer",
        password_file=Path("pw"),
        tls=TlsSettings(ca=Path("ca.crt"), cert=Path("me.crt"), key=Path("me.key")),
    )


def test_tls_with_the_authorities_of_the_system() -> None:
    assert read("--host=broker", "--tls").tls == TlsSettings()


def test_the_broker_of_a_configuration_without_the_devices_client_id(tmp_path: Path) -> None:
    config = tmp_path / "edged.toml"
    config.write_text(
        '[device]\nname = "a"\n[mqtt]\nhost = "broker"\nclient_id = "a"\n[camera.c]\nsource = "synthetic"\n'
    )
    assert read("-c", str(config)) == MqttSettings(host="broker")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--host=broker", "--cert=me.crt"], "belong together"),
        (["--host="], "--host is empty"),
        (["--host=a b"], "--host contains a space"),
        (["-c", "/nowhere/edged.toml"], "/nowhere/edged.toml"),
    ],
)
def test_what_names_no_broker_is_an_error(arguments: list[str], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        read(*arguments)


def test_a_configuration_without_mqtt(tmp_path: Path) -> None:
    config = tmp_path / "edged.toml"
    config.write_text(
        '[device]\nname = "a"\n[jsonl]\npath = "out.jsonl"\n[camera.c]\nsource = "synthetic"\n'
    )
    with pytest.raises(ConfigError, match="name the broker with --host"):
        read("-c", str(config))


@pytest.mark.parametrize(
    "arguments", [["--host=a", "--port=0"], ["--host=a", "-c", "b"], ["--host=a", "--seconds=0"]]
)
def test_wrong_usage_exits_with_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["tail", *arguments])
    assert ended.value.code == 2
