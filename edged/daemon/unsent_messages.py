"""The log's lines about messages that were not acknowledged when the daemon ends."""

import logging

from edged.messaging.contract.device import SpoolState

_log = logging.getLogger(__name__)


def log_waiting(spool: SpoolState, lost_count: int) -> None:
    """Log what becomes of the messages that the broker has not acknowledged."""
    kept_count = max(0, spool.depth - lost_count)
    if kept_count:
        _log.info("%d messages are not acknowledged yet; the spool keeps them", kept_count)
    if lost_count:
        reason = spool.fault or "the disk could not be written"
        _log.error(
            "%d messages are lost, because they were not acknowledged and only memory held them: %s",
            lost_count,
            reason,
        )
