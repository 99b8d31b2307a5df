"""A signed desired state, read without verification: each device verifies the signature itself. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass

from ansible_collections.edged.fleet.plugins.module_utils import message_fields as field
from ansible_collections.edged.fleet.plugins.module_utils.bundle import signed_payload


@dataclass(frozen=True)
class DesiredVersion:
    """The version that devices must install.

    Attributes:
        envelope: the signed message, as it is published.
        digest: digest of the version.
        title: name and version.
        sequence: number of the message; a device follows the highest.
    """

    envelope: bytes
    digest: str
    title: str
    sequence: int


def parse_desired_state(envelope: bytes) -> DesiredVersion:
    """Return the desired state in an envelope.

    Raises:
        BundleUnreadableError: if this is not an envelope.
        ValueError: if the envelope signs something else.
    """
    try:
        content = json.loads(signed_payload(envelope))
        return DesiredVersion(
            envelope,
            digest=str(content[field.DIGEST]),
            title=str(content[field.TITLE]),
            sequence=int(content[field.SEQUENCE]),
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"a field is missing: {error}") from None
