"""A self-test of the active model while the daemon runs, in a thread that waits for its sandboxed process."""

from collections.abc import Callable

from edged.disk_thread import DiskQueue
from edged.errors import EdgedError
from edged.interfaces.command import Done, Finish, Outcome, Refused
from edged.vision.active_model import ActiveModel

MAX_SELF_TEST_S = 90.0


class SelfTestJob:
    """Runs one self-test at a time."""

    def __init__(self, thread: DiskQueue, get_model: Callable[[], ActiveModel]) -> None:
        """Test nothing yet.

        Args:
            thread: waits for the self-test.
            get_model: returns the active model.
        """
        self._thread = thread
        self._get_model = get_model
        self._is_running = False

    def start(self, finish: Finish) -> None:
        """Test the active model; `finish` gets the outcome."""
        if self._is_running:
            finish(Refused("busy", "a self-test is running already"))
            return
        self._is_running = True
        model = self._get_model()

        def report(outcome: Outcome) -> None:
            self._is_running = False
            finish(outcome)

        self._thread.submit(lambda: _run_self_test(model), report)


def _run_self_test(model: ActiveModel) -> Outcome:
    from msgspec.structs import replace

    from edged.selftest.messages import SelfTestRequest
    from edged.selftest.process import SelfTestProcess

    # The accelerator's device is the worker's.
    request = SelfTestRequest(
        settings=replace(model.settings, delegate=None), goldens=model.goldens
    )
    try:
        with SelfTestProcess() as process:
            report = process.run(request, timeout_s=MAX_SELF_TEST_S)
    except EdgedError as error:
        return Refused("failed", str(error))
    if report.golden_mismatches:
        return Refused(
            "failed",
            f"its detections differ from its goldens: {'; '.join(report.golden_mismatches[:3])}",
        )
    return Done(
        {
            "model": model.name or str(model.settings.path or model.settings.bundled),
            "family": report.family,
            "invoke_ms_p95": round(report.invoke_ms_p95, 2),
            "peak_memory_mb": round(report.peak_memory_mb, 1),
        }
    )
