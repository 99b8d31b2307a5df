import threading

from edged.vision.worker.slots import FrameSlots
from support.cameras import frame


def test_the_newest_frame_wins_and_the_older_is_counted() -> None:
    slots = FrameSlots(["front"])
    for seq in range(3):
        slots.put(frame(seq))

    taken = slots.take(0)

    assert taken is not None
    assert taken.seq == 2
    assert slots.dropped_count("front") == 2
    assert slots.take(0) is None


def test_cameras_take_turns() -> None:
    slots = FrameSlots(["a", "b", "c"])
    served = []
    for seq in range(6):
        for camera in ("a", "b", "c"):
            slots.put(frame(seq, camera=camera))
        taken = slots.take(0)
        assert taken is not None
        served.append(taken.camera)

    assert served == ["a", "b", "c", "a", "b", "c"]


def test_a_camera_that_was_idle_goes_first() -> None:
    slots = FrameSlots(["a", "b"])
    for seq in range(3):
        slots.put(frame(seq, camera="a"))
        assert slots.take(0) is not None
    slots.put(frame(3, camera="a"))
    slots.put(frame(0, camera="b"))

    taken = slots.take(0)

    assert taken is not None
    assert taken.camera == "b"


def test_an_offer_waits_for_the_slot_to_be_empty() -> None:
    slots = FrameSlots(["front"])
    assert slots.offer(frame(0), 0)
    assert not slots.offer(frame(1), 0)
    assert slots.take(0) is not None
    assert slots.offer(frame(1), 0)
    assert slots.dropped_count("front") == 0


def test_a_taker_wakes_for_a_frame_and_a_waiting_offer_for_its_slot() -> None:
    slots = FrameSlots(["front"])

    def offer_all() -> None:
        for seq in range(100):
            assert slots.offer(frame(seq), 10)

    thread = threading.Thread(target=offer_all)
    thread.start()
    taken = [slots.take(10) for _ in range(100)]
    thread.join(10)

    assert [one.seq for one in taken if one is not None] == list(range(100))


def test_cameras_are_served_by_their_weights() -> None:
    slots = FrameSlots(["a", "b"])
    slots.set_weights({"a": 3.0})
    served = []
    for seq in range(40):
        for camera in ("a", "b"):
            slots.put(frame(seq, camera=camera))
        taken = slots.take(0)
        assert taken is not None
        served.append(taken.camera)

    assert served.count("a") == 30


def test_a_taker_and_a_waiter_end_when_they_are_interrupted() -> None:
    slots = FrameSlots(["front"])
    is_due = threading.Event()
    ends: list[object] = []

    def wait() -> None:
        ends.append(slots.take(10, is_interrupted=is_due.is_set))
        ends.append(slots.wait(is_due.is_set, None))

    thread = threading.Thread(target=wait)
    thread.start()
    is_due.set()
    slots.interrupt()
    thread.join(10)

    assert ends == [None, True]
    assert not slots.wait(lambda: False, 0)


def test_a_frame_does_not_end_a_wait_for_something_else() -> None:
    slots = FrameSlots(["front"])
    slots.put(frame(0))
    assert not slots.wait(lambda: False, 0.01)
    assert slots.take(0) is not None


def test_a_camera_that_offers_is_lossless() -> None:
    slots = FrameSlots(["live", "recording"])
    slots.put(frame(0, camera="live"))
    slots.offer(frame(0, camera="recording"), 0)
    assert slots.is_lossless("recording")
    assert not slots.is_lossless("live")
