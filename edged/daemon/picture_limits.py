"""How many pictures are kept on disk, by the configuration. Rules; no I/O."""

from msgspec import Struct

from edged.config.settings import Settings
from edged.vision.picture_policy import allows

_BYTES_PER_MB = 1_000_000
_MS_PER_H = 3_600_000
_ANY_COUNT = 1 << 62


class PictureLimits(Struct, frozen=True, kw_only=True):
    """What a folder of pictures may hold.

    Attributes:
        max_bytes: largest size of all together.
        max_age_ms: largest age, milliseconds.
        max_count: largest number.
        without_cameras: cameras of which there is no picture.
    """

    max_bytes: int
    max_age_ms: int
    max_count: int
    without_cameras: frozenset[str]


def limit_objects(settings: Settings) -> PictureLimits:
    """Return what the folder with the pictures of objects may hold."""
    images = settings.images
    return PictureLimits(
        max_bytes=int(images.keep_mb * _BYTES_PER_MB),
        max_age_ms=int(images.keep_h * _MS_PER_H),
        max_count=_ANY_COUNT,
        without_cameras=frozenset(
            name for name in settings.camera if not allows(settings, name, "request")
        ),
    )


def limit_examples(settings: Settings) -> PictureLimits:
    """Return what the folder with the hard examples may hold; nothing while they are off."""
    collect = settings.collect
    return PictureLimits(
        max_bytes=int(collect.keep_mb * _BYTES_PER_MB) if collect.enabled else 0,
        max_age_ms=int(collect.keep_h * _MS_PER_H),
        max_count=collect.keep_count,
        without_cameras=frozenset(
            name for name in settings.camera if not allows(settings, name, "example_request")
        ),
    )
