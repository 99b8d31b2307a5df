"""What was announced before, and what is to be removed now."""

from edged.home_assistant.announced import (
    MAX_OLD_TOPICS,
    MAX_REMOVED,
    Announcement,
    announce,
    withdraw,
)

TOPIC = "homeassistant/device/edged-a/config"


def test_a_component_that_has_gone_is_removed_until_it_comes_back() -> None:
    first = announce(
        Announcement(),
        topic=TOPIC,
        labels=(),
        components={"motion": "binary_sensor", "fps": "sensor"},
    )
    assert first.removed == {}
    second = announce(first, topic=TOPIC, labels=(), components={"motion": "binary_sensor"})
    assert second.removed == {"fps": "sensor"}
    third = announce(second, topic=TOPIC, labels=(), components={"motion": "binary_sensor"})
    assert third == second
    assert announce(third, topic=TOPIC, labels=(), components=first.components) == first


def test_the_oldest_removals_are_forgotten() -> None:
    before = Announcement(
        topic=TOPIC, removed={f"old {number}": "sensor" for number in range(MAX_REMOVED)}
    )
    before = announce(before, topic=TOPIC, labels=(), components={"new": "sensor"})
    after = announce(before, topic=TOPIC, labels=(), components={})
    assert len(after.removed) == MAX_REMOVED
    assert "old 0" not in after.removed
    assert "new" in after.removed


def test_a_new_topic_deletes_the_old_message_and_removes_nothing() -> None:
    before = announce(Announcement(), topic=TOPIC, labels=(), components={"fps": "sensor"})
    after = announce(before, topic="ha/device/edged-a/config", labels=(), components={})
    assert after.old_topics == (TOPIC,)
    assert after.removed == {}
    back = announce(after, topic=TOPIC, labels=(), components={})
    assert back.old_topics == ("ha/device/edged-a/config",)


def test_withdrawal_keeps_the_topic_until_it_is_deleted() -> None:
    before = announce(Announcement(), topic=TOPIC, labels=("person",), components={"a": "sensor"})
    after = withdraw(before)
    assert after == Announcement(labels=("person",), old_topics=(TOPIC,))
    assert withdraw(after) == after


def test_old_topics_are_bounded() -> None:
    one = Announcement()
    for number in range(20):
        one = announce(one, topic=f"t{number}", labels=(), components={})
    assert len(one.old_topics) == MAX_OLD_TOPICS
    assert one.old_topics[-1] == "t18"
