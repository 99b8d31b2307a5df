"""Hooks for msgspec to encode and decode `pathlib.Path`, the only type in the settings that it does not support."""

from pathlib import Path
from typing import Any


def encode_path(value: object) -> str:
    """Encode a path as text; the `enc_hook` of every encoder that writes settings."""
    if isinstance(value, Path):
        return str(value)
    raise NotImplementedError(f"no setting has the type {type(value).__name__}")


def decode_path(kind: type, value: Any) -> Path:
    """Decode a path from text; the `dec_hook` of every decoder that reads settings."""
    if kind is Path and isinstance(value, str):
        return Path(value)
    raise NotImplementedError(f"no setting has the type {kind}")
