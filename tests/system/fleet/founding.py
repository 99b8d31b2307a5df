"""Blank hosts with addresses, keys and certificates, and an operator who knows them."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from system.bases import Base
from system.debs import built
from system.fleet.authority import Authority
from system.fleet.controller import Controller, Variables
from system.fleet.fleet import DEVICES, MODEL, Fleet
from system.fleet.listener import Listener
from system.hosts import Host
from system.networks import Network

_CAMERA = {
    "source": "synthetic",
    "width": 320,
    "height": 240,
    "fps": 5.0,
    "cycle": 100,
    "every_s": 0.5,
    "stay_s": 3.0,
}


@contextmanager
def founded(network: Network, folder: Path) -> Iterator[Fleet]:
    """Boot blank hosts, for `site.yml` to make a fleet of."""
    packages = {release: built(release) for release in DEVICES.values()}
    with ExitStack() as stack:

        def boot(name: str, release: str) -> Host:
            host = Host(name, Base(release), network, _made(folder / name))
            stack.enter_context(host)
            # It reaches no archive, and has what it would fetch.
            host.sh("rm -f /etc/apt/sources.list /etc/apt/sources.list.d/*")
            controller.know(host)
            return host

        controller = Controller(network, _made(folder / "c"))
        broker = boot("hub", "bookworm")
        hosts = {name: boot(name, release) for name, release in DEVICES.items()}
        authority = Authority(folder / "authority")
        listener = Listener(
            network,
            broker.address,
            authority.cert,
            authority.certify("reader"),
            folder / "heard.jsonl",
        )
        made = Fleet(network, controller, broker, hosts, listener, _made(folder / "bundles"))
        trust = controller.folder / "trust.json"
        trust.write_bytes(made.signing.trust_envelope())
        every = {"edged_trust": str(trust), "edged_config": _config(broker)}
        controller.inventory(
            {
                "edged_brokers": {"hub": _broker(authority, broker)},
                "edged_devices": {
                    name: {**_device(authority, hosts[name], packages[release]), **every}
                    for name, release in DEVICES.items()
                },
            },
            # A container has no clock to set.
            {"base_packages": ["ca-certificates"]},
        )
        yield made


def _broker(authority: Authority, host: Host) -> Variables:
    own = authority.certify("hub", host.address)
    return {
        "ansible_host": host.address,
        "broker_authority": authority.cert.read_text(),
        "broker_certificate": own.cert.read_text(),
        "broker_key": own.key.read_text(),
        "broker_readers": ["reader"],
        "base_firewall_accept": [{"port": 8883, "from": ["10.77.0.0/24"]}],
    }


def _device(authority: Authority, host: Host, package: Path) -> Variables:
    own = authority.certify(host.name)
    return {
        "ansible_host": host.address,
        "edged_package": str(package),
        "edged_files": {"ca.crt": authority.cert.read_text(), "device.crt": own.cert.read_text()},
        "edged_credentials": {"device.key": own.key.read_text()},
    }


def _config(broker: Host) -> Variables:
    tls = {"ca": "/etc/edged/ca.crt", "cert": "/etc/edged/device.crt", "key": "device.key"}
    return {
        "mqtt": {"host": broker.address, "tls": tls},
        "model": {"bundled": MODEL},
        "health": {"interval_s": 5},
        "updates": {"reserve_mb": 0},
        "camera": {"room": _CAMERA},
    }


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder
