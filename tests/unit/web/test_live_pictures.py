"""Live pictures: browsers share them, and a refusal is not kept."""

import asyncio
from typing import Any

import pytest

from edged.web.live_pictures import LivePictures
from edged.web.supervisor_link import PictureRefusedError
from support.clock import FakeClock


class CountedLink:
    """Takes pictures that are numbered, after a turn of the loop."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, bool, int]] = []
        self.refusal: PictureRefusedError | None = None

    async def take_picture(
        self, camera: str, *, annotate: bool, max_width: int, quality: int
    ) -> bytes:
        del quality
        self.taken.append((camera, annotate, max_width))
        await asyncio.sleep(0)
        if self.refusal is not None:
            raise self.refusal
        return b"%d" % len(self.taken)


def test_browsers_share_a_picture_while_it_is_new() -> None:
    async def test() -> None:
        link, clock = CountedLink(), FakeClock()
        pictures = LivePictures(as_link(link), clock)
        both = await asyncio.gather(*(take(pictures) for _ in range(2)))
        assert both == [b"1", b"1"]
        clock.sleep(0.3)
        assert await take(pictures) == b"1"
        clock.sleep(0.3)
        assert await take(pictures) == b"2"
        assert await take(pictures, annotate=False) == b"3"
        assert link.taken == [("front", True, 640), ("front", True, 640), ("front", False, 640)]

    asyncio.run(test())


def test_after_a_refusal_the_next_one_asks_again() -> None:
    async def test() -> None:
        link = CountedLink()
        pictures = LivePictures(as_link(link), FakeClock())
        link.refusal = PictureRefusedError("policy", "never")
        with pytest.raises(PictureRefusedError):
            await take(pictures)
        assert pictures._newest == {}
        link.refusal = None
        assert await take(pictures) == b"2"

    asyncio.run(test())


def as_link(link: CountedLink) -> Any:
    return link


async def take(pictures: LivePictures, *, annotate: bool = True) -> bytes:
    return await pictures.take("front", annotate=annotate, max_width=640)
