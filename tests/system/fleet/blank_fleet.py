"""Blank hosts with addresses, keys and certificates, and a controller that reaches them."""

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from system.debian_images import DebianImage
from system.debs import built_package
from system.fleet.authority import Certificate, CertificateAuthority
from system.fleet.controller import FleetController, Variables
from system.fleet.edgetpu import edgetpu_package
from system.fleet.fleet import DEVICES, EDGETPU_DEVICE, MIRROR_DEVICE, MODEL, MachineFleet
from system.fleet.listener import FleetListener
from system.fleet.mirror import Mirror
from system.machines import Machine
from system.networks import Network

_OTHER_PORT = ("pi3", 2222)
"""A device that is reached by ssh at another port, of which the inventory says nothing."""
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
def booted_fleet(network: Network, folder: Path) -> Iterator[MachineFleet]:
    """Boot blank hosts, of which `site.yml` makes a fleet."""
    packages = {name: built_package(release) for name, release in DEVICES.items()}
    with ExitStack() as stack:

        def boot(name: str, release: str) -> Machine:
            host = Machine(name, DebianImage(release), network, _make_folder(folder / name))
            stack.enter_context(host)
            # It reaches no archive, so it has the packages that it would fetch.
            host.run_script("rm -f /etc/apt/sources.list /etc/apt/sources.list.d/*")
            controller.authorize(host)
            if name == _OTHER_PORT[0]:
                _move_ssh_port(host, controller)
            return host

        controller = FleetController(network, _make_folder(folder / "c"))
        broker = boot("hub", "bookworm")
        hosts = {name: boot(name, release) for name, release in DEVICES.items()}
        authority = CertificateAuthority(folder / "authority")
        listener = FleetListener(
            network,
            broker.address,
            authority.cert,
            authority.issue_certificate("reader"),
            folder / "heard.jsonl",
        )
        mirror = stack.enter_context(Mirror(network, folder / "mirror"))
        made = MachineFleet(
            network, controller, broker, hosts, listener, mirror, _make_folder(folder / "bundles")
        )
        trust = controller.folder / "trust.json"
        trust.write_bytes(made.signing.trust_envelope())
        own = authority.issue_certificate("controller")
        reached = {
            "host": broker.address,
            "ca": str(authority.cert),
            "cert": str(own.cert),
            "key": str(own.key),
        }
        hub = authority.issue_certificate("hub", broker.address)
        certified = {name: authority.issue_certificate(name) for name in hosts}
        controller.encrypt_secrets(
            {
                "vault_device_keys": {name: one.key.read_text() for name, one in certified.items()},
                "vault_broker_key": hub.key.read_text(),
            }
        )
        of_all = {
            "edged_trust": str(trust),
            "edged_config": _device_config(broker),
            "edged_credentials": {"device.key": "{{ vault_device_keys[inventory_hostname] }}"},
        }
        devices = {
            name: {
                "ansible_host": hosts[name].address,
                "edged_files": {
                    "ca.crt": authority.cert.read_text(),
                    "device.crt": certified[name].cert.read_text(),
                },
                **(
                    _mirror_variables(mirror, package)
                    if name == MIRROR_DEVICE
                    else {"edged_package": str(package)}
                ),
                **of_all,
            }
            for name, package in packages.items()
        }
        devices[EDGETPU_DEVICE]["edgetpu_package"] = str(
            edgetpu_package(_make_folder(folder / "edgetpu"))
        )
        controller.write_inventory(
            {
                "edged_brokers": {"hub": _broker_variables(authority, hub, broker)},
                "edged_devices": devices,
            },
            # A container has no clock to set.
            {"base_packages": ["ca-certificates"], "retire_broker": reached},
        )
        yield made


def _move_ssh_port(host: Machine, controller: FleetController) -> None:
    port = _OTHER_PORT[1]
    host.write("/etc/ssh/sshd_config.d/port.conf", f"Port {port}\n")
    host.run("systemctl", "restart", "ssh")
    controller.set_ssh_port(host, port)


def _broker_variables(
    authority: CertificateAuthority, own: Certificate, host: Machine
) -> Variables:
    return {
        "ansible_host": host.address,
        "broker_authority": authority.cert.read_text(),
        "broker_certificate": own.cert.read_text(),
        "broker_key": "{{ vault_broker_key }}",
        "broker_viewers": ["reader"],
        "broker_rollouts": ["controller"],
        "broker_administrators": ["controller"],
        "base_firewall_accept": [{"port": 8883, "from": ["10.77.0.0/24"]}],
    }


def _mirror_variables(mirror: Mirror, package: Path) -> Variables:
    digest = hashlib.sha256(package.read_bytes()).hexdigest()
    return {"edged_package_url": mirror.publish_file(package), "edged_package_sha256": digest}


def _device_config(broker: Machine) -> Variables:
    tls = {"ca": "/etc/edged/ca.crt", "cert": "/etc/edged/device.crt", "key": "device.key"}
    return {
        "mqtt": {"host": broker.address, "tls": tls},
        "model": {"bundled": MODEL},
        "health": {"interval_s": 5},
        "updates": {"reserve_mb": 0},
        "camera": {"room": _CAMERA},
    }


def _make_folder(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder
