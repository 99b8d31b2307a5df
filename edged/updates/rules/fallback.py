"""What gives way when the daemon does not stay up: a pure rule, one step at a time, towards the factory model."""

from msgspec.structs import replace

from edged.errors import UpdateError
from edged.updates.rules.deployment import MAX_HISTORY, deny_version, reject, roll_back
from edged.updates.rules.ledger import FACTORY, DeploymentRecord, Ledger


def fall_back(
    ledger: Ledger, reason: str, *, previous_epoch: int | None, title: str, id_: str, at: str
) -> Ledger:
    """One step: what is on trial gives way, or what is on its way in; else the current version does, and is denied from then on.

    Its place takes the previous version, or the factory model if that one may not be used. The factory model always may: it came with
    edged itself, and is what the device falls back to anyway.

    Args:
        ledger: as it is.
        reason: why, in words.
        previous_epoch: of the previous version; None if it is damaged, or is the factory model.
        title: of the current version.
        id_: of this act.
        at: now, RFC 3339.

    Raises:
        UpdateError: the factory model is in use, and nothing is on its way in: there is nothing that could give way.
    """
    if ledger.deployment is not None:
        if ledger.deployment.state == "trial":
            return roll_back(ledger, reason, at=at)
        return reject(ledger, reason, at=at)
    if ledger.current == FACTORY:
        raise UpdateError("the factory model is in use, and there is none before it")
    usable = previous_epoch is not None and previous_epoch >= ledger.epoch
    left = DeploymentRecord(
        id=id_,
        title=title,
        digest=ledger.current,
        source="",
        outcome="rolled-back",
        reason=reason,
        time=at,
    )
    return replace(
        deny_version(ledger, ledger.current, reason),
        current=ledger.previous if usable else FACTORY,
        previous=FACTORY,
        past=(*ledger.past, left)[-MAX_HISTORY:],
    )
