"""The record of what was announced to Home Assistant, kept over restarts: it removes an entity only if it is told to.

A component that is no longer there stays in the discovery message with its platform alone, which removes it. It stays there for good,
because nobody knows which of several Home Assistants has received it; one that does not know the component ignores that.
"""

from collections.abc import Mapping
from itertools import islice

from msgspec import Struct, field

from edged.home_assistant.component import Platform

MAX_REMOVED = 256
"""More removed components than this are forgotten, the oldest first."""
MAX_OLD_TOPICS = 8


class Announcement(Struct, frozen=True, kw_only=True):
    """The content of the newest discovery message.

    Attributes:
        topic: its topic; "" if nothing is announced.
        labels: the model's labels at that time.
        components: the platforms of its components, by id.
        removed: the platforms of the components that it removed, by id, oldest first.
        old_topics: topics of other discovery messages that the broker may still keep, oldest first.
    """

    topic: str = ""
    labels: tuple[str, ...] = ()
    components: dict[str, Platform] = field(default_factory=dict)
    removed: dict[str, Platform] = field(default_factory=dict)
    old_topics: tuple[str, ...] = ()


def announce(
    before: Announcement,
    *,
    topic: str,
    labels: tuple[str, ...],
    components: Mapping[str, Platform],
) -> Announcement:
    """Return what is announced now.

    Args:
        before: what was announced.
        topic: topic of the discovery message.
        labels: the model's labels.
        components: the platforms of all components, by id.
    """
    if before.topic != topic:  # all of its components go with the old message
        before = withdraw(before)
    removed = {
        component: platform
        for component, platform in (before.removed | before.components).items()
        if component not in components
    }
    return Announcement(
        topic=topic,
        labels=labels,
        components=dict(components),
        removed=dict(islice(removed.items(), max(0, len(removed) - MAX_REMOVED), None)),
        old_topics=tuple(old for old in before.old_topics if old != topic),
    )


def withdraw(before: Announcement) -> Announcement:
    """Return the announcement of nothing: the old message is to be deleted."""
    topics = dict.fromkeys((*before.old_topics, *filter(None, [before.topic])))
    return Announcement(labels=before.labels, old_topics=tuple(topics)[-MAX_OLD_TOPICS:])
