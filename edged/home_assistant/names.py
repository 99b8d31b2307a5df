"""The names under which Home Assistant knows a device and its entities: stable, and different for different things.

An id is made of the names as they are, so nothing is lost in it: names of devices, cameras, zones and masks contain only letters, digits,
``-`` and ``_``; every other character (of a label) is percent-encoded; a ``/`` stands between the parts. An *entity id* is only a
suggestion that people see; there names may become equal, and `unique_entity_ids` tells them apart.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from urllib.parse import quote
from zlib import crc32

_MAX_SLUG_LENGTH = 200
"""Home Assistant allows 255 characters with the platform."""


def device_id(device: str) -> str:
    """Return the id of a device in topics and in Home Assistant's registry."""
    return f"edged-{device}"


def component_id(path: tuple[str, ...]) -> str:
    """Return the id of an entity within its device.

    It has no space: with one, Home Assistant (2026.11) does not find the component again when the whole device is removed.
    """
    return "/".join(quote(part, safe="") for part in path)


def unique_id(device: str, component: str) -> str:
    """Return the id of an entity among all entities."""
    return f"{device_id(device)}/{component}"


def slug(text: str) -> str:
    """Return a text in the characters of an entity id; what nothing remains of, gets a number."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    words = re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_")
    return words[:_MAX_SLUG_LENGTH].rstrip("_") or f"{crc32(text.encode()):08x}"


def unique_entity_ids(wanted: Mapping[str, str]) -> dict[str, str]:
    """Return different entity ids.

    Args:
        wanted: the entity ids, by component id.

    Returns:
        The same ones, by component id; those that are wanted more than once end with a number made of the component id, so that
        none depends on the others' order.
    """
    counts = Counter(wanted.values())
    return {
        component: entity if counts[entity] == 1 else f"{entity}_{crc32(component.encode()):08x}"
        for component, entity in wanted.items()
    }


def template_text(text: str) -> str:
    """Return a text as a literal in a template: in ASCII, because Jinja decodes escapes as Python does."""
    escaped = text.encode("unicode_escape").decode().replace("'", "\\'")
    return f"'{escaped}'"
