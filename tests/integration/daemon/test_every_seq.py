"""Every sequence number of a device arrives or is named by a gap record, whatever happens to its processes, its broker, its network and its disk.

A recorder that shares no code with the daemon writes down what arrives (`support.message_recorder`), and an account that knows only the contract checks
it (`support.seq_account`). The other suites test one fault each; this one mixes them at random.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from support.fault_campaign import FaultCampaign
from support.sampling import Extent, sampled, seeded_random
from support.seq_account import account_for, read_records

_ROUNDS = {"sample": 10, "full": 300}
_MIN_DELIVERED = {"sample": 1, "full": 600}
_PACE = {"sample": 0.2, "full": 1.0}


@sampled
def test_every_number_is_accounted_for(tmp_path: Path, extent: Extent) -> None:
    with FaultCampaign(tmp_path, seeded_random("every seq"), pace=_PACE[extent]) as campaign:
        for _ in range(_ROUNDS[extent]):
            campaign.run_round()
        campaign.settle()
        account = account_for(read_records(campaign.record_path))
        print(account.describe())
        assert account.problems == [], (campaign.faults, account.describe(), campaign.log_text)
    assert account.delivered > _MIN_DELIVERED[extent], "the daemon had too little time"


# ---- The account itself --------------------------------------------------------------------------------------------------------


def event(seq: int, text: str = "") -> dict[str, Any]:
    payload = {"schema": "edged.event/1", "seq": seq, "session": "s", "text": text}
    return {"topic": "events", "payload": json.dumps(payload)}


def gap(seq: int, *ranges: tuple[int, int], count: int | None = None) -> dict[str, Any]:
    payload = {
        "schema": "edged.gap/1",
        "seq": seq,
        "session": "s",
        "reason": "full",
        "ranges": ranges,
        "count": count,
    }
    return {"topic": "gap", "payload": json.dumps(payload)}


@pytest.mark.parametrize(
    ("records", "problem"),
    [
        ([event(1), event(2), event(2), event(3)], None),
        ([event(1), event(4), gap(5, (2, 3), count=2)], None),
        ([event(1), gap(4, (1, 3)), event(5)], None),
        ([event(1), event(3)], "2 to 2 neither arrived"),
        ([event(1), event(4), gap(5, (2, 2))], "2 to 3 neither arrived"),
        ([event(1), event(1, "other")], "different contents"),
        ([event(2), event(1)], "arrived first after"),
        ([gap(5, (1, 3)), event(2)], "after a gap record had named it"),
        ([event(1), event(2), gap(3, (1, 2), count=2)], "had arrived"),
        ([event(1), gap(2, (2, 3))], "names itself"),
    ],
)
def test_the_account_finds_what_the_contract_does_not_allow(
    records: list[dict[str, Any]], problem: str | None
) -> None:
    problems = " ".join(account_for(records).problems)
    assert problems == "" if problem is None else problem in problems
