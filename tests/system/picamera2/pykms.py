"""A stand-in for pykms, which picamera2 imports for its preview on a screen; the tests use none."""


class _Names:
    """An object that has every attribute: its own name."""

    def __getattr__(self, name: str) -> str:
        return name


PixelFormat = _Names()
