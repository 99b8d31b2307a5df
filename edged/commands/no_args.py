"""The arguments of commands without any."""

from msgspec import Struct


class NoArgs(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """No arguments."""
