"""The lines of ``edged tail``."""

import pytest

from edged.cli.tail_lines import TailLines
from edged.client import (
    LateWill,
    LinkDown,
    LinkUp,
    Notice,
    NumberingRestarted,
    NumbersMissing,
    PictureReceived,
    Received,
    Removed,
    TopicRefused,
    Unreadable,
)
from edged.messaging.contract.header import Header
from edged.messaging.contract.messages import OnlineStatus
from edged.messaging.contract.topics import Topics
from support.examples import event, examples, health, stamper, state


def received(message: Header, *, retained: bool = False) -> Received:
    stamped = stamper().stamp(message)
    topic = Topics(stamped.device).of(stamped)
    return Received(topic=topic, device=stamped.device, retained=retained, message=stamped)


@pytest.mark.parametrize(
    ("message", "line"),
    [
        (event(), "09:30:05.412  shop-12 front: + person 0.81  0.5 s, in door  #17"),
        (
            event(type="end", zones=(), stationary=True),
            "09:30:05.412  shop-12 front: - person 0.81  0.5 s, stationary  #17",
        ),
        (OnlineStatus(status="stopping"), "09:30:05.412  shop-12: stopping"),
        (
            state(counts={"person": 2, "dog": 0}, motion=True, zones={"door": {"person": 1}}),
            "09:30:05.412  shop-12 front: 2 person, motion; door: 1 person",
        ),
        (state(online=False), "09:30:05.412  shop-12 front: camera offline"),
        (
            health(),
            "09:30:05.412  shop-12: health degraded: camera.front (no frame for 3 s)",
        ),
        (
            examples()["gap"][0],
            "09:30:05.412  shop-12: lost 41 messages (full): 40001-40040, 40042",
        ),
        (
            examples()["detections"][0],
            "09:30:05.412  shop-12 front: frame 71: person 0.81",
        ),
    ],
)
def test_a_message_is_one_line(message: Header, line: str) -> None:
    assert TailLines().format(received(message)) == line


@pytest.mark.parametrize("name", examples())
def test_every_message_of_the_contract_has_words(name: str) -> None:
    message, _ = examples()[name]
    line = TailLines().format(received(message, retained=True))
    assert line is not None
    assert type(message).__name__ not in line
    assert line.endswith("  (retained)")


@pytest.mark.parametrize(
    ("notice", "line"),
    [
        (LinkUp(is_resumed=False), "* connected"),
        (LinkDown(reason="refused"), "* not connected, trying again: refused"),
        (
            TopicRefused(topic_filter="edged/#", reason="Not authorized"),
            "* the broker refuses edged/#: Not authorized",
        ),
        (
            NumbersMissing(device="a", ranges=((7, 7), (9, 12))),
            "! a: not received, and in no gap record so far: 7, 9-12",
        ),
        (
            NumberingRestarted(device="a", highest_before=9, seq=3),
            "! a: numbers start again at 3, after 9: its state directory is new",
        ),
        (
            LateWill(device="a", session="s1"),
            "! a: the last will of session s1 came late; it does not count",
        ),
        (Unreadable(topic="t", reason="broken"), "! t: broken"),
        (Removed(topic="t", device="a"), "a: t was deleted"),
        (
            PictureReceived(topic="t", device="a", camera="c", retained=False, jpeg=bytes(41_000)),
            "a c: picture, 41 kB",
        ),
    ],
)
def test_a_notice_is_one_line(notice: Notice, line: str) -> None:
    formatted = TailLines().format(notice)
    assert formatted is not None
    assert formatted.strip() == line


def test_what_is_repeated_has_no_line() -> None:
    lines = TailLines()
    assert lines.format(received(health())) is not None
    assert lines.format(received(health())) is None
    assert lines.format(received(state(motion=True))) is not None
    assert lines.format(received(state(motion=False))) is not None
    assert lines.format(received(event())) is not None
    assert lines.format(received(event())) is not None


def test_control_characters_of_others_are_shown_as_text() -> None:
    evil = "\x1b]0;owned\x07\n\u202e"
    for notice in (
        received(event(label=evil)),
        received(state(counts={evil: 1})),
        Unreadable(topic=evil, reason=evil),
        LinkDown(reason=evil),
        LateWill(device=evil, session=evil),
    ):
        line = TailLines().format(notice)
        assert line is not None
        assert "\\u001b]0;owned\\u0007\\u000a\\u202e" in line
        assert line.isprintable()
