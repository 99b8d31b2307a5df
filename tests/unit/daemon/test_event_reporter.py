"""Which frames' detections are told."""

from edged.clock import NS_PER_S
from edged.daemon.event_reporter import DetectionsGate


def test_one_empty_message_when_the_scene_clears() -> None:
    gate = DetectionsGate(max_hz=10)
    counts = [0, 0, 1, 1, 0, 0]
    reported = [gate.admit(n, i * NS_PER_S) for i, n in enumerate(counts)]
    assert reported == [False, False, True, True, True, False]


def test_no_more_than_the_rate_but_always_the_clearing() -> None:
    gate = DetectionsGate(max_hz=10)
    reported = [gate.admit(1, i * NS_PER_S // 100) for i in range(100)]
    assert sum(reported) == 10
    assert gate.admit(0, NS_PER_S)
