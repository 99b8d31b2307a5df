"""The limits of the broker, in words."""

from edged.interfaces import PublishLimited
from edged.messaging.restrictions import Restrictions
from edged.publishers.mqtt_held_topics import HeldTopics

TOPIC = "edged/v1/a/up/camera/front/snapshot"


def test_the_pictures_of_all_objects_are_one_limit() -> None:
    restrictions = Restrictions()
    for number in range(100):
        restrictions.record(PublishLimited(f"{TOPIC}/s-{number}", "too large"))
    assert restrictions.publish_limits == f"{TOPIC}/…: too large"


def test_a_bounded_number_of_topics_is_remembered() -> None:
    limited: set[str] = set()

    def take(notice: PublishLimited) -> None:
        (limited.discard if notice.reason is None else limited.add)(notice.subject)

    held = HeldTopics(take)
    for number in range(1000):
        held.hold(f"{TOPIC}/s-{number}", "not authorized")
    assert len(limited) == 64
    assert not held.is_held(f"{TOPIC}/s-0")
    assert held.is_held(f"{TOPIC}/s-999")
