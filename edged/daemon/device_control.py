"""The device as commands use it: the one place where the effect of a verb meets the parts of the daemon."""

from collections.abc import Callable, Mapping

from edged.clock import Deadline
from edged.config.settings import Settings
from edged.daemon.inbox import Inbox, ReloadRequested, RestartRequested
from edged.daemon.self_test_job import SelfTestJob
from edged.daemon.switches import Change, Switches
from edged.daemon.vision_service import VisionService
from edged.interfaces.command import Done, ErrorCode, Finish, Refused, SnapshotOptions
from edged.pictures.ring import StoredPicture
from edged.updates.service.control_messages import ControlResponse, RollbackRequest
from edged.updates.service.control_socket import PendingControlRequest
from edged.updates.service.service import UpdateService
from edged.vision.picture_messages import Picture, PictureOptions, PictureRefusal, RefusalCode

_ERROR_CODES: Mapping[RefusalCode, ErrorCode] = {
    "busy": "busy",
    "failed": "failed",
    "no_camera": "not_found",
    "no_frame": "timeout",
    "not_stored": "failed",
    "timeout": "timeout",
}
"""Of the replies, by the reason why there is no picture; "refused" for the others."""


class DeviceControl:
    """Implements `edged.interfaces.command.Device`."""

    def __init__(
        self,
        switches: Switches,
        *,
        vision: VisionService,
        updates: UpdateService,
        self_test: SelfTestJob,
        inbox: Inbox,
        restart_limit: Deadline | None,
        on_switched: Callable[[], object],
    ) -> None:
        """Do nothing yet.

        Args:
            switches: the configuration in use.
            vision: workers and cameras.
            updates: model updates.
            self_test: tests the active model.
            inbox: takes what the supervisor does.
            restart_limit: the daemon does not restart on a command before; None if it always may.
            on_switched: called when what commands have switched is to be kept.
        """
        self._switches = switches
        self._vision = vision
        self._updates = updates
        self._self_test = self_test
        self._inbox = inbox
        self._restart_limit = restart_limit
        self._on_switched = on_switched

    @property
    def settings(self) -> Settings:
        """The configuration in use."""
        return self._switches.settings

    def find_labels(self, camera: str) -> tuple[str, ...]:
        """Return the labels of the model that runs on a camera's frames; () until one runs."""
        monitor = self._vision.cameras.get(camera)
        return monitor.model.labels if monitor and monitor.model else ()

    def switch(self, camera: str, change: Change) -> None:
        """Change what commands have switched for a camera, and apply it."""
        before = self._switches.settings
        settings = self._switches.change(camera, change)
        if settings != before:
            self._vision.apply_settings(settings, self._updates.active_model)
        self._on_switched()

    def take_snapshot(self, camera: str, options: SnapshotOptions, finish: Finish) -> None:
        """Take a picture, and publish it as the camera's snapshot.

        Args:
            camera: name of the camera.
            options: how the picture is made.
            finish: gets the outcome.
        """

        def report(answer: Picture | PictureRefusal) -> None:
            if isinstance(answer, PictureRefusal):
                finish(Refused(_ERROR_CODES.get(answer.code, "refused"), answer.reason))
                return
            topic = self._vision.pictures.publish_newest(answer)
            if topic is None:
                reason = "the picture was taken, but not published: the connection does not keep up, or the picture is above the broker's limit; then up/health has publish_limited"
                finish(Refused("failed", reason))
                return
            finish(
                Done(
                    {
                        "topic": topic,
                        "width": answer.width,
                        "height": answer.height,
                        "size_bytes": len(answer.jpeg),
                    }
                )
            )

        chosen = PictureOptions(
            annotate=options.annotate, max_width=options.max_width, quality=options.quality
        )
        self._vision.take_picture(camera, chosen, report)

    def keep_example(self, camera: str, finish: Finish) -> None:
        """Keep what a camera sees now as a hard example, on disk.

        Args:
            camera: name of the camera.
            finish: gets the outcome.
        """

        def report(outcome: StoredPicture | PictureRefusal) -> None:
            if isinstance(outcome, PictureRefusal):
                finish(Refused(_ERROR_CODES.get(outcome.code, "refused"), outcome.reason))
            else:
                finish(Done({"file": outcome.file_name, "size_bytes": outcome.size_bytes}))

        monitor = self._vision.cameras.get(camera)
        self._vision.pictures.examples.keep_newest(camera, monitor, report)

    def reload(self, finish: Finish) -> None:
        """Read the configuration's files again."""

        def report(error: str | None) -> None:
            finish(Done() if error is None else Refused("failed", error))

        self._inbox.put(ReloadRequested(report))

    def run_self_test(self, finish: Finish) -> None:
        """Test the active model in a sandboxed process."""
        self._self_test.start(finish)

    def roll_back_model(self, reason: str, finish: Finish) -> None:
        """End the deployment in flight; without one, go back to the previous model."""

        def report(response: ControlResponse) -> None:
            if response.error:
                finish(Refused("refused", response.error))
            else:
                finish(Done({"changed": response.changed, "deployment": response.id}))

        self._updates.process_message(PendingControlRequest(RollbackRequest(reason=reason), report))

    def install_update(self, finish: Finish) -> None:
        """Install the version that the update channel offers."""
        problem = self._updates.install_offered()
        finish(Done() if problem is None else Refused("refused", problem))

    def restart(self, finish: Finish) -> None:
        """End the daemon once the reply is sent, so that it starts again."""
        limit = self._restart_limit
        if limit is not None and not limit.expired:
            reason = f"it started a short time ago, and systemd allows few starts within an hour: try again in {limit.remaining_s:.0f} s"
            finish(Refused("busy", reason))
            return
        finish(Done())
        self._inbox.put(RestartRequested())
