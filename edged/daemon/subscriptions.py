"""The topics that the device subscribes to. A rule; no I/O."""

from edged.config.settings import Settings
from edged.messaging.contract.topics import Topics


def list_subscriptions(settings: Settings, topics: Topics) -> tuple[str, ...]:
    """Return the topic filters that the configuration needs."""
    wanted = {
        topics.desired: settings.updates.channel,
        topics.commands: settings.commands.enabled,
    }
    return tuple(topic for topic, is_wanted in wanted.items() if is_wanted)
