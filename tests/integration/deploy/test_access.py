"""The access list of deploy/mosquitto on a real mosquitto with certificates: every role, every topic, reading and writing.

The table in docs/broker.md says what is expected; a rule that allows more or less than it, for any role and any topic of the contract, fails here.
"""

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from edged.messaging.contract.topics import Topics
from edged.registry import COMMANDS
from support.examples import examples
from support.fleet_broker import (
    DEPLOY,
    AccessClient,
    FleetBrokerFiles,
    connected_clients,
    running_mosquitto,
)

DOCS = Path(__file__).parents[3] / "docs" / "broker.md"
DEVICE, OTHER = "shop-1", "shop-2"
ROLES = ("operator", "viewer", "home_assistant", "rollout", "administrator")
USERS = [DEVICE, OTHER, *ROLES]
"""The columns of the table."""
BARRIER = "edged/reply/barrier"
"""Below it every user may read a topic with his name: what arrives there tells that all before it has arrived."""


@dataclass(frozen=True)
class Access:
    """What is expected of one topic: the users that read it, and those that write it."""

    topic: str
    readers: frozenset[str]
    writers: frozenset[str]


def up_leaves() -> list[str]:
    """Return every topic that a device writes, below its ``up/``."""
    topics = Topics(DEVICE)
    leaves = {
        topics.of(message).removeprefix(f"{topics.up}/") for message, _ in examples().values()
    }
    return sorted(leaves | {"camera/front/snapshot"})


def read_table() -> list[Access]:
    """Return the rows of the documentation's table; ``up/#`` becomes every topic of the contract."""
    _, _, text = DOCS.read_text("utf-8").partition("<!-- access -->")
    section = text.partition("<!-- /access -->")[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("| `")]
    table: list[Access] = []
    for name, *cells in rows:
        assert len(cells) == len(USERS), name
        words = [set(re.findall(r"\w+", cell)) for cell in cells]
        assert set().union(*words) <= {"read", "write"}, name
        readers = frozenset(u for u, cell in zip(USERS, words, strict=True) if "read" in cell)
        writers = frozenset(u for u, cell in zip(USERS, words, strict=True) if "write" in cell)
        topic = name.strip(" `").replace("DEVICE", DEVICE)
        leaves = up_leaves() if topic.endswith("/#") else [""]
        table += [Access(topic.removesuffix("#") + leaf, readers, writers) for leaf in leaves]
    return table


TABLE = read_table()


@contextmanager
def access_bench(folder: Path) -> Iterator[tuple[AccessClient, dict[str, AccessClient]]]:
    """The broker; a client that no rule holds for, and one for each user."""
    files = FleetBrokerFiles(folder, (DEPLOY / "edged-fleet.acl").read_text())
    with running_mosquitto(folder, files.open_port, files.config), ExitStack() as stack:
        free = stack.enter_context(AccessClient(files.open_port))
        yield free, stack.enter_context(connected_clients(files, USERS))


def subscribe_everywhere(users: dict[str, AccessClient]) -> None:
    """Subscribe to all, to each topic by name, and to a share of all."""
    for name, client in users.items():
        client.subscribe("#", "$SYS/#", "$share/everyone/#", f"{BARRIER}/{name}/#")
        client.subscribe(*(access.topic for access in TABLE))


def received_topics(
    free: AccessClient, users: dict[str, AccessClient], marker: str
) -> dict[str, set[str]]:
    """Return the topics that each user has received so far."""
    for name, client in users.items():
        free.publish(f"{BARRIER}/{name}/1", marker)
        client.await_payload(marker)
    return {
        name: {topic for topic, _ in client.received if not topic.startswith(BARRIER)}
        for name, client in users.items()
    }


def expected_topics(name: str) -> set[str]:
    return {access.topic for access in TABLE if name in access.readers}


def surprises(received: dict[str, set[str]]) -> list[str]:
    """Return what a user has received and must not, or must have received and has not."""
    return [
        f"{name} {'reads' if topic in topics else 'does not read'} {topic}"
        for name, topics in received.items()
        for topic in sorted(topics ^ expected_topics(name))
    ]


def test_the_table_has_every_topic_of_the_contract_and_every_verb() -> None:
    topics = {access.topic for access in TABLE}
    down = Topics(DEVICE).down
    assert {f"{down}/cmd/{verb}" for verb in COMMANDS} <= topics
    assert Topics(DEVICE).desired in topics
    assert {f"{Topics(DEVICE).up}/{leaf}" for leaf in up_leaves()} <= topics


def test_each_user_receives_what_the_table_says_and_nothing_else(tmp_path: Path) -> None:
    with access_bench(tmp_path) as (free, users):
        subscribe_everywhere(users)
        for access in TABLE:
            if not access.topic.startswith("$"):
                free.publish(access.topic, "live")
        received = received_topics(free, users, "all is sent")
    assert surprises(received) == []


def test_the_same_holds_for_what_the_broker_retains(tmp_path: Path) -> None:
    with access_bench(tmp_path) as (free, users):
        for access in TABLE:
            if not access.topic.startswith("$"):
                free.publish(access.topic, "kept", retain=True)
        subscribe_everywhere(users)
        received = received_topics(free, users, "all is sent")
    assert surprises(received) == []


@pytest.mark.parametrize("retain", [False, True])
def test_each_user_writes_what_the_table_says_and_nothing_else(
    *, retain: bool, tmp_path: Path
) -> None:
    with access_bench(tmp_path) as (free, users):
        free.subscribe("#")
        accepted = {
            name: {a.topic for a in TABLE if client.publish(a.topic, name, retain=retain)}
            for name, client in users.items()
        }
        free.publish("last", "all is sent")
        free.await_payload("all is sent")
        arrived = {
            name: {topic for topic, writer in free.received if writer == name} for name in users
        }
    expected = {name: {a.topic for a in TABLE if name in a.writers} for name in users}
    assert arrived == expected
    assert accepted == expected, "the broker's reasons"


def test_the_rules_hold_between_every_two_devices(tmp_path: Path) -> None:
    """Names that look alike, and that contain each other."""
    names = ["shop-1", "shop-11", "shop", "SHOP-1", "shop-1_", "up"]
    files = FleetBrokerFiles(tmp_path, (DEPLOY / "edged-fleet.acl").read_text())
    with (
        running_mosquitto(tmp_path, files.open_port, files.config),
        connected_clients(files, names) as clients,
    ):
        for name, client in clients.items():
            for owner in names:
                for tree in ("up/health", "down/cmd/restart"):
                    accepted = client.publish(f"edged/v1/{owner}/{tree}", name)
                    assert accepted == (name == owner and tree.startswith("up/")), (name, owner)
                assert client.publish(f"edged/reply/{owner}/operator/1", name) == (name == owner)
                discovery = f"homeassistant/device/edged-{owner}/config"
                assert client.publish(discovery, name) == (name == owner)
