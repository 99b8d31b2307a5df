"""The options that name a broker, of the commands that talk to devices over MQTT."""

import argparse
from pathlib import Path

import msgspec

from edged.cli.config_option import DEFAULT_CONFIG
from edged.client import MqttSettings, TlsSettings
from edged.config.addresses import find_host_problem
from edged.config.load import load_config
from edged.errors import ConfigError
from edged.terminal.numbers import integer_in_range

_MAX_PORT = 65535


def add_broker_options(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "-c",
        "--config",
        type=Path,
        metavar="FILE",
        help=f"take the broker from [mqtt] of this configuration; default without --host: {DEFAULT_CONFIG}",
    )
    source.add_argument("--host", metavar="HOST", help="name or address of the broker")
    group = parser.add_argument_group("with --host")
    group.add_argument(
        "--port",
        type=integer_in_range(min_value=1, max_value=_MAX_PORT),
        metavar="PORT",
        help="port of the broker; default: 1883, or 8883 with TLS",
    )
    group.add_argument(
        "--protocol", choices=("5", "3.1.1"), default="5", help="MQTT version; default: 5"
    )
    group.add_argument("--username", metavar="NAME", help="user name at the broker")
    group.add_argument(
        "--password-file", type=Path, metavar="FILE", help="a file that contains the password"
    )
    group.add_argument(
        "--tls",
        action="store_true",
        help="encrypt, with the system's authorities; the options below imply it",
    )
    group.add_argument(
        "--ca", type=Path, metavar="FILE", help="certificate of the broker's authority"
    )
    group.add_argument("--cert", type=Path, metavar="FILE", help="certificate of this user")
    group.add_argument("--key", type=Path, metavar="FILE", help="private key of --cert")


def read_broker_options(args: argparse.Namespace) -> MqttSettings:
    """Return the broker that the options name; never with the client id of a device.

    Raises:
        ConfigError: the configuration cannot be used, or names no MQTT broker, or options do not go together.
    """
    if args.host is None:
        return _read_config(args.config or DEFAULT_CONFIG)
    if (problem := find_host_problem(args.host)) is not None:
        raise ConfigError(f"--host {problem.message}; {problem.hint}")
    if (args.cert is None) != (args.key is None):
        raise ConfigError("--cert and --key belong together: give both or neither")
    files = {"ca": args.ca, "cert": args.cert, "key": args.key}
    uses_tls = args.tls or any(files.values())
    return MqttSettings(
        host=args.host,
        port=args.port,
        protocol=args.protocol,
        username=args.username,
        password_file=args.password_file,
        tls=TlsSettings(**files) if uses_tls else None,
    )


def _read_config(path: Path) -> MqttSettings:
    settings = load_config(path).settings
    _, publisher = settings.publisher or ("", None)
    if not isinstance(publisher, MqttSettings):
        raise ConfigError(f"{path}: no [mqtt]: name the broker with --host")
    return msgspec.structs.replace(publisher, client_id=None)
