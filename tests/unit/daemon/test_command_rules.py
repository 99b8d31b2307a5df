"""Rules for what is a valid command."""

import datetime as dt
import json

import pytest

from edged.clock import NS_PER_S
from edged.daemon.command_memory import MAX_REMEMBERED, CommandMemory, PendingCommand
from edged.daemon.command_rules import (
    digest_command,
    find_expiry,
    find_id,
    find_verb_problem,
    parse_command,
)
from edged.interfaces.command import Refused
from edged.messaging.contract.commands import CommandMessage, Reply

NOW_S = 1_795_253_405
SENT = dt.datetime.fromtimestamp(NOW_S, dt.UTC)


@pytest.mark.parametrize(
    ("age_s", "is_synced", "expired"),
    [
        (0, True, False),
        (29, True, False),
        (31, True, True),
        (31, False, False),
        (-299, True, False),
        (-301, True, True),
    ],
)
def test_a_command_expires_by_a_clock_that_can_be_trusted(
    *,
    age_s: int,
    is_synced: bool,
    expired: bool,
) -> None:
    command = CommandMessage(id="1", sent=SENT)
    wall_ns = (NOW_S + age_s) * NS_PER_S
    found = find_expiry(command, wall_ns=wall_ns, is_synced=is_synced)
    assert (found is not None) == expired
    assert find_expiry(CommandMessage(id="1"), wall_ns=wall_ns, is_synced=True) is None


def test_the_id_of_a_malformed_command_is_found() -> None:
    payload = json.dumps({"id": "7", "args": 3}).encode()
    assert isinstance(parse_command(payload), Refused)
    assert find_id(payload) == "7"
    assert [find_id(one) for one in (b"", b"[]", b'{"id": 7}', b"\xff")] == [""] * 4


def test_a_verb_is_known_and_allowed() -> None:
    assert find_verb_problem("zone", ("zone", "mask"), None) is None
    unknown = find_verb_problem("zoen", ("zone", "mask"), None)
    assert unknown == Refused("unknown_verb", "there is no command 'zoen'; did you mean \"zone\"?")
    denied = find_verb_problem("zone", ("zone", "mask"), ("mask",))
    assert denied is not None
    assert denied.code == "not_allowed"


def test_the_order_of_arguments_is_no_difference() -> None:
    one, other = {"a": 1, "b": {"c": 2, "d": 3}}, {"b": {"d": 3, "c": 2}, "a": 1}
    assert digest_command("x", one) == digest_command("x", other)
    assert digest_command("x", one) != digest_command("y", one)
    assert digest_command("x", one) != digest_command("x", {**one, "a": 2})


def test_the_oldest_commands_are_forgotten() -> None:
    memory = CommandMemory()
    for number in range(MAX_REMEMBERED + 3):
        memory.begin(str(number), PendingCommand("digest", lambda _: None))
        memory.end(Reply(id=str(number), verb="detect", ok=True))
    known = [one.reply.id for one in memory.finished]
    assert (known[0], known[-1], len(known)) == ("3", str(MAX_REMEMBERED + 2), MAX_REMEMBERED)
    assert memory.find("2") is None
    assert CommandMemory(memory.finished).find("3") == memory.find("3")
