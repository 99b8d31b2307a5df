"""What a client makes of messages: duplicates, gaps, late wills and the state of each device."""

from collections.abc import Iterator

import msgspec
import pytest

from edged.client import (
    LateWill,
    MessageReader,
    Notice,
    NumberingRestarted,
    NumbersMissing,
    PictureReceived,
    Received,
    Removed,
    Unreadable,
)
from edged.messaging.contract.header import Header, encode
from edged.messaging.contract.messages import Gap, OnlineStatus
from edged.messaging.contract.topics import Topics
from support.examples import event, examples, health, payload, stamper, state

DEVICE = "shop-12"
UP = f"edged/v1/{DEVICE}/up"


@pytest.fixture
def reader() -> MessageReader:
    return MessageReader()


def take(
    reader: MessageReader, message: Header, seq: int | None = None, session: str = "s1"
) -> list[Notice]:
    stamped = msgspec.structs.replace(stamper().stamp(message, seq), session=session)
    return [*reader.read(Topics(DEVICE).of(stamped), encode(stamped))]


def kinds(notices: list[Notice]) -> list[type]:
    return [type(notice) for notice in notices]


@pytest.mark.parametrize("name", examples())
def test_every_message_of_the_contract_is_decoded(reader: MessageReader, name: str) -> None:
    message, _ = examples()[name]
    topic = Topics(DEVICE).of(stamper().stamp(message))
    (notice,) = reader.read(topic, payload(name), retained=True)
    assert isinstance(notice, Received)
    assert type(notice.message) is type(message)
    assert (notice.topic, notice.device, notice.retained) == (topic, DEVICE, True)
    assert encode(notice.message) == payload(name)


def test_a_repeat_is_left_out_and_counted(reader: MessageReader) -> None:
    assert kinds(take(reader, event(), 7)) == [Received]
    assert take(reader, event(), 7) == []
    assert kinds(take(reader, event(), 8)) == [Received]
    assert take(reader, event(), 7) == []
    assert reader.devices[DEVICE].numbers.duplicate_count == 2


def test_a_repeat_of_an_older_session_is_left_out(reader: MessageReader) -> None:
    take(reader, event(), 7, session="s1")
    take(reader, event(), 8, session="s2")
    assert take(reader, event(), 7, session="s1") == []


def test_a_backlog_keeps_its_session_and_is_no_repeat(reader: MessageReader) -> None:
    take(reader, OnlineStatus(status="online"), session="s2")
    assert kinds(take(reader, event(), 7, session="s1")) == [Received]
    assert kinds(take(reader, event(), 8, session="s2")) == [Received]


def test_missing_numbers_are_noticed_once(reader: MessageReader) -> None:
    take(reader, event(), 7)
    missing, received = take(reader, event(), 10)
    assert missing == NumbersMissing(device=DEVICE, ranges=((8, 9),))
    assert isinstance(received, Received)
    assert kinds(take(reader, event(), 11)) == [Received]
    assert reader.devices[DEVICE].numbers.missing == ((8, 9),)


def test_a_gap_record_explains_what_is_missing(reader: MessageReader) -> None:
    take(reader, event(), 7)
    take(reader, event(), 12)
    gap = Gap(reason="full", ranges=((8, 8), (10, 11)), count=3)
    assert kinds(take(reader, gap, 13)) == [Received]
    assert reader.devices[DEVICE].numbers.missing == ((9, 9),)


def test_a_gap_record_that_comes_first_leaves_nothing_to_notice(reader: MessageReader) -> None:
    take(reader, event(), 7)
    gap = Gap(reason="unclean_stop", ranges=((8, 10_007),), count=None)
    assert kinds(take(reader, gap, 10_008, session="s2")) == [Received]
    assert reader.devices[DEVICE].numbers.missing == ()


def test_numbers_that_a_gap_record_names_ahead_are_not_missing(reader: MessageReader) -> None:
    take(reader, event(), 7)
    take(reader, Gap(reason="disk", ranges=((9, 20),), count=None), 8)
    assert kinds(take(reader, event(), 21)) == [Received]


def test_a_lower_count_of_a_new_session_is_a_new_count(reader: MessageReader) -> None:
    take(reader, event(), 5_000, session="s1")
    restarted, received = take(reader, event(), 300, session="s2")
    assert restarted == NumberingRestarted(device=DEVICE, highest_before=5_000, seq=300)
    assert isinstance(received, Received)
    assert kinds(take(reader, event(), 301, session="s2")) == [Received]


def test_a_late_will_does_not_count(reader: MessageReader) -> None:
    take(reader, OnlineStatus(status="online"), session="s1")
    take(reader, OnlineStatus(status="online"), session="s2")
    late = take(reader, OnlineStatus(status="offline"), session="s1")
    assert late == [LateWill(device=DEVICE, session="s1")]
    assert reader.devices[DEVICE].is_online


def test_the_will_of_the_present_session_counts(reader: MessageReader) -> None:
    take(reader, OnlineStatus(status="online"), session="s1")
    assert kinds(take(reader, OnlineStatus(status="offline"), session="s1")) == [Received]
    assert not reader.devices[DEVICE].is_online


def test_a_device_that_was_offline_first_is_no_late_will(reader: MessageReader) -> None:
    assert kinds(take(reader, OnlineStatus(status="offline"), session="s0")) == [Received]


def test_what_a_dead_session_retained_is_not_current(reader: MessageReader) -> None:
    take(reader, OnlineStatus(status="online"), session="s1")
    take(reader, health(), session="s1")
    device = reader.devices[DEVICE]
    assert device.health is not None
    assert device.is_current(device.health)
    take(reader, OnlineStatus(status="offline"), session="s1")
    assert not device.is_current(device.health)
    take(reader, OnlineStatus(status="online"), session="s2")
    assert not device.is_current(device.health)
    take(reader, health(), session="s2")
    assert device.is_current(device.health)


def test_objects_are_those_that_have_not_ended(reader: MessageReader) -> None:
    take(reader, OnlineStatus(status="online"), session="s1")
    take(reader, event(id="s1-1"), 1, session="s1")
    take(reader, event(id="s1-2"), 2, session="s1")
    take(reader, event(id="s1-1", type="end"), 3, session="s1")
    device = reader.devices[DEVICE]
    assert set(device.objects) == {"s1-2"}
    take(reader, OnlineStatus(status="online"), session="s2")
    assert device.objects == {}


def test_cameras_and_other_retained_messages(reader: MessageReader) -> None:
    take(reader, state(occupied=True, counts={"person": 1}))
    for name in ("info", "model"):
        take(reader, examples()[name][0])
    device = reader.devices[DEVICE]
    assert device.cameras["front"].counts == {"person": 1}
    assert device.info is not None
    assert device.model is not None
    assert set(device.latest) == {"camera/front/state", "info", "model"}


def test_a_removed_message_is_forgotten(reader: MessageReader) -> None:
    take(reader, state())
    topic = f"{UP}/camera/front/state"
    assert reader.read(topic, b"") == [Removed(topic=topic, device=DEVICE)]
    assert reader.devices[DEVICE].cameras == {}


def test_a_picture_is_not_decoded(reader: MessageReader) -> None:
    topic = f"{UP}/camera/front/snapshot"
    assert reader.read(topic, b"\xff\xd8\xff", retained=True) == [
        PictureReceived(
            topic=topic, device=DEVICE, camera="front", retained=True, jpeg=b"\xff\xd8\xff"
        )
    ]


@pytest.mark.parametrize(
    ("topic", "content", "reason"),
    [
        (f"{UP}/health", b"{", "truncated"),
        (f"{UP}/health", b"\xff\xfe", ""),
        (f"{UP}/health", b"[" * 100_000, ""),
        (f"{UP}/health", b"{}", "schema"),
        (f"{UP}/camera/front/events", b'{"schema": "edged.event/2"}', "edged.event/2"),
        (f"{UP}/gap", payload("event"), "camera/front/events"),
        ("edged/v1/other/up/camera/front/events", payload("event"), "shop-12"),
        ("edged/v1/shop-12/down/desired", b"{}", "no topic"),
        ("edged/v2/shop-12/up/health", b"{}", "no topic"),
        ("edged/v1/", b"{}", "no topic"),
        ("", b"{}", "no topic"),
    ],
)
def test_what_is_not_of_the_contract_is_a_notice(
    reader: MessageReader, topic: str, content: bytes, reason: str
) -> None:
    (notice,) = reader.read(topic, content)
    assert isinstance(notice, Unreadable)
    assert notice.topic == topic
    assert reason in notice.reason


def test_devices_are_apart(reader: MessageReader) -> None:
    for device in ("a", "b"):
        stamped = msgspec.structs.replace(stamper().stamp(event(), 7), device=device)
        assert kinds([*reader.read(Topics(device).of(stamped), encode(stamped))]) == [Received]
    assert set(reader.devices) == {"a", "b"}


def every_notice() -> Iterator[Notice]:
    yield NumbersMissing(device=DEVICE, ranges=((8, 9),))
    yield LateWill(device=DEVICE, session="s1")


def test_notices_name_their_kind_in_json() -> None:
    encoded = [msgspec.json.decode(msgspec.json.encode(notice)) for notice in every_notice()]
    assert [notice["kind"] for notice in encoded] == ["numbers_missing", "late_will"]
