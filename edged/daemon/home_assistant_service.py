"""Announces the device to Home Assistant: its discovery message, kept up to date, and every state again when Home Assistant starts."""

import random
from collections.abc import Callable

import msgspec
from msgspec import Struct

from edged.config.settings import Settings
from edged.daemon.announcement_file import AnnouncementFile
from edged.event_loop import EventLoop, Timer
from edged.home_assistant.announced import Announcement, announce, withdraw
from edged.home_assistant.discovery import (
    DeviceFacts,
    build_components,
    discovery_topic,
    encode_discovery,
)
from edged.interfaces import MessageReceived, OutgoingMessage
from edged.messaging.outbox import Outbox

MIN_RESEND_S, MAX_RESEND_S = 0.2, 3.0
"""All devices hear at the same moment that Home Assistant has started; each waits for a time of its own."""
_DELETE_CHECK_S = 30.0
"""A connection that has stood for this long has delivered what was handed over at its beginning."""


class ModelFacts(Struct, frozen=True, kw_only=True):
    """The model, as far as the entities depend on it; it changes while the daemon runs.

    Attributes:
        labels: its labels; empty while no model has run.
        recommended_labels: the labels that its maker recommends; None for all.
        install_id: id of the command that installs the offered model.
    """

    labels: tuple[str, ...] = ()
    recommended_labels: tuple[str, ...] | None = None
    install_id: str = ""


class HomeAssistantService:
    """Keeps the discovery message, or sees to it that the broker deletes that of an earlier run."""

    def __init__(
        self,
        settings: Settings,
        device: DeviceFacts,
        *,
        read_model: Callable[[], ModelFacts],
        outbox: Outbox,
        file: AnnouncementFile,
        loop: EventLoop,
    ) -> None:
        """Announce nothing yet: `start` does.

        Args:
            settings: the configuration.
            device: the device, without its model.
            read_model: returns the present model.
            outbox: takes the messages.
            file: remembers what was announced.
            loop: the supervisor's loop.
        """
        self._settings = settings
        self._device = device
        self._read_model = read_model
        self._outbox = outbox
        self._file = file
        self._loop = loop
        self._announcement: Announcement | None = None
        """None until the file is read."""
        self._published: tuple[Settings, ModelFacts] | None = None
        self._resend: Timer | None = None
        self._connects_at_check = 0

    def start(self) -> None:
        """Read what was announced before, then announce what there is now."""
        self._file.load(self._on_loaded)

    def tick(self) -> None:
        """Announce again what a new model has changed."""
        if self._announcement is not None and self._settings.home_assistant.enabled:
            self._announce(self._announcement)

    def apply_settings(self, settings: Settings) -> None:
        """Announce what another configuration has; the feature itself is switched by a restart only."""
        enabled = self._settings.home_assistant
        self._settings = msgspec.structs.replace(settings, home_assistant=enabled)
        self.tick()

    def receive(self, message: MessageReceived) -> None:
        """Send every state again when Home Assistant has started; a retained message tells nothing new."""
        if message.payload.strip() != b"online" or message.retained or self._resend is not None:
            return
        delay_s = random.uniform(MIN_RESEND_S, MAX_RESEND_S)  # noqa: S311 (no secret)
        self._resend = self._loop.call_later(delay_s, self._on_resend_due)

    def _on_resend_due(self) -> None:
        self._resend = None
        self._outbox.resend_retained()

    def _on_loaded(self, announcement: Announcement) -> None:
        self._announcement = announcement
        if self._settings.home_assistant.enabled:
            self._announce(announcement)
        else:
            self._keep(withdraw(announcement))
        for topic in self._announcement.old_topics:
            self._retain(topic, b"")
        if self._announcement.old_topics:
            self._await_deletion()

    def _announce(self, before: Announcement) -> None:
        model = self._read_model()
        if not model.labels:  # no model has run yet: most likely it is the same one
            model = msgspec.structs.replace(model, labels=before.labels)
        if self._published == (self._settings, model):
            return
        self._published = (self._settings, model)
        facts = msgspec.structs.replace(
            self._device,
            labels=model.labels,
            recommended_labels=model.recommended_labels,
            install_id=model.install_id,
        )
        components = build_components(self._settings, facts)
        topic = discovery_topic(self._settings, facts.name)
        after = announce(
            before,
            topic=topic,
            labels=model.labels,
            components={name: component.platform for name, component in components.items()},
        )
        self._keep(after)
        self._retain(topic, encode_discovery(facts, components, after.removed))

    def _retain(self, topic: str, payload: bytes) -> None:
        """Publish a message that the broker keeps; an empty one deletes what it has kept."""
        message = OutgoingMessage(topic=topic, payload=payload, qos=1, retain=True)
        self._outbox.retain(message)

    def _keep(self, announcement: Announcement) -> None:
        if announcement != self._announcement:
            self._announcement = announcement
            self._file.save(announcement)

    def _await_deletion(self) -> None:
        """Forget the old topics once their deletion is delivered."""
        assert self._announcement is not None  # noqa: S101 (the file is read)
        connects = self._outbox.link_state().connects
        if connects and connects == self._connects_at_check:
            self._keep(msgspec.structs.replace(self._announcement, old_topics=()))
            return
        self._connects_at_check = connects
        self._loop.call_later(_DELETE_CHECK_S, self._await_deletion)
