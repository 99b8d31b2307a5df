"""What the log says at the end about messages that the broker has not acknowledged."""

import logging

import pytest

from edged.daemon.unsent_messages import log_waiting
from edged.messaging.contract.device import SpoolState


@pytest.mark.parametrize(
    ("lost_count", "kept", "lost"),
    [(0, "169 messages", None), (169, None, "169 messages are lost")],
)
def test_the_spool_keeps_only_what_the_disk_has_taken(
    caplog: pytest.LogCaptureFixture, lost_count: int, kept: str | None, lost: str | None
) -> None:
    spool = SpoolState(depth=169, size_bytes=1, oldest_age_s=None, fault="Read-only file system")
    with caplog.at_level(logging.INFO):
        log_waiting(spool, lost_count)
    (record,) = caplog.records
    message = record.getMessage()
    assert message.startswith(str(kept or lost))
    assert ("keeps" in message) == (kept is not None)
    assert ("Read-only file system" in message) == (lost is not None)
