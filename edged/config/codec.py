"""Lets msgspec carry `pathlib.Path`, the one type in the settings that it does not know."""

from pathlib import Path
from typing import Any


def encode_path(value: object) -> str:
    """`enc_hook` of every encoder that writes settings."""
    if isinstance(value, Path):
        return str(value)
    raise NotImplementedError(f"{type(value).__name__} is no setting")


def decode_path(kind: type, value: Any) -> Path:
    """`dec_hook` of every decoder that reads settings."""
    if kind is Path and isinstance(value, str):
        return Path(value)
    raise NotImplementedError(f"{kind} is no setting")
