"""Pictures go to the disk without a wait for it: what a disk that hangs or fails means for them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from edged.clock import NS_PER_S
from edged.config.settings import CameraSettings, ImageSettings, Settings
from edged.daemon.picture_files import MAX_WAITING, PictureFiles
from edged.event_loop import EventLoop
from edged.health import ConditionReporter, Conditions
from edged.host.files import LocalFileSystem
from edged.pictures.ring import PictureRing, StoredPicture
from support.clock import FakeClock
from support.scripted_disk_queue import DiskHang, ScriptedDiskQueue

JPEG = b"\xff\xd8 a picture \xff\xd9"


class Bench:
    def __init__(self, folder: Path, loop: EventLoop, clock: FakeClock) -> None:
        self.folder = folder / "pictures"
        self.clock = clock
        self.conditions = Conditions()
        self.hangs: dict[int, DiskHang] = {}
        self.disk = ScriptedDiskQueue(clock, self.hangs.get)
        self.files = PictureFiles(
            PictureRing(LocalFileSystem(), self.folder),
            disk=self.disk,
            loop=loop,
            conditions=ConditionReporter(self.conditions, clock),
            clock=clock,
        )
        self.files.apply_settings(settings())

    def store(self, number: int) -> None:
        picture = StoredPicture(
            event_id=f"s-{number}",
            camera="a",
            label="person",
            taken_ms=self.clock.wall_ns() * 1000 // NS_PER_S,
            size_bytes=len(JPEG),
        )
        self.files.store(picture, JPEG)

    def names(self) -> list[str]:
        return [condition.name for condition in self.conditions.active]


def settings(**images: object) -> Settings:
    return Settings(
        camera={"a": CameraSettings(source="synthetic")},
        images=ImageSettings(policy="events", **images),  # type: ignore[arg-type] # any field, by name
    )


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    clock = FakeClock()
    with EventLoop(clock) as loop:
        yield Bench(tmp_path, loop, clock)


def test_a_picture_is_stored_and_a_disk_that_works_again_clears_the_condition(
    bench: Bench,
) -> None:
    bench.folder.write_text("not a folder")
    bench.store(1)
    assert bench.names() == ["pictures"]
    bench.folder.unlink()
    bench.store(2)
    assert bench.names() == []
    assert len(list(bench.folder.iterdir())) == 1


def test_the_same_failure_of_another_picture_is_no_other_reason(bench: Bench) -> None:
    bench.folder.write_text("not a folder")
    bench.store(1)
    (first,) = bench.conditions.active
    bench.store(2)
    assert bench.conditions.active == (first,)


def test_a_disk_that_hangs_holds_back_a_bounded_number_of_pictures(bench: Bench) -> None:
    bench.hangs[bench.disk.count + 1] = DiskHang(seconds=60)
    for number in range(2 * MAX_WAITING):
        bench.store(number)
    assert bench.names() == ["pictures"]
    bench.disk.answer()
    assert len(list(bench.folder.iterdir())) == MAX_WAITING
    bench.store(100)
    assert bench.names() == []


@pytest.mark.parametrize("limit", [{"keep_mb": 0.0}, {"keep_h": 0.0}])
def test_no_room_and_no_time_store_nothing(bench: Bench, limit: dict[str, float]) -> None:
    bench.store(1)
    bench.clock.sleep(1)
    bench.files.apply_settings(settings(**limit))
    assert list(bench.folder.iterdir()) == []
    bench.store(2)
    assert list(bench.folder.iterdir()) == []


def test_old_pictures_go_without_a_new_one(bench: Bench) -> None:
    bench.files.apply_settings(settings(keep_h=1.0))
    bench.store(1)
    bench.clock.sleep(3601)
    bench.files.apply_settings(settings(keep_h=1.0))
    assert list(bench.folder.iterdir()) == []
