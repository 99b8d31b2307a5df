"""The topics that the device subscribes to. A rule; no I/O."""

from edged.config.settings import Settings
from edged.messaging.contract.topics import Topics


def list_subscriptions(settings: Settings, topics: Topics) -> tuple[str, ...]:
    """Return the topic filters that the configuration needs."""
    wanted = {
        topics.desired: settings.updates.channel,
        topics.commands: settings.commands.enabled,
        # As `edged.home_assistant.discovery.status_topic`, which is not imported for nothing.
        f"{settings.home_assistant.prefix}/status": settings.home_assistant.enabled,
    }
    return tuple(topic for topic, is_wanted in wanted.items() if is_wanted)
