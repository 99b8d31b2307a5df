"""Stands in for pykms, which picamera2 imports for its preview on a screen; nothing here shows one."""


class _Names:
    """Has every attribute: its own name."""

    def __getattr__(self, name: str) -> str:
        return name


PixelFormat = _Names()
